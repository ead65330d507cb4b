import type { FormatCases } from './log-case.ts';

let count = 0;
const text = 'How many moons has Mars?';
const request = (more: object = {}): Record<string, unknown> & { request_id: string } => ({
  response_created_at: '2026-02-03 10:00:02.000',
  response_status: 200,
  request_id: `he-${++count}`,
  request_created_at: '2026-02-03 10:00:00.000',
  request_body: { model: 'mini', messages: [{ role: 'user', content: text }] },
  response_body: {
    choices: [{ message: { content: 'Two' } }],
    usage: { prompt_tokens: 12, completion_tokens: 4 },
  },
  provider: 'OPENAI',
  delay_ms: 2000,
  request_model: 'mini',
  prompt_tokens: 12,
  completion_tokens: 4,
  cost: 0.00003,
  ...more,
});
const noWords = 'no words of the user were found in the prompt';
const noCall = 'the record is no call of a language model';
const elsewhere =
  'the log does not hold the request: Helicone keeps it behind signed_body_url (export with --include-body)';
const placeholder = {
  helicone_message: 'fetching body from signed_url... contact engineering@helicone.ai for more information',
};

const COLUMNS =
  'response_id response_created_at response_status request_created_at request_body request_properties request_user_id model prompt_tokens completion_tokens latency cost'.split(
    ' ',
  );
/** A line as the TypeScript exporter writes it: it doubles quotes of objects before it doubles those of the cell. */
function exported(id: string, body: object, cost: number): string {
  const times = ['2026-02-03 10:00:02.000', 200, '2026-02-03 10:00:00.000'] as const;
  const doubled = (text: string): string => text.replaceAll('"', '""');
  const cell = (value: unknown): string =>
    value === null
      ? ''
      : `"${doubled(typeof value === 'object' ? doubled(JSON.stringify(value)) : String(value))}"`;
  return [id, ...times, body, { Task: 'faq' }, null, 'mini', 12, 4, 1500, cost].map(cell).join(',');
}

export const HELICONE: FormatCases = {
  prices: { claude: { inputPricePerMillionTokens: 3, outputPricePerMillionTokens: 15 } },
  score: 'feedback_rating',
  records: [
    {
      title: 'a request',
      record: request(),
      row: { text, answer: 'Two', costUsd: 0.00003, latencyMs: 2000, inputTokens: 12 },
    },
    {
      title: "Anthropic's cached tokens, which the response tells",
      record: request({
        request_body: { model: 'claude', messages: [{ role: 'user', content: text }] },
        response_body: {
          content: [{ type: 'text', text: 'Hi' }],
          usage: { input_tokens: 5, cache_read_input_tokens: 2000, output_tokens: 3 },
        },
        provider: 'ANTHROPIC',
        prompt_tokens: 5,
        completion_tokens: 3,
        prompt_cache_read_tokens: 2000,
        cost: null,
      }),
      row: { inputTokens: 2005, costUsd: 0.00606 },
    },
    {
      title: "Anthropic's cached tokens without a response",
      record: request({
        response_body: null,
        provider: 'ANTHROPIC',
        prompt_tokens: 5,
        prompt_cache_read_tokens: 3,
        prompt_cache_write_tokens: 2,
      }),
      row: { inputTokens: 10 },
    },
    {
      title: "OpenAI's cached tokens without a response",
      record: request({ response_body: null, prompt_tokens: 2005, prompt_cache_read_tokens: 2000 }),
      row: { inputTokens: 2005 },
    },
    {
      title: 'a stream as its events',
      record: request({
        response_body:
          'data: {"id":"c","choices":[{"index":0,"delta":{"content":"Two"}}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\ndata: [DONE]\n\n',
      }),
      row: { inputTokens: 7, outputTokens: 2 },
    },
    {
      title: 'a timeout',
      record: request({ response_status: -1 }),
      row: { costUsd: undefined, latencyMs: undefined, metadata: { failed: true, error: '-1' } },
    },
    {
      title: 'a call that was cancelled',
      record: request({ response_status: -3 }),
      row: { metadata: { failed: true, error: '-3' } },
    },
    {
      title: 'a status of 500',
      record: request({ response_status: 500, cost: 0.001 }),
      row: { costUsd: undefined, metadata: { failed: true, error: '500' } },
    },
    {
      title: 'a call that goes on',
      record: request({ response_status: -2, response_body: {} }),
      refused: 'the request has no answer in the log',
    },
    {
      title: 'a call that was held back as a threat',
      record: request({ response_status: -4 }),
      refused: 'the request has no answer in the log',
    },
    {
      title: 'no status and an answer',
      record: request({ response_status: null }),
      row: { latencyMs: 2000, metadata: {} },
    },
    {
      title: 'a status of 0 and an answer',
      record: request({ response_status: 0 }),
      row: { latencyMs: 2000, metadata: {} },
    },
    {
      title: 'no status and an error',
      record: request({ response_status: null, response_body: { error: { code: 'overloaded' } } }),
      row: { costUsd: undefined, metadata: { failed: true, error: 'overloaded' } },
    },
    {
      title: 'a status of 200 and an error',
      record: request({ response_body: { error: { code: 'overloaded' } } }),
      row: { costUsd: undefined, latencyMs: undefined, metadata: { failed: true, error: 'overloaded' } },
    },
    {
      title: 'nothing of an answer',
      record: request({
        response_status: null,
        response_body: null,
        delay_ms: null,
        cost: 0,
        completion_tokens: 0,
      }),
      refused: 'the request has no answer in the log',
    },
    {
      title: 'a cost of 0, which stands for none',
      record: request({ cost: 0 }),
      row: { costUsd: undefined },
    },
    {
      title: 'a latency of 0, which stands for none',
      record: request({ delay_ms: 0 }),
      row: { latencyMs: 2000 },
    },
    { title: 'a negative latency', record: request({ delay_ms: -50 }), row: { text, latencyMs: undefined } },
    {
      title: 'tokens of 0, which stand for none',
      record: request({ response_body: 'Two', prompt_tokens: 0, completion_tokens: 0 }),
      row: { inputTokens: undefined, outputTokens: undefined },
    },
    {
      title: 'a cached answer',
      record: request({ cache_reference_id: '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed' }),
      row: { costUsd: undefined, latencyMs: undefined, metadata: { cached: true } },
    },
    {
      title: 'a thumb among the scores',
      record: request({ scores: { 'helicone-score-feedback': 0 } }),
      row: { quality: 0 },
    },
    {
      title: 'a thumb',
      record: request({ feedback_rating: true, scores: { 'helicone-score-feedback': 1 } }),
      row: { quality: 1 },
    },
    {
      title: 'a thumb within its feedback',
      record: request({ feedback: { rating: false } }),
      row: { quality: 0 },
    },
    { title: 'a thumb as a word', record: request({ feedback_rating: 'negative' }), row: { quality: 0 } },
    {
      title: 'another score than the one that was asked for',
      record: request({ scores: { brief: { value: 0, valueType: 'boolean' } } }),
      row: { quality: undefined },
      furtherRefused: 'the score is another than the one asked for',
    },
    {
      title: 'bodies as JSON text',
      record: request({
        request_body: JSON.stringify({ model: 'mini', messages: [{ role: 'user', content: text }] }),
      }),
      row: { text },
    },
    {
      title: "Gemini's body",
      record: request({ request_body: { contents: [{ role: 'user', parts: [{ text }] }] } }),
      row: { text, candidate: 'mini' },
    },
    {
      title: "Helicone's own reading",
      record: request({
        request_body: {},
        llmSchema: { request: { messages: [{ role: 'user', content: text }] } },
      }),
      row: { text },
    },
    {
      title: "the Python exporter's bodies",
      record: request({
        request_body: undefined,
        response_body: undefined,
        signed_body_content: {
          request: { model: 'mini', messages: [{ role: 'user', content: text }] },
          response: {},
        },
      }),
      row: { text },
    },
    {
      title: 'a body as Python prints it',
      record: request({
        request_body: `{'model': 'mini', 'messages': [{'role': 'user', 'content': '${text}'}]}`,
      }),
      row: { text, candidate: 'mini' },
    },
    {
      title: 'a body that is elsewhere',
      record: request({ request_body: placeholder, response_body: placeholder }),
      refused: elsewhere,
    },
    {
      title: 'a body that was not fetched',
      record: request({ request_body: null, signed_body_url: 'https://example/body' }),
      refused: elsewhere,
    },
    {
      title: 'a body that was left out',
      record: request({ request_body: { model: 'mini' } }),
      refused: noWords,
    },
    {
      title: 'a body that was cut off',
      record: request({ request_body: '{"model":"mini","mess' }),
      refused: noWords,
    },
    {
      title: 'an embedding',
      record: request({
        request_path: 'https://api.openai.com/v1/embeddings',
        request_body: { input: text },
      }),
      refused: noCall,
    },
    {
      title: 'a call of a tool',
      record: request({ request_body: { _type: 'tool', toolName: 'search', input: text } }),
      refused: noCall,
    },
    {
      title: 'properties in any case',
      record: request({ request_properties: { Task: 'faq' }, properties: { TIER: 'pro' } }),
      row: { task: 'faq', tier: 'pro' },
    },
  ],
  joins: [
    {
      title: "the TypeScript exporter's CSV, whose quotes are doubled twice",
      files: {
        'output.csv': `${COLUMNS.join(',')}\n${[
          exported('re1', { model: 'mini', messages: [{ role: 'user', content: 'Say "hi"' }] }, 0.00003),
          exported('re2', { messages: [{ role: 'user', content: '' }] }, 0),
        ].join('\n')}\n`,
      },
      rows: {
        re1: {
          text: 'Say "hi"',
          task: 'faq',
          candidate: 'mini',
          latencyMs: 1500,
          costUsd: 0.00003,
          inputTokens: 12,
        },
      },
      refused: { [noWords]: 1 },
    },
    {
      title: 'one request of the API',
      files: { 'one.json': [{ data: request({ request_id: 'single' }), error: null }] },
      rows: { single: { text } },
    },
  ],
};
