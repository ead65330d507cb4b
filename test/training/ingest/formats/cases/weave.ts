import type { FormatCases } from './log-case.ts';

let count = 0;
const text = 'How many moons has Mars?';
const messages = [{ role: 'user', content: text }];
const usage = { mini: { requests: 1, prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 } };
const costs = {
  mini: {
    prompt_tokens_total_cost: 0.25,
    completion_tokens_total_cost: 0.5,
    prompt_token_cost: 1e-6,
    completion_token_cost: 2e-6,
  },
};
const op = (name: string): string => `weave:///team/project/op/${name}:abc`;
const call = (more: object = {}): Record<string, unknown> & { id: string } => ({
  id: `weave-${++count}`,
  trace_id: 'trace-1',
  op_name: op('openai.chat.completions.create'),
  started_at: '2026-02-03T10:00:00.000Z',
  ended_at: '2026-02-03T10:00:00.800Z',
  exception: null,
  attributes: { task: 'faq' },
  inputs: { self: 'weave:///team/project/object/Completions:1', model: 'mini', messages },
  output: {
    model: 'mini-2026-01-01',
    choices: [{ message: { role: 'assistant', content: 'Two' }, finish_reason: 'stop' }],
  },
  summary: { usage, weave: { status: 'success', latency_ms: 800, costs } },
  ...more,
});
const feedback = (type: string, payload: object): object => ({
  summary: {
    usage,
    weave: { costs, feedback: [{ feedback_type: type, payload, created_at: '2026-02-03T11:00:00Z' }] },
  },
});
const noCall = 'the record is no call of a language model';
const failed = { text, costUsd: undefined, latencyMs: undefined, metadata: { failed: true } };
const elsewhere =
  'the log does not hold the request, only where it is kept (an object in S3, or a reference): export it with its content';

export const WEAVE: FormatCases = {
  score: 'reaction',
  records: [
    {
      title: 'a call of OpenAI',
      record: call(),
      row: {
        text,
        candidate: 'mini',
        task: 'faq',
        answer: 'Two',
        finishReason: 'stop',
        latencyMs: 800,
        costUsd: 0.75,
        inputTokens: 9,
        outputTokens: 1,
        metadata: {},
      },
    },
    {
      title: 'a call of Anthropic, whose cached tokens are counted apart',
      record: call({
        op_name: op('anthropic.Messages.create'),
        inputs: { model: 'mini', system: 'Be brief.', messages },
        output: {
          content: [{ type: 'text', text: 'Two' }],
          usage: { input_tokens: 9, cache_read_input_tokens: 100, output_tokens: 1 },
        },
      }),
      row: { messages: [{ role: 'system', content: 'Be brief.' }, ...messages], inputTokens: 109 },
    },
    {
      title: 'an operation that says it is a call',
      record: call({
        op_name: op('answer'),
        attributes: { weave: { kind: 'llm' } },
        inputs: { model: 'mini', prompt: text },
        output: 'Two',
      }),
      row: { text, candidate: 'mini', costUsd: 0.75 },
    },
    {
      title: 'a function around a call',
      record: call({ op_name: op('answer'), output: 'Two' }),
      refused: noCall,
    },
    { title: 'embeddings', record: call({ op_name: op('openai.embeddings.create') }), refused: noCall },
    { title: 'an exception', record: call({ exception: 'RateLimitError: 429', output: null }), row: failed },
    {
      title: 'a status of an error',
      record: call({ output: null, summary: { weave: { status: 'error' } } }),
      row: failed,
    },
    {
      title: 'a call that has not ended',
      record: call({ ended_at: null, output: null, summary: {} }),
      refused: 'the request has no answer in the log',
    },
    {
      title: 'costs without a price of a token',
      record: call({
        summary: {
          usage,
          weave: { costs: { mini: { prompt_tokens_total_cost: 0, completion_tokens_total_cost: 0 } } },
        },
      }),
      row: { costUsd: undefined },
    },
    {
      title: 'the usage of several models',
      record: call({ summary: { usage: { ...usage, big: usage.mini }, weave: {} } }),
      row: { candidate: 'mini', inputTokens: undefined, costUsd: undefined },
    },
    {
      title: 'a prompt that is a reference',
      record: call({ inputs: { model: 'mini', messages: 'weave:///team/project/object/messages:1' } }),
      refused: elsewhere,
    },
    {
      title: 'a picture alone',
      record: call({
        inputs: { model: 'mini', messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
      }),
      refused: 'no words of the user were found in the prompt',
    },
    { title: 'a thumb up', record: call(feedback('wandb.reaction.1', { emoji: '👍' })), row: { quality: 1 } },
    {
      title: 'a thumb down',
      record: call(feedback('wandb.reaction.1', { emoji: '👎' })),
      row: { quality: 0 },
    },
    {
      title: 'a note',
      record: call(feedback('wandb.note.1', { note: 'Hm' })),
      row: { text },
      furtherRefused: 'the score is a text or a correction, and has no number',
    },
    {
      title: 'what a scorer said',
      record: call(feedback('wandb.runnable.exact', { output: { match: true } })),
      row: { text },
      furtherRefused: 'the score is another than the one asked for',
    },
  ],
};
