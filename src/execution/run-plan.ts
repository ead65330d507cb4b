import { CostBudgetError } from '../errors/cost-budget-error.ts';
import { DeadlineError } from '../errors/deadline-error.ts';
import { ExecutionError } from '../errors/execution-error.ts';
import { ExecutionFailedError } from '../errors/execution-failed-error.ts';
import type { Request } from '../request.ts';
import { openScope } from './abort-scope.ts';
import type { AttemptRecord } from './attempt.ts';
import { createBudget } from './budget.ts';
import { checkPlan } from './check-plan.ts';
import type { poolParts } from './client-pool.ts';
import type { ExecutionResult } from './execution-result.ts';
import { readFailure } from './failure.ts';
import type { Output } from './output.ts';
import type { PlannedExecution } from './planned.ts';
import { soundCost } from './price.ts';
import { isOver, type Run, type StepAnswer, type StepContext } from './run.ts';
import { runStep } from './run-step.ts';
import type { Settings } from './settings.ts';

/** What an execution is made of, its options read. */
export interface PlanRun {
  readonly planned: PlannedExecution;
  readonly request: Request;
  readonly pool: ReturnType<typeof poolParts>;
  readonly settings: Settings;
  readonly output: Output | null;
  /** When the execution began, on its clock: before the router was asked. @default now */
  readonly begun?: number;
}

/**
 * Runs a plan to its end: an answer, or an error.
 *
 * @throws InvalidInputError when the plan names what is not there, before anything is called.
 */
export async function runPlan(planRun: PlanRun): Promise<ExecutionResult> {
  const { planned, request, pool, settings, output } = planRun;
  checkPlan(planned, (candidate) => pool.clientOf(candidate) !== undefined, settings);
  const { clock, deadlineMs, signal } = settings;
  const scope = openScope(signal);
  const attempts: AttemptRecord[] = [];
  const begun = planRun.begun ?? clock.now();
  const expected = new Map(
    planned.predictions?.map(({ candidate, expectedCostUsd }) => [candidate, expectedCostUsd]),
  );
  const run: Run = {
    settings,
    pool,
    attempts,
    budget: createBudget(settings.costBudgetUsd),
    expectedCostUsd: (candidate) => soundCost(expected.get(candidate)),
    signal: scope.signal,
    output,
    span: settings.telemetry.begin(planned, request),
    elapsedMs: () => clock.now() - begun,
    quality: null,
  };
  const cancelDeadline = clock.after(deadlineMs - run.elapsedMs(), () =>
    scope.abort(new DeadlineError(deadlineMs, attempts)),
  );
  try {
    if (scope.signal.aborted) throw scope.signal.reason;
    const given = await planOrFallback(run, planned, {
      request,
      signal: scope.signal,
      role: 'answer',
      sample: 0,
      logprobs: false,
      sink: output?.branch(() => {}) ?? null,
    });
    if (output !== null && !output.committed) await output.writeWhole(given.answer);
    run.span.end({ candidate: given.candidate, costUsd: run.budget.spentUsd, errorCode: null });
    return resultOf(run, planRun, given);
  } catch (error) {
    const ending = endingOf(run, error);
    run.span.end({
      candidate: null,
      costUsd: run.budget.spentUsd,
      errorCode: readFailure(ending, clock.wallNow()).code,
    });
    throw ending;
  } finally {
    cancelDeadline();
    scope.close();
  }
}

async function planOrFallback(
  run: Run,
  { plan, fallback }: PlannedExecution,
  context: StepContext,
): Promise<StepAnswer> {
  let failure: unknown;
  try {
    return await runStep(run, plan, context);
  } catch (error) {
    if (isOver(run, context)) throw error;
    failure = error;
  }
  for (const candidate of fallback) {
    if (run.attempts.some((attempt) => attempt.candidate === candidate)) continue;
    if (run.pool.clientOf(candidate) === undefined) continue;
    try {
      return await runStep(run, { kind: 'call', candidate }, { ...context, role: 'fallback' });
    } catch (error) {
      if (isOver(run, context)) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** The error that the caller gets. What ended everything is that error; whatever else went wrong is the cause. */
function endingOf(run: Run, error: unknown): unknown {
  if (run.signal.aborted) return run.signal.reason;
  if (run.output?.committed === true && error instanceof ExecutionError) return error;
  const refused = run.attempts.find((attempt) => attempt.error?.code === 'COST_BUDGET');
  if (refused !== undefined) {
    const { spentUsd, isBlind } = run.budget;
    return new CostBudgetError(run.settings.costBudgetUsd, spentUsd, run.attempts, isBlind);
  }
  return new ExecutionFailedError(run.attempts, error);
}

function resultOf(run: Run, { planned, begun }: PlanRun, given: StepAnswer): ExecutionResult {
  const { attempts } = run;
  const routerMs = planned.routerMs ?? 0;
  const total = (field: 'inputTokens' | 'outputTokens' | 'costUsd') =>
    attempts.reduce((sum, attempt) => sum + (attempt[field] ?? 0), 0);
  return {
    answer: given.answer,
    candidate: given.candidate,
    outcome: {
      quality: run.quality,
      costUsd: total('costUsd'),
      latencyMs: run.elapsedMs() + (begun === undefined ? routerMs : 0),
      inputTokens: total('inputTokens'),
      outputTokens: total('outputTokens'),
    },
    trace: {
      attempts,
      routerMs,
      costIsExact: attempts.every(({ costUsd, costIsEstimated }) => costUsd !== null && !costIsEstimated),
    },
  };
}
