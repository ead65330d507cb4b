import type { SequenceStep } from '../policy/plan.ts';
import { judgeAnswer, judgedContext } from './accept.ts';
import { isOver, type Run, type RunStep, type StepAnswer, type StepContext } from './run.ts';

/** Steps in turn, until one's answer is accepted. */
export async function runSequence(
  run: Run,
  { steps }: SequenceStep,
  context: StepContext,
  runStep: RunStep,
): Promise<StepAnswer> {
  let failure: unknown;
  for (const { step, accept } of steps) {
    const inner = judgedContext(context, accept);
    try {
      const given = await runStep(run, step, inner);
      const accepted = await judgeAnswer(run, accept, given, inner, step, runStep);
      if (accepted !== null) return accepted;
      failure = new Error('No answer of the sequence was accepted.');
    } catch (error) {
      if (isOver(run, context)) throw error;
      failure = error;
    }
  }
  throw failure;
}
