import type { Artifact } from '../artifact/read-artifact.ts';
import {
  CostBudgetError,
  DeadlineError,
  ExecutionError,
  ExecutionFailedError,
  InvalidInputError,
} from '../errors.ts';
import type { AcceptTest, PlanStep } from '../policy/plan.ts';
import type { Request } from '../request.ts';
import { createAnswerReader } from './accept.ts';
import { soundCost } from './answer.ts';
import { type AbortScope, openScope } from './async.ts';
import {
  type AttemptRecord,
  type ExecutionResult,
  type PlannedExecution,
  readFailure,
  type SeenOutcome,
} from './attempt.ts';
import type { poolParts } from './client-pool.ts';
import type { Settings } from './options.ts';
import {
  type AnswerReader,
  createBudget,
  isOver,
  type Output,
  type Run,
  type StepAnswer,
  type StepContext,
} from './run.ts';
import { runStep } from './steps.ts';

/** What an execution is made of, its options read. */
export interface PlanRun {
  readonly planned: PlannedExecution;
  readonly request: Request;
  readonly pool: ReturnType<typeof poolParts>;
  readonly settings: Settings;
  readonly output: Output | null;
  /** What the plan was made with, where that is known. */
  readonly artifact?: Artifact | undefined;
  /** Closed when the plan has been run. */
  readonly term: Term;
  /** Whether the plan was there before the term began: then its time is added to the latency. */
  readonly isMadeBefore: boolean;
}

/** The time that an execution has, the decision's included, and what ends it before: one signal and one timer for all of it. */
export interface Term {
  readonly scope: AbortScope;
  /** On the clock of the settings. */
  readonly begun: number;
  readonly attempts: AttemptRecord[];
  close(): void;
}

export function openTerm({ clock, deadlineMs, signal }: Settings): Term {
  const scope = openScope(signal);
  const begun = clock.now();
  const attempts: AttemptRecord[] = [];
  const cancel = clock.after(deadlineMs, () => scope.abort(new DeadlineError(deadlineMs, attempts)));
  return {
    scope,
    begun,
    attempts,
    close() {
      cancel();
      scope.close();
    },
  };
}

/**
 * Runs a plan to its end: an answer, or an error.
 *
 * @throws InvalidInputError when the plan names what is not there, before anything is called.
 */
export async function runPlan(planRun: PlanRun): Promise<ExecutionResult> {
  try {
    return await carryOut(planRun);
  } finally {
    planRun.term.close();
  }
}

async function carryOut(planRun: PlanRun): Promise<ExecutionResult> {
  const { planned, request, pool, settings, output } = planRun;
  const answers = createAnswerReader(planned, settings.answerScorer, planRun.artifact);
  checkPlan(planned, (candidate) => pool.clientOf(candidate) !== undefined, settings, answers);
  const { attempts, begun, scope } = planRun.term;
  const { clock } = settings;
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
    answers,
  };
  try {
    if (scope.signal.aborted) throw scope.signal.reason;
    const given = await planOrFallback(run, planned, {
      request,
      signal: scope.signal,
      role: 'answer',
      sample: 0,
      logprobs: false,
      sink: output?.branch(() => {}) ?? null,
      earlier: [],
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

function resultOf(run: Run, { planned, isMadeBefore }: PlanRun, given: StepAnswer): ExecutionResult {
  const { attempts } = run;
  const routerMs = planned.routerMs ?? 0;
  const total = (field: 'inputTokens' | 'outputTokens' | 'costUsd') =>
    attempts.reduce((sum, attempt) => sum + (attempt[field] ?? 0), 0);
  return {
    answer: given.answer,
    candidate: given.candidate,
    outcome: {
      ...qualityOf(given),
      costUsd: total('costUsd'),
      latencyMs: run.elapsedMs() + (isMadeBefore ? routerMs : 0),
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

/** What the caller's own functions say goes before what the answer head says, and what was asked last before what was asked first. */
function qualityOf({ attempt }: StepAnswer): Pick<SeenOutcome, 'quality' | 'qualitySource'> {
  // Scores of other ranges are in the caller's own unit.
  const qualities = (attempt.scores ?? []).filter(({ value }) => value >= 0 && value <= 1);
  const own = qualities.findLast(({ source }) => source !== 'answer') ?? qualities.at(-1);
  return own === undefined ? { quality: null } : { quality: own.value, qualitySource: own.source };
}

/**
 * Looks up every name of a plan before anything is called: a plan that cannot be carried out to its end is not begun.
 * A router may know of more candidates than there are clients, so that those which a decision falls back on are left out
 * later.
 *
 * @throws InvalidInputError naming what is not there.
 */
function checkPlan(
  { plan, fallback, predictions }: PlannedExecution,
  hasClient: (candidate: string) => boolean,
  settings: Settings,
  answers: AnswerReader,
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
      const { combine } = step;
      const byHead = combine.kind === 'best' && combine.scorer === 'answer' && answers.isThere;
      if (combine.kind === 'best' && !byHead) need('scorers', combine.scorer);
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
