import type { Request } from '../request.ts';
import type { Answer } from './answer.ts';
import type { Attempt, AttemptRole } from './attempt.ts';
import type { PlannedExecution } from './planned.ts';

/** Told what an execution does, as it does it. `pointsman/telemetry` makes OpenTelemetry spans of it. */
export interface Telemetry {
  begin(planned: PlannedExecution, request: Request): ExecutionSpan;
}

export interface ExecutionSpan {
  attempt(candidate: string, role: AttemptRole, retry: number, request: Request): AttemptSpan;
  end(result: ExecutionEnd): void;
}

export interface AttemptSpan {
  /** Calls the client, so that what it does belongs to the span. */
  run<T>(work: () => T): T;
  /** @param answer the answer, where there was one. */
  end(attempt: Attempt, answer: Answer | null): void;
}

export interface ExecutionEnd {
  /** Who gave the answer; null when nobody did. */
  readonly candidate: string | null;
  readonly costUsd: number;
  /** The error's `code` or name; null when there was an answer. */
  readonly errorCode: string | null;
}

/** Tells nobody. */
export const NO_TELEMETRY: Telemetry = {
  begin: () => ({
    attempt: () => ({ run: (work) => work(), end: () => {} }),
    end: () => {},
  }),
};
