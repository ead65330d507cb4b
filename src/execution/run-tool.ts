import type { ToolStep } from '../policy/plan.ts';
import type { Answer } from './answer.ts';
import { callFunction } from './call-function.ts';
import type { ClientAnswer } from './client.ts';
import { readFailure } from './failure.ts';
import { readAnswer } from './read-answer.ts';
import { beginRecord, recordAnswer, recordFailure } from './record.ts';
import { isOver, type Run, type RunStep, type StepAnswer, type StepContext } from './run.ts';

/** A tool answers, or helps a candidate to; when it has nothing to say, another step answers. */
export async function runTool(
  run: Run,
  { tool, before, after, otherwise }: ToolStep,
  context: StepContext,
  runStep: RunStep,
): Promise<StepAnswer> {
  const silent: StepContext = { ...context, sink: null };
  try {
    const prepared = before === null ? null : await runStep(run, before, silent);
    const given = await askTool(run, tool, prepared?.answer ?? null, context);
    if (given !== null) {
      if (after === null) return given;
      const addition = { kind: 'tool-result', tool, result: given.answer } as const;
      const request = run.settings.extendRequest(context.request, addition);
      return await runStep(run, after, { ...context, request });
    }
  } catch (error) {
    if (isOver(run, context)) throw error;
  }
  return runStep(run, otherwise, context);
}

/** null: it has no answer. */
async function askTool(
  run: Run,
  tool: string,
  answer: Answer | null,
  context: StepContext,
): Promise<StepAnswer | null> {
  const { request, signal } = context;
  const attempt = beginRecord(run, tool, 'tool', 0);
  const span = run.span.attempt(tool, 'tool', 0, request);
  let given: Answer | null = null;
  try {
    const result = await callFunction(run, signal, tool, (inner) =>
      span.run(() => run.settings.tools[tool]({ request, answer }, inner)),
    );
    if (result === null) {
      attempt.state = 'rejected';
      attempt.latencyMs = run.elapsedMs() - attempt.startedMs;
      attempt.costUsd = 0;
      return null;
    }
    const whole: ClientAnswer = typeof result === 'string' ? { text: result } : result;
    // A function that says nothing of its cost is free.
    const read = readAnswer(whole, tool);
    given = { ...read, costUsd: read.costUsd ?? 0 };
    recordAnswer(run, attempt, request, given);
    return { answer: given, candidate: tool, attempt };
  } catch (error) {
    recordFailure(run, attempt, request, readFailure(error, run.settings.clock.wallNow()), signal.aborted);
    throw error;
  } finally {
    run.budget.spend(attempt.costUsd ?? 0);
    span.end(attempt, given);
  }
}
