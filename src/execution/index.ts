export {
  type Answer,
  type AnswerChunk,
  answerChunks,
  type Client,
  type ClientAnswer,
  type ClientContext,
  type ClientMap,
  type Finish,
  type FinishReason,
  type PricedCandidates,
  type ToolCall,
  type ToolCallPiece,
  type Usage,
} from './answer.ts';
export { type Clock, systemClock } from './async.ts';
export type {
  Attempt,
  AttemptFailure,
  AttemptRole,
  AttemptState,
  ExecutionResult,
  ExecutionTrace,
  PlannedExecution,
  SeenOutcome,
} from './attempt.ts';
export {
  type BreakerOptions,
  type BreakerState,
  type ClientPool,
  type ClientPoolOptions,
  createClientPool,
  type DecidingRouter,
} from './client-pool.ts';
export {
  type Executing,
  type ExecutionStream,
  execute,
  executePlan,
  executePlanStream,
  executeStream,
  type RoutedOptions,
  type RoutedResult,
  type RoutedStream,
  withExecution,
} from './execute.ts';
export { readRetryAfter } from './failure.ts';
export {
  type Addition,
  type AttemptSpan,
  additionText,
  type CandidateOptions,
  type ExecuteOptions,
  type ExecutionEnd,
  type ExecutionSpan,
  extendRequest,
  type Judgement,
  type Telemetry,
  type Tool,
  type ToolResult,
} from './options.ts';
