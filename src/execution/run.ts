import type { PlanStep } from '../policy/plan.ts';
import type { Request } from '../request.ts';
import type { Answer } from './answer.ts';
import type { AttemptRecord, AttemptRole } from './attempt.ts';
import type { Budget } from './budget.ts';
import type { poolParts } from './client-pool.ts';
import type { Output, Sink } from './output.ts';
import type { Settings } from './settings.ts';
import type { ExecutionSpan } from './telemetry.ts';

/** One execution under way: what all its steps share. */
export interface Run {
  readonly settings: Settings;
  readonly pool: ReturnType<typeof poolParts>;
  readonly attempts: AttemptRecord[];
  readonly budget: Budget;
  /** US dollars that a call of the candidate is expected to cost; null where nothing is known. */
  expectedCostUsd(candidate: string): number | null;
  /** Aborts when everything is over: deadline, cancelled, or done. */
  readonly signal: AbortSignal;
  /** Where a stream goes; null when the caller waits for the whole answer. */
  readonly output: Output | null;
  readonly span: ExecutionSpan;
  /** Milliseconds since it began. */
  elapsedMs(): number;
  /** The score that the caller's function gave to the answer; null before and without. */
  quality: number | null;
}

/** How a step is to be run. */
export interface StepContext {
  readonly request: Request;
  /** Aborts when this step is not needed any more. */
  readonly signal: AbortSignal;
  readonly role: AttemptRole;
  readonly sample: number;
  /** Whether somebody will look at log-probabilities. */
  readonly logprobs: boolean;
  /** Where pieces may go at once; null when the answer has to be judged or compared first. */
  readonly sink: Sink | null;
}

/** What a step came to. */
export interface StepAnswer {
  readonly answer: Answer;
  /** Who gave it: a candidate or a tool. */
  readonly candidate: string;
  /** The attempt it came of. */
  readonly attempt: AttemptRecord;
}

/** Whether nothing else may be tried: everything is over, or the caller has a part of an answer already. */
export function isOver(run: Run, context: StepContext): boolean {
  return context.signal.aborted || run.signal.aborted || run.output?.committed === true;
}

/** How a step runs those inside it. */
export type RunStep = (run: Run, step: PlanStep, context: StepContext) => Promise<StepAnswer>;
