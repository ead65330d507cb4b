/**
 * Carries out decisions: calls candidates in the order of the plan, within a deadline and a budget.
 */
export {
  AttemptTimeoutError,
  BrokenStreamError,
  CostBudgetError,
  DeadlineError,
  ExecutionError,
  ExecutionFailedError,
  MalformedAnswerError,
  UnavailableError,
  UpstreamError,
} from '../errors.ts';
export { createAnswerScorer } from './accept.ts';
export type { Answer, AnswerChunk, Client, ClientContext, Usage } from './answer.ts';
export type { Clock } from './async.ts';
export type { Attempt, ExecutionResult } from './attempt.ts';
export { type ClientPool, type ClientPoolOptions, createClientPool } from './client-pool.ts';
export {
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
export type { CandidateOptions, ExecuteOptions, Telemetry, Tool, ToolResult } from './options.ts';
