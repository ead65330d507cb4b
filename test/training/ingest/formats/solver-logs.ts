import type { SampleRow } from '../../../../data/solvers/sample-traffic.ts';
import type { LogFormat } from '../../../../training/ingest/formats/log-formats.ts';

/** A log in one format: the lines of each of its files, by name. */
export type LogFiles = Readonly<Record<string, readonly object[]>>;

/** Formats that are read as the others are, and whose readers have cases of their own: no router is trained from them here. */
export const READ_IN_CASES = [
  'mlflow',
  'weave',
  'langsmith',
  'bedrock',
  'gemini',
  'openrouter',
  'llmrouterbench',
  'preferences',
] as const satisfies readonly LogFormat[];

/** Formats of logs that routers are trained from, and that have files among the fixtures. */
export type TrainedFormat = Exclude<LogFormat, 'table' | (typeof READ_IN_CASES)[number]>;

/**
 * What each program would have logged of these answers, one a request, with a rating of each.
 * @param rows one for each request.
 */
export const SOLVER_LOGS: Readonly<Record<TrainedFormat, (rows: readonly SampleRow[]) => LogFiles>> = {
  litellm: (rows) => ({
    'litellm.jsonl': rows.map((row) => ({
      id: row.requestId,
      trace_id: `trace-${row.requestId}`,
      call_type: 'acompletion',
      status: 'success',
      model: `${row.candidate}-2026-01-01`,
      model_group: row.candidate,
      messages: conversation(row),
      response: chatCompletion(row),
      prompt_tokens: row.inputTokens,
      completion_tokens: row.outputTokens,
      response_cost: row.costUsd,
      startTime: Date.parse(row.timestamp) / 1000,
      endTime: (Date.parse(row.timestamp) + row.latencyMs) / 1000,
      cache_hit: false,
      metadata: { requester_metadata: { task: row.task, grade: row.quality, stars: 1 + 4 * row.quality } },
      error_information: null,
    })),
  }),
  langfuse: (rows) => ({
    'observations.jsonl': rows.map((row) => ({
      id: row.requestId,
      trace_id: `trace-${row.requestId}`,
      type: 'GENERATION',
      start_time: row.timestamp,
      end_time: after(row, row.latencyMs),
      input: { messages: conversation(row) },
      output: { role: 'assistant', content: row.metadata.answer },
      provided_model_name: row.candidate,
      usage_details: { input: row.inputTokens, output: row.outputTokens },
      cost_details: { total: row.costUsd },
      total_cost: row.costUsd,
      latency: row.latencyMs / 1000,
      metadata: { task: row.task },
    })),
    'scores.jsonl': rows.map((row, i) => ({
      id: `score-${i}`,
      trace_id: `trace-${row.requestId}`,
      observation_id: null,
      name: 'correct',
      value: row.quality,
      data_type: 'NUMERIC',
      timestamp: after(row, 60_000),
    })),
  }),
  helicone: (rows) => ({
    'helicone.jsonl': rows.map((row) => ({
      request_id: row.requestId,
      request_created_at: row.timestamp,
      request_body: JSON.stringify({ model: row.candidate, messages: conversation(row) }),
      response_body: JSON.stringify(chatCompletion(row)),
      response_status: 200,
      model: row.candidate,
      delay_ms: row.latencyMs,
      prompt_tokens: row.inputTokens,
      completion_tokens: row.outputTokens,
      costUSD: row.costUsd,
      feedback_rating: row.quality >= 0.5 ? 'positive' : 'negative',
      scores: {},
      properties: { Task: row.task },
    })),
  }),
  openai: (rows) => ({
    'pairs.jsonl': rows.map((row) => ({
      id: row.requestId,
      timestamp: row.timestamp,
      request: { model: row.candidate, messages: conversation(row), metadata: { task: row.task } },
      response: chatCompletion(row),
      latency_ms: row.latencyMs,
      rating: 1 + 4 * row.quality,
    })),
  }),
  otel: (rows) => ({
    'traces.jsonl': rows.map((row, i) => ({
      resourceSpans: [{ resource: {}, scopeSpans: [{ scope: {}, spans: [chatSpan(row, i)] }] }],
    })),
  }),
  pointsman: (rows) => ({
    'decisions.jsonl': rows.flatMap((row) => decisionRecords(row)),
  }),
};

function after(row: SampleRow, ms: number): string {
  return new Date(Date.parse(row.timestamp) + ms).toISOString();
}

function conversation(row: SampleRow): readonly object[] {
  return [...(row.messages ?? [{ role: 'user', content: row.text }])];
}

function chatCompletion(row: SampleRow): object {
  return {
    id: `chatcmpl-${row.requestId}`,
    object: 'chat.completion',
    created: Math.floor(Date.parse(row.timestamp) / 1000),
    model: `${row.candidate}-2026-01-01`,
    choices: [
      { index: 0, message: { role: 'assistant', content: row.metadata.answer }, finish_reason: 'stop' },
    ],
    usage: { prompt_tokens: row.inputTokens, completion_tokens: row.outputTokens },
  };
}

function chatSpan(row: SampleRow, i: number): object {
  const nano = (ms: number): string => `${BigInt(Math.round(ms * 1000)) * 1000n}`;
  const start = Date.parse(row.timestamp);
  const parts = (messages: readonly object[]): object[] =>
    messages.map((message) => {
      const { role, content } = message as { role: string; content: string };
      return { role, parts: [{ type: 'text', content }] };
    });
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  return {
    traceId: i.toString(16).padStart(32, '0'),
    spanId: (i + 1).toString(16).padStart(16, '0'),
    name: `chat ${row.candidate}`,
    startTimeUnixNano: nano(start),
    endTimeUnixNano: nano(start + row.latencyMs),
    attributes: [
      text('gen_ai.operation.name', 'chat'),
      text('gen_ai.request.model', row.candidate),
      text('gen_ai.input.messages', JSON.stringify(parts(conversation(row)))),
      text('task', row.task),
      { key: 'gen_ai.usage.input_tokens', value: { intValue: String(row.inputTokens) } },
      { key: 'gen_ai.usage.output_tokens', value: { intValue: String(row.outputTokens) } },
    ],
    events: [
      {
        name: 'gen_ai.evaluation.result',
        timeUnixNano: nano(start + 60_000),
        attributes: [
          text('gen_ai.evaluation.name', 'correct'),
          { key: 'gen_ai.evaluation.score.value', value: { doubleValue: row.quality } },
        ],
      },
    ],
  };
}

function decisionRecords(row: SampleRow): object[] {
  const id = row.requestId;
  return [
    {
      schemaVersion: 1,
      kind: 'decision',
      id,
      at: row.timestamp,
      artifactId: 'explorer',
      policyPath: ['explore'],
      candidate: row.candidate,
      propensity: 0.25,
      confidence: 0.5,
      probabilities: {},
      predictions: [],
      signals: {},
      promptHash: '0'.repeat(64),
      request: { messages: conversation(row) },
      task: row.task,
    },
    {
      schemaVersion: 1,
      kind: 'outcome',
      id,
      at: after(row, row.latencyMs),
      candidate: row.candidate,
      status: 'answered',
      costUsd: row.costUsd,
      latencyMs: row.latencyMs,
      inputTokens: row.inputTokens,
      outputTokens: row.outputTokens,
    },
    { schemaVersion: 1, kind: 'feedback', id, at: after(row, 60_000), quality: row.quality, source: 'user' },
  ];
}
