import type { FormatCases, RecordCase } from './log-case.ts';

const START = '2026-02-03 10:00:00.000000';
let count = 0;
/** A generation of its own trace, as exports to blob storage have it. */
const generation = (more: object = {}): Record<string, unknown> & { id: string; trace_id: string } => {
  const id = `lf-${++count}`;
  return {
    id,
    trace_id: `trace-${id}`,
    type: 'GENERATION',
    start_time: START,
    end_time: '2026-02-03 10:00:02.000000',
    level: 'DEFAULT',
    input: '[{"role":"user","content":"How many moons has Mars?"}]',
    output: 'Two',
    provided_model_name: 'mini',
    usage_details: { input: 12, output: 4 },
    total_cost: 0.00003,
    latency: 2,
    ...more,
  };
};
const scoreOf = (call: { id: string; trace_id: string }, more: object): object => ({
  id: `score-${call.id}`,
  timestamp: '2026-02-03 11:00:00.000000',
  trace_id: call.trace_id,
  observation_id: call.id,
  name: 'helpful',
  source: 'ANNOTATION',
  ...more,
});
const scored = (title: string, more: object, expected: object): RecordCase => {
  const record = generation();
  return { title, record, further: [scoreOf(record, more)], ...expected };
};
const asked = (title: string, input: unknown): RecordCase => ({
  title,
  record: generation({ input: typeof input === 'string' ? input : JSON.stringify(input) }),
  row: { text: 'How many moons?' },
});
const user = [{ role: 'user', content: 'How many moons?' }];
const words = 'the score is a text or a correction, and has no number';
const label = 'the score is a label that says neither good nor bad';
const noWords = 'no words of the user were found in the prompt';

export const LANGFUSE: FormatCases = {
  score: 'helpful',
  records: [
    {
      title: 'a generation',
      record: generation(),
      row: { answer: 'Two', latencyMs: 2000, inputTokens: 12, outputTokens: 4 },
    },
    {
      title: 'an answer as a message',
      record: generation({ output: '{"role":"assistant","content":[{"type":"text","text":"Two"}]}' }),
      row: { answer: 'Two' },
    },
    {
      title: 'a call of a tool',
      record: generation({ output: { role: 'assistant', content: null, tool_calls: [{ id: 'c' }] } }),
      row: { answer: '', finishReason: 'tool-calls' },
    },
    {
      title: 'an output that was not kept',
      record: generation({ output: null }),
      row: { answer: undefined, answerChecks: undefined, latencyMs: 2000 },
    },
    scored('a number', { data_type: 'NUMERIC', value: 0.25, string_value: null }, { row: { quality: 0.25 } }),
    // A category's value is its place in the configuration: good may be 0.
    scored(
      'a good category at place 0',
      { data_type: 'CATEGORICAL', value: 0, string_value: 'good' },
      { row: { quality: 1 } },
    ),
    scored(
      'a bad category at place 1',
      { data_type: 'CATEGORICAL', value: 1, string_value: 'Bad' },
      { row: { quality: 0 } },
    ),
    scored(
      'a category that is a number',
      { data_type: 'CATEGORICAL', value: 3, string_value: '0.75' },
      { row: { quality: 0.75 } },
    ),
    scored('a category of version 3', { dataType: 'CATEGORICAL', value: 'good' }, { row: { quality: 1 } }),
    scored(
      'a category that only the user knows',
      { data_type: 'CATEGORICAL', value: 1, string_value: 'meh' },
      { row: { quality: undefined }, furtherRefused: `${label}: "meh"` },
    ),
    scored(
      'a category whose label was not exported',
      { data_type: 'CATEGORICAL', value: 1, string_value: null },
      { row: { quality: undefined }, furtherRefused: label },
    ),
    scored(
      'a remark',
      { data_type: 'TEXT', value: 0, string_value: 'Really good answer' },
      { row: { quality: undefined }, furtherRefused: words },
    ),
    scored(
      'a correction',
      { dataType: 'CORRECTION', value: 0, stringValue: 'Two: Phobos and Deimos' },
      { row: { quality: undefined }, furtherRefused: words },
    ),
    scored(
      'yes as a number',
      { data_type: 'BOOLEAN', value: 1, string_value: 'True' },
      { row: { quality: 1 } },
    ),
    scored(
      'no as a word',
      { data_type: 'BOOLEAN', value: null, string_value: 'False' },
      { row: { quality: 0 } },
    ),
    scored(
      'yes as CSV files have it',
      { data_type: 'BOOLEAN', value: '1.0', string_value: '' },
      { row: { quality: 1 } },
    ),
    scored('yes in another word', { data_type: 'BOOLEAN', string_value: 'Yes' }, { row: { quality: 1 } }),
    scored(
      'neither yes nor no',
      { data_type: 'BOOLEAN', value: null, string_value: null },
      { row: { quality: undefined }, furtherRefused: 'the score is no number, true or false' },
    ),
    scored('a category without its type', { value: 0, string_value: 'good' }, { row: { quality: 1 } }),
    {
      title: 'scores in a list of the observation',
      record: generation({ scores: [{ name: 'helpful', value: 0.5, dataType: 'NUMERIC' }] }),
      row: { quality: 0.5 },
    },
    {
      title: 'scores by their names in the observation',
      record: generation({ scores: { helpful: [0.9] } }),
      row: { quality: 0.9 },
    },
    {
      title: 'a cost of 0 with empty cells for its parts',
      record: generation({ total_cost: '0', inputCost: '', outputCost: '' }),
      row: { costUsd: undefined },
    },
    scored('yes of version 3', { dataType: 'BOOLEAN', value: true }, { row: { quality: 1 } }),
    scored('a score without a type', { value: 0.5 }, { row: { quality: 0.5 } }),
    ...(() => {
      const [one, two, three] = [generation(), generation(), generation()];
      const v3 = {
        id: 'v3',
        name: 'helpful',
        timestamp: '2026-02-03T11:00:00.000Z',
        dataType: 'NUMERIC',
        value: 0.5,
      };
      return [
        {
          title: 'a score whose subject is an observation',
          record: one,
          further: [{ ...v3, subject: { kind: 'observation', id: one.id, traceId: one.trace_id } }],
          row: { quality: 0.5 },
        },
        {
          title: 'a score whose subject is a trace',
          record: two,
          further: [{ ...v3, subject: { kind: 'trace', id: two.trace_id } }],
          row: { quality: 0.5 },
        },
        {
          title: 'a score of a session',
          record: three,
          further: [{ ...v3, subject: { kind: 'session', id: 's1' } }],
          row: { quality: undefined },
          furtherRefused: 'the score is of a session or an experiment, and of no call',
        },
      ];
    })(),
    {
      title: 'a column of scores, as pages export it',
      record: generation({ helpful: [0.9], tags: ['prod'] }),
      row: { quality: 0.9 },
    },
    {
      title: 'several scores in a column',
      record: generation({ helpful: [1, 0.5] }),
      row: { quality: 0.75 },
    },
    { title: 'a column of scores in CSV', record: generation({ helpful: '[0.9]' }), row: { quality: 0.9 } },
    { title: 'words in a column of scores', record: generation({ helpful: ['good'] }), row: { quality: 1 } },
    {
      title: 'an empty column of scores',
      record: generation({ helpful: null }),
      row: { quality: undefined },
    },
    {
      title: 'a latency in milliseconds',
      record: generation({ latency: 2000, time_to_first_token: 500 }),
      row: { latencyMs: 2000, metadata: expect500() },
    },
    {
      title: 'a latency in seconds, and when it began to answer',
      record: generation({ latency: 2, time_to_first_token: 0.5 }),
      row: { latencyMs: 2000, metadata: expect500() },
    },
    { title: 'no end', record: generation({ end_time: null, latency: 1.25 }), row: { latencyMs: 1250 } },
    {
      title: 'an end before its start',
      record: generation({ end_time: '2026-02-03 09:59:59.950000', latency: null }),
      row: { latencyMs: undefined, text: 'How many moons has Mars?' },
    },
    {
      title: 'a failure',
      record: generation({ level: 'ERROR', status_message: 'No' }),
      row: { costUsd: undefined, latencyMs: undefined, metadata: { failed: true } },
    },
    {
      title: 'a cost of 0 of a model that Langfuse does not know',
      record: generation({ total_cost: 0, cost_details: {}, model_id: '' }),
      row: { costUsd: undefined },
    },
    {
      title: 'a cost of 0 of a model whose price is 0',
      record: generation({ total_cost: 0, cost_details: { input: 0, output: 0, total: 0 } }),
      row: { costUsd: 0 },
    },
    {
      title: "cached tokens beside the others'",
      record: generation({
        usage_details: { input: 5, cache_read_input_tokens: 2000, output: 3, total: 2008 },
      }),
      row: { inputTokens: 2005, outputTokens: 3 },
    },
    {
      title: "cached tokens among the others'",
      record: generation({
        usage_details: { input: 2005, input_cached_tokens: 2000, output: 3, total: 2008 },
      }),
      row: { inputTokens: 2005, outputTokens: 3 },
    },
    {
      title: 'reasoning of its own kind',
      record: generation({ usage_details: { input: 5, output: 3, reasoning_tokens: 40, total: 48 } }),
      row: { inputTokens: 5, outputTokens: 43 },
    },
    ...(
      [
        [
          'as a whole and by lifetimes',
          {
            cache_creation_input_tokens: 100,
            'cache_creation.ephemeral_5m_input_tokens': 60,
            'cache_creation.ephemeral_1h_input_tokens': 40,
          },
          115,
        ],
        ['as a whole and by one lifetime', { input_cache_creation: 100, input_cache_creation_5m: 100 }, 115],
        [
          'by lifetimes alone',
          { input_ephemeral_5m_input_tokens: 60, input_ephemeral_1h_input_tokens: 40 },
          115,
        ],
        ['by lifetimes, with a whole of 0', { input_cache_creation: 0, ephemeral_5m_input_tokens: 100 }, 115],
        ['as a whole alone', { cache_creation_input_tokens: 100 }, 115],
      ] as const
    ).map(([how, written, inputTokens]) => ({
      title: `tokens written to a cache ${how}`,
      record: generation({ usage_details: { input: 5, cache_read_input_tokens: 10, output: 3, ...written } }),
      row: { inputTokens, outputTokens: 3 },
    })),
    {
      title: 'usage of version 1 with costs in it',
      record: generation({
        usage_details: undefined,
        usage: { input: 12, output: 4, total: 16, unit: 'TOKENS', inputCost: 0.001, outputCost: 0.002 },
      }),
      row: { inputTokens: 12, outputTokens: 4 },
    },
    {
      title: 'usage in another unit than tokens',
      record: generation({ usage_details: undefined, usage: { input: 120, output: 40, unit: 'CHARACTERS' } }),
      row: { inputTokens: undefined, outputTokens: undefined },
    },
    {
      title: 'usage that was not counted',
      record: generation({ usage_details: { input: 0, output: 0, total: 0 } }),
      row: { inputTokens: undefined, outputTokens: undefined },
    },
    {
      title: 'an observation of the API',
      record: {
        id: 'api-1',
        traceId: 't',
        type: 'GENERATION',
        startTime: '2026-02-03T10:00:00.000Z',
        endTime: '2026-02-03T10:00:00.581Z',
        completionStartTime: '2026-02-03T10:00:00.120Z',
        input: { messages: user },
        providedModelName: 'mini',
        inputUsage: 98,
        outputUsage: 68,
        totalCost: 0.00253,
        latency: 0.581,
      },
      row: {
        text: 'How many moons?',
        candidate: 'mini',
        inputTokens: 98,
        outputTokens: 68,
        latencyMs: 581,
        costUsd: 0.00253,
      },
    },
    {
      title: 'a row of the page of generations, which has no type',
      record: {
        id: 'page-1',
        traceId: 't',
        model: 'mini',
        startTime: '2026-02-03T10:00:00Z',
        input: user,
        output: 'Two',
      },
      row: { text: 'How many moons?', candidate: 'mini' },
    },
    {
      title: 'a trace with its observations and scores',
      record: {
        id: 'trace-of-api',
        input: 'x',
        observations: [{ ...generation(), id: 'of-trace', trace_id: 'trace-of-api' }],
        scores: [{ id: 's', traceId: 'trace-of-api', name: 'helpful', dataType: 'NUMERIC', value: 0.5 }],
      },
      requestId: 'of-trace',
      row: { quality: 0.5 },
    },
    {
      title: 'a trace alone',
      record: { id: 't1', name: 'chat', input: 'Hi', output: 'Ho' },
      refused: 'the record is no call of a language model',
    },
    {
      title: 'an embedding',
      record: generation({ type: 'EMBEDDING' }),
      refused: 'the record is no call of a language model',
    },
    asked('a list within a list', [user]),
    asked("LangChain's messages", [{ type: 'human', content: 'How many moons?' }]),
    asked("the decorator's arguments", { args: [user], kwargs: {} }),
    asked("the decorator's named arguments", { args: [], kwargs: { question: 'How many moons?', top_k: 3 } }),
    asked("Gemini's body", { contents: [{ role: 'user', parts: [{ text: 'How many moons?' }] }] }),
    asked('a plain text', 'How many moons?'),
    asked('a quoted text', '"How many moons?"'),
    {
      title: 'arguments without words',
      record: generation({ input: '{"args":[{"k":3}],"kwargs":{}}' }),
      refused: noWords,
    },
    { title: 'other things', record: generation({ input: '{"city":"Oslo","unit":"C"}' }), refused: noWords },
    { title: 'no input', record: generation({ input: '' }), refused: noWords },
    {
      title: 'an input that was cut off',
      record: generation({ input: '[{"role":"user","content":"How' }),
      refused: noWords,
    },
    {
      title: 'an input that could not be masked',
      record: generation({ input: '<fully masked due to failed mask function>' }),
      refused: 'the words of the prompt were redacted before they were logged: only a placeholder is left',
    },
    {
      title: 'an input that was too large for the library',
      record: generation({ input: '<truncated due to size exceeding limit>' }),
      refused: 'the words of the prompt were redacted before they were logged: only a placeholder is left',
    },
    {
      title: 'an input of 5,000 levels',
      record: generation({ input: `${'['.repeat(5000)}"Hi"${']'.repeat(5000)}` }),
      refused: 'the record is nested more than 100 levels deep',
    },
  ],
  joins: [
    {
      title: "the user's own quality comes before columns of scores",
      files: {
        'own.json': [generation({ id: 'own-1', helpful: [0.9], brief: ['bad'] })],
      },
      map: { quality: 'helpful' },
      rows: { 'own-1': { quality: 0.9 } },
      refused: { 'the score is another than the one asked for': 2 },
    },
  ],
};

function expect500(): object {
  return { timeToFirstTokenMs: 500 };
}
