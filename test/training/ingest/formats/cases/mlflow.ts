import type { FormatCases } from './log-case.ts';

let count = 0;
const text = 'How many moons has Mars?';
const messages = [{ role: 'user', content: text }];
const START = 1770112800000;
const nano = (ms: number): number => (START + ms) * 1e6;
interface SpanMore extends Record<string, unknown> {
  readonly attributes?: object;
}
const span = ({ attributes = {}, ...more }: SpanMore = {}): Record<string, unknown> => ({
  name: 'Completions',
  context: { span_id: `0x${String(count).padStart(16, '0')}`, trace_id: '0xab' },
  parent_id: null,
  start_time: nano(0),
  end_time: nano(800),
  status_code: 'OK',
  attributes: {
    'mlflow.spanType': '"CHAT_MODEL"',
    'mlflow.spanInputs': JSON.stringify({ model: 'mini', messages }),
    'mlflow.spanOutputs': JSON.stringify({
      model: 'mini-2026-01-01',
      choices: [{ message: { content: 'Two' } }],
    }),
    'mlflow.chat.tokenUsage': JSON.stringify({ input_tokens: 9, output_tokens: 1, total_tokens: 10 }),
    ...attributes,
  },
  ...more,
});
const trace = (spans: readonly object[], info: object = {}): object => ({
  info: { trace_id: `tr-${count}`, state: 'OK', tags: { task: 'faq' }, ...info },
  data: { spans },
});
type Rest = Omit<FormatCases['records'][number], 'title' | 'record' | 'requestId'>;
const one = (title: string, make: () => object, rest: Rest): FormatCases['records'][number] => {
  count++;
  return { title, record: make(), requestId: String(count).padStart(16, '0'), ...rest };
};
const whole = {
  text,
  answer: 'Two',
  candidate: 'mini',
  latencyMs: 800,
  inputTokens: 9,
  outputTokens: 1,
  task: 'faq',
  metadata: {},
};
const noCall = 'the record is no call of a language model';
const assessed = (value: unknown, more: object = {}): object => ({
  assessments: [
    { assessment_name: 'helpful', feedback: { value }, create_time: '2026-02-03T11:00:00Z', ...more },
  ],
});

export const MLFLOW: FormatCases = {
  score: 'helpful',
  records: [
    one('a span of a chat', () => trace([span()]), { row: { ...whole, costUsd: undefined } }),
    one(
      'the span of a version 3, its id in base64',
      () => {
        const id = Buffer.from(String(count).padStart(16, '0'), 'hex').toString('base64');
        const { context: _, start_time: _s, end_time: _e, status_code: _c, ...others } = span();
        return trace([
          {
            ...others,
            span_id: id,
            trace_id: 'q83vASNFZ4mrze8BI0VniQ==',
            parent_span_id: null,
            start_time_unix_nano: nano(0),
            end_time_unix_nano: nano(800),
            status: { code: 'STATUS_CODE_OK', message: '' },
          },
        ]);
      },
      { row: whole },
    ),
    one('a trace in a column of a table', () => ({ trace_id: 'x', trace: JSON.stringify(trace([span()])) }), {
      row: whole,
    }),
    one('a page of traces', () => ({ traces: [trace([span()])] }), { row: whole }),
    one(
      'a cost, and tokens as the provider counts them',
      () =>
        trace([
          span({
            attributes: {
              'mlflow.llm.cost': JSON.stringify({ total_cost: 0.00003 }),
              'mlflow.spanOutputs': JSON.stringify({
                content: [{ type: 'text', text: 'Two' }],
                usage: { input_tokens: 9, cache_read_input_tokens: 100, output_tokens: 1 },
              }),
            },
          }),
        ]),
      { row: { costUsd: 0.00003, inputTokens: 109, outputTokens: 1 } },
    ),
    one(
      'the inner of two spans of one call',
      () =>
        trace([
          span({ context: { span_id: '0xouter' } }),
          span({ parent_id: '0xouter' }),
          {
            name: 'tool',
            context: { span_id: '0xtool' },
            start_time: nano(0),
            end_time: nano(1),
            attributes: { 'mlflow.spanType': '"TOOL"' },
          },
        ]),
      { row: whole },
    ),
    one(
      'messages of LangChain, and the model among the parameters',
      () =>
        trace([
          span({
            attributes: {
              'mlflow.spanInputs': JSON.stringify([[{ type: 'human', content: text }]]),
              invocation_params: JSON.stringify({ model_name: 'mini' }),
            },
          }),
        ]),
      { row: whole },
    ),
    one(
      'an error',
      () =>
        trace([
          span({
            status_code: 'ERROR',
            attributes: { 'mlflow.spanOutputs': undefined, 'mlflow.llm.cost': '{"total_cost":1}' },
          }),
        ]),
      {
        row: { text, costUsd: undefined, latencyMs: undefined, metadata: { failed: true } },
      },
    ),
    one(
      'a chunk list of a stream',
      () =>
        trace([
          span({
            attributes: {
              'mlflow.spanOutputs': JSON.stringify([{ choices: [{ delta: { content: 'Two' } }] }]),
            },
          }),
        ]),
      // Whether there was more is not known.
      { row: { ...whole, answer: undefined } },
    ),
    one(
      'a span that has not ended',
      () => trace([span({ end_time: null, attributes: { 'mlflow.spanOutputs': undefined } })]),
      { refused: 'the request has no answer in the log' },
    ),
    one(
      'no words',
      () =>
        trace([
          span({ attributes: { 'mlflow.spanInputs': JSON.stringify({ model: 'mini', messages: [] }) } }),
        ]),
      { refused: 'no words of the user were found in the prompt' },
    ),
    one('a trace without a call', () => trace([span({ attributes: { 'mlflow.spanType': '"CHAIN"' } })]), {
      refused: noCall,
    }),
    one(
      'a trace whose spans are kept elsewhere',
      () => ({ info: { trace_id: 'tr', request_preview: text } }),
      {
        refused:
          'the log does not hold the request, only where it is kept (an object in S3, or a reference): export it with its content',
      },
    ),
    one('a judgement of the trace', () => trace([span()], assessed(true)), { row: { quality: 1 } }),
    one(
      'a judgement of the span',
      () => trace([span()], assessed(0.25, { span_id: String(count).padStart(16, '0') })),
      { row: { quality: 0.25 } },
    ),
    one('a judgement in a word', () => trace([span()], assessed('no')), { row: { quality: 0 } }),
    one('a label that says neither good nor bad', () => trace([span()], assessed('formal')), {
      row: { text },
      furtherRefused: 'the score is a label that says neither good nor bad: "formal"',
    }),
    one(
      'what was expected',
      () => trace([span()], { assessments: [{ assessment_name: 'answer', expectation: { value: 'Two' } }] }),
      { row: { text }, furtherRefused: 'the score is a text or a correction, and has no number' },
    ),
  ],
};
