import { PointsmanError } from './errors/pointsman-error.ts';

/** The candidate that breaks its limits by the least. */
interface NearestCandidate {
  readonly candidate: string;
  /** The limits that it breaks. */
  readonly limits: readonly string[];
}

/** Limits left no candidate, and the policy or the request does not let the ones that did give way. */
export class NoCandidateError extends PointsmanError {
  readonly code = 'NO_CANDIDATE';
  /** Why each candidate was removed, by its name. */
  readonly removed: ReadonlyMap<string, string>;
  /** Null where no limit that could be loosened would bring one back. */
  readonly nearest: NearestCandidate | null;

  constructor(
    removed: ReadonlyMap<string, string>,
    nearest: NearestCandidate | null = null,
    options?: ErrorOptions,
  ) {
    const list = [...removed].map(([name, reason]) => `${name}: ${reason}`).join('; ');
    const advice =
      nearest === null
        ? 'Name other candidates in `allow` and `deny`, restore one that is retired, or give a client for one.'
        : `The nearest is ${nearest.candidate}, outside ${nearest.limits.join(' and ')}. Loosen a limit, or list it in ` +
          '`relax`, without `strict`, so that it gives way.';
    super(`No candidate is left. ${list}. ${advice}`, options);
    this.removed = removed;
    this.nearest = nearest;
  }
}
