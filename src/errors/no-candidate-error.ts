import { PointsmanError } from './pointsman-error.ts';

/** Hard limits left no candidate, and the policy may not relax the ones that did. */
export class NoCandidateError extends PointsmanError {
  readonly code = 'NO_CANDIDATE';
  /** Why each candidate was removed, by its name. */
  readonly removed: ReadonlyMap<string, string>;

  constructor(removed: ReadonlyMap<string, string>, options?: ErrorOptions) {
    const list = [...removed].map(([name, reason]) => `${name}: ${reason}`).join('; ');
    super(
      `No candidate is left. ${list}. Loosen a limit, or list it in \`relax\` so that it gives way.`,
      options,
    );
    this.removed = removed;
  }
}
