import type { FormatCases } from './log-case.ts';

let count = 0;
const text = 'How many moons has Mars?';
const serialized = (name: string, content: unknown): object => ({
  lc: 1,
  type: 'constructor',
  id: ['langchain', 'schema', 'messages', name],
  kwargs: { content },
});
const generations = [
  [
    {
      text: 'Two',
      message: {
        lc: 1,
        type: 'constructor',
        id: ['langchain', 'schema', 'messages', 'AIMessage'],
        kwargs: { content: 'Two' },
      },
    },
  ],
];
const run = (more: object = {}): Record<string, unknown> & { id: string } => ({
  id: `run-${++count}`,
  trace_id: 'trace-1',
  name: 'ChatOpenAI',
  run_type: 'llm',
  start_time: '2026-02-03T10:00:00.000000',
  end_time: '2026-02-03T10:00:00.800000',
  first_token_time: '2026-02-03T10:00:00.200000',
  error: null,
  status: 'success',
  inputs: { messages: [[serialized('HumanMessage', text)]] },
  outputs: { generations, llm_output: { model_name: 'mini-2026-01-01' } },
  extra: { metadata: { ls_model_name: 'mini', task: 'faq' }, invocation_params: { model: 'other' } },
  prompt_tokens: 9,
  completion_tokens: 1,
  total_cost: '0.00003',
  ...more,
});
const noCall = 'the record is no call of a language model';
const inWords = 'the score is a text or a correction, and has no number';

export const LANGSMITH: FormatCases = {
  score: 'helpful',
  records: [
    {
      title: 'how an answer ended, beside it',
      record: run({
        outputs: { generations: [[{ text: 'Two', generation_info: { finish_reason: 'length' } }]] },
      }),
      row: { answer: 'Two', finishReason: 'length' },
    },
    {
      title: 'an answer of a wrapped client',
      record: run({
        outputs: { choices: [{ message: { role: 'assistant', content: 'Two' }, finish_reason: 'stop' }] },
      }),
      row: { answer: 'Two', finishReason: 'stop' },
    },
    {
      title: 'a run of LangChain',
      record: run(),
      row: {
        text,
        candidate: 'mini',
        task: 'faq',
        latencyMs: 800,
        answer: 'Two',
        costUsd: 0.00003,
        inputTokens: 9,
        outputTokens: 1,
        metadata: { timeToFirstTokenMs: 200 },
      },
    },
    {
      title: 'instructions, and the parts of a message',
      record: run({
        inputs: {
          messages: [
            [
              serialized('SystemMessage', 'Be brief.'),
              serialized('HumanMessage', [
                { type: 'text', text },
                { type: 'image_url', image_url: { url: 'data:' } },
              ]),
            ],
          ],
        },
      }),
      row: {
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: [{ type: 'text', text }, { type: 'image_url' }] },
        ],
      },
    },
    {
      title: 'a run of a wrapper',
      record: run({
        inputs: { model: 'mini', messages: [{ role: 'user', content: text }] },
        outputs: {
          choices: [{ message: { content: 'Two' } }],
          usage_metadata: { input_tokens: 7, output_tokens: 2 },
        },
        extra: {},
        prompt_tokens: null,
        completion_tokens: null,
      }),
      row: { text, candidate: 'mini', inputTokens: 7, outputTokens: 2 },
    },
    { title: 'a prompt of a plain model', record: run({ inputs: { prompts: [text] } }), row: { text } },
    {
      title: 'fields as JSON text, as bulk exports have them',
      record: run({
        inputs: JSON.stringify({ messages: [[serialized('HumanMessage', text)]] }),
        outputs: JSON.stringify({ generations }),
        extra: JSON.stringify({ metadata: { ls_model_name: 'mini' } }),
      }),
      row: { text, candidate: 'mini' },
    },
    {
      title: 'an answer that calls a tool',
      record: run({
        outputs: {
          generations: [
            [{ text: '', message: { kwargs: { content: '', tool_calls: [{ name: 'count', args: {} }] } } }],
          ],
        },
      }),
      row: { text, costUsd: 0.00003 },
    },
    {
      title: 'an error',
      record: run({ error: 'RateLimitError("Error code: 429")', status: 'error', outputs: null }),
      row: { text, costUsd: undefined, latencyMs: undefined, metadata: { failed: true } },
    },
    { title: 'a cost of 0 without parts', record: run({ total_cost: 0 }), row: { text, costUsd: undefined } },
    {
      title: 'a cost of 0 that has parts',
      record: run({ total_cost: '0', prompt_cost: '0', completion_cost: '0' }),
      row: { costUsd: 0 },
    },
    {
      title: 'a run that has not ended',
      record: run({ end_time: null, outputs: null, status: 'pending' }),
      refused: 'the request has no answer in the log',
    },
    { title: 'a chain', record: run({ run_type: 'chain' }), refused: noCall },
    {
      title: 'inputs that are kept elsewhere',
      record: run({ inputs: {}, inputs_s3_urls: { ROOT: { presigned_url: 'x' } } }),
      refused:
        'the log does not hold the request, only where it is kept (an object in S3, or a reference): export it with its content',
    },
    {
      title: 'inputs that were hidden',
      record: run({ inputs: {} }),
      refused: 'no words of the user were found in the prompt',
    },
    {
      title: 'a placeholder of redaction',
      record: run({ inputs: { messages: [[serialized('HumanMessage', '[REDACTED]')]] } }),
      refused: 'the words of the prompt were redacted before they were logged: only a placeholder is left',
    },
    {
      title: 'feedback that was summed up',
      record: run({ feedback_stats: { helpful: { n: 2, avg: 0.75, values: {} } } }),
      row: { quality: 0.75 },
    },
    {
      title: 'feedback in a word',
      record: run({ feedback_stats: { helpful: { n: 1, avg: null, values: { good: 1 } } } }),
      row: { quality: 1 },
    },
    {
      title: 'feedback in several words',
      record: run({ feedback_stats: { helpful: { n: 2, avg: null, values: { good: 1, odd: 1 } } } }),
      row: { text },
      furtherRefused: inWords,
    },
    {
      title: 'feedback under another name',
      record: run({ feedback_stats: { length: { n: 1, avg: 0.1 } } }),
      row: { text },
      furtherRefused: 'the score is another than the one asked for',
    },
    {
      title: 'feedback in a record of its own',
      record: run({ id: 'rated' }),
      further: [
        { id: 'f', run_id: 'rated', key: 'helpful', score: 0.25, created_at: '2026-02-03T11:00:00Z' },
      ],
      row: { quality: 0.25 },
    },
    {
      title: 'a comment in a record of its own',
      record: run({ id: 'commented' }),
      further: [{ id: 'f', run_id: 'commented', key: 'note', score: null, value: null, comment: 'Hm' }],
      furtherRefused: inWords,
      row: { quality: undefined },
    },
  ],
};
