export type { Answer, AnswerChunk, Finish, FinishReason, ToolCall, ToolCallPiece, Usage } from './answer.ts';
export type { Attempt, AttemptFailure, AttemptRole, AttemptState } from './attempt.ts';
export type { DecidingRouter } from './callable.ts';
export type { Client, ClientAnswer, ClientContext, ClientMap } from './client.ts';
export { type ClientPool, type ClientPoolOptions, createClientPool } from './client-pool.ts';
export { type Clock, systemClock } from './clock.ts';
export { execute, executePlan, type RoutedOptions, type RoutedResult } from './execute.ts';
export {
  type ExecutionStream,
  executePlanStream,
  executeStream,
  type RoutedStream,
} from './execute-stream.ts';
export type { ExecutionResult, ExecutionTrace, SeenOutcome } from './execution-result.ts';
export { type Addition, additionText, extendRequest } from './extend-request.ts';
export type { BreakerState, GuardOptions } from './guard.ts';
export type { CandidateOptions, ExecuteOptions, Judgement, Tool, ToolResult } from './options.ts';
export type { PlannedExecution } from './planned.ts';
export type { Prices } from './price.ts';
export { answerChunks } from './read-answer.ts';
export { readRetryAfter } from './read-retry-after.ts';
export type { AttemptSpan, ExecutionEnd, ExecutionSpan, Telemetry } from './telemetry.ts';
export { type Executing, withExecution } from './with-execution.ts';
