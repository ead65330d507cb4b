import type { OutcomeField } from './outcome-fields.ts';

/** Names under which logs carry our columns, the canonical one first. An earlier name wins over a later one. */
export const COLUMN_ALIASES: Readonly<Record<OutcomeField, readonly string[]>> = {
  requestId: [
    'requestId',
    'request_id',
    'id',
    'sample_id',
    'sampleId',
    'prompt_id',
    'promptId',
    'trace_id',
    'traceId',
  ],
  timestamp: ['timestamp', 'created_at', 'createdAt', 'start_time', 'startTime', 'time', 'ts', 'date'],
  text: ['text', 'prompt', 'query', 'question', 'instruction', 'input'],
  messages: ['messages', 'conversation'],
  promptHash: ['promptHash', 'prompt_hash'],
  embedding: ['embedding'],
  task: ['task', 'task_name', 'taskName', 'category', 'eval_name'],
  tier: ['tier', 'user_tier', 'userTier'],
  candidate: ['candidate', 'model', 'model_name', 'modelName'],
  quality: ['quality', 'score', 'reward', 'performance', 'correct'],
  costUsd: ['costUsd', 'cost_usd', 'cost', 'total_cost', 'totalCost', 'response_cost'],
  latencyMs: ['latencyMs', 'latency_ms', 'latency', 'duration_ms', 'durationMs'],
  inputTokens: ['inputTokens', 'input_tokens', 'prompt_tokens', 'promptTokens'],
  outputTokens: ['outputTokens', 'output_tokens', 'completion_tokens', 'completionTokens'],
  propensity: ['propensity'],
  source: ['source'],
  metadata: ['metadata'],
};
