import type { PlanStep } from '../policy/plan.ts';
import { callCandidate } from './call-candidate.ts';
import type { Run, StepAnswer, StepContext } from './run.ts';
import { runHedge } from './run-hedge.ts';
import { runSequence } from './run-sequence.ts';
import { runTool } from './run-tool.ts';
import { runParallel } from './steps.ts';

/**
 * Runs a step of a plan, and those inside it.
 *
 * @throws what the step failed with: a client's error, or what ended everything.
 */
export function runStep(run: Run, step: PlanStep, context: StepContext): Promise<StepAnswer> {
  switch (step.kind) {
    case 'call':
      return callCandidate(run, context, step.candidate);
    case 'sequence':
      return runSequence(run, step, context, runStep);
    case 'parallel':
      return runParallel(run, step, context, runStep);
    case 'hedge':
      return runHedge(run, step, context, runStep);
    case 'tool':
      return runTool(run, step, context, runStep);
  }
}
