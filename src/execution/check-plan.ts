import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { AcceptTest, PlanStep } from '../policy/plan.ts';
import type { PlannedExecution } from './planned.ts';
import type { Settings } from './settings.ts';

/**
 * Looks up every name of a plan before anything is called: a plan that cannot be carried out to its end is not begun.
 * A router may know of more candidates than there are clients, so that those which a decision falls back on are left out
 * later.
 *
 * @throws InvalidInputError naming what is not there.
 */
export function checkPlan(
  { plan, fallback, predictions }: PlannedExecution,
  hasClient: (candidate: string) => boolean,
  settings: Settings,
): void {
  const needClient = (candidate: string) => {
    if (hasClient(candidate)) return;
    throw new InvalidInputError(
      `\`${candidate}\` of clients must be a function. Got nothing. Give a client for it, or keep it out of the ` +
        'decision by `limits: { deny: [...] }`.',
    );
  };
  const need = (kind: 'tools' | 'verifiers' | 'scorers', name: string) => {
    if (Object.hasOwn(settings[kind], name)) return;
    throw new InvalidInputError(`\`${kind}.${name}\` of execute options must be a function. Got nothing.`);
  };
  const checkAccept = (accept: AcceptTest | null): void => {
    if (accept?.kind === 'verifier') need('verifiers', accept.verifier);
    if (accept?.kind === 'all') accept.tests.forEach(checkAccept);
  };
  const check = (step: PlanStep): void => {
    for (const inner of stepsIn(step)) check(inner);
    if (step.kind === 'call') needClient(step.candidate);
    if (step.kind === 'sequence') for (const { accept } of step.steps) checkAccept(accept);
    if (step.kind === 'hedge') checkAccept(step.accept);
    if (step.kind === 'tool') need('tools', step.tool);
    if (step.kind === 'parallel') {
      if (step.combine.kind === 'best') need('scorers', step.combine.scorer);
      if (step.combine.kind === 'judge') needClient(step.combine.judge);
    }
  };
  for (const name of settings.candidates.keys()) {
    if (hasClient(name)) continue;
    throw new InvalidInputError(
      `\`candidates\` of execute options must name candidates that have a client. Got "${name}". Look for a misspelling.`,
    );
  }
  check(plan);
  if (predictions === undefined) fallback.forEach(needClient);
}

/** Those directly inside a step. */
function stepsIn(step: PlanStep): readonly PlanStep[] {
  switch (step.kind) {
    case 'call':
      return [];
    case 'sequence':
      return step.steps.map((inner) => inner.step);
    case 'parallel':
      return step.members;
    case 'hedge':
      return [step.fast, step.slow];
    case 'tool':
      return [step.before, step.after, step.otherwise].filter((inner) => inner !== null);
  }
}
