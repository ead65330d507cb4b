import { DEEP, type FormatCases } from './log-case.ts';

let count = 0;
const text = 'How many moons has Mars?';
const messages = [{ role: 'user', content: text }];
const completion = {
  id: 'chatcmpl-1',
  created: 1770112800,
  model: 'mini-2026-01-01',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Two' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 1 },
};
const pair = (more: object = {}): Record<string, unknown> & { id: string } => ({
  id: `oa-${++count}`,
  timestamp: '2026-02-03T10:00:00Z',
  request: { model: 'mini', messages },
  response: completion,
  latency_ms: 800,
  cost_usd: 0.00003,
  ...more,
});
const noWords = 'no words of the user were found in the prompt';
const unanswered = 'the request has no answer in the log';
const noCall = 'the record is no call of a language model';
const otherRequest = 'several requests have this id and other prompts: whose record it is cannot be told';
const ambiguous =
  'several lines of batches have this id and other prompts: which of them was answered cannot be told';
const withoutInput =
  'the record is the output of a batch, and no line of the input that it answers was found';
const answered = { text, latencyMs: 800, costUsd: 0.00003, quality: undefined, metadata: {} };
const failed = { text, latencyMs: undefined, costUsd: undefined, quality: undefined };

const asked = (id: string, content: string, model = 'mini'): object => ({
  custom_id: id,
  method: 'POST',
  url: '/v1/chat/completions',
  body: { model, messages: [{ role: 'user', content }], metadata: { task: 'faq' } },
});
const replied = (id: string, answer: string, model = 'mini-2026-01-01'): object => ({
  id: `batch_req_${id}_${answer}`,
  custom_id: id,
  response: {
    status_code: 200,
    request_id: 'r',
    body: { ...completion, model, choices: [{ message: { content: answer }, finish_reason: 'stop' }] },
  },
  error: null,
});

export const OPENAI: FormatCases = {
  records: [
    { title: 'an error by another name', record: pair({ response: null, error_message: 'No' }), row: failed },
    { title: 'an exception', record: pair({ response: null, exception: 'Timeout' }), row: failed },
    { title: 'a list of errors', record: pair({ response: null, errors: ['No'] }), row: failed },
    { title: 'a timeout', record: pair({ response: null, status: 'timeout' }), row: failed },
    { title: 'no error of many', record: pair({ errors: [], exception: 'None' }), row: answered },
    {
      title: 'an answer in JSON that has a status',
      record: pair({ response: '{"status":"failed","form":7}' }),
      row: answered,
    },
    {
      title: 'chunks, each as JSON text',
      record: pair({
        response: [
          '{"choices":[{"delta":{"content":"Two"}}]}',
          '{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}',
        ],
      }),
      row: { ...answered, inputTokens: 9, outputTokens: 2 },
    },
    { title: 'a thumb as a picture', record: pair({ rating: '👎' }), row: { quality: 0 } },
    {
      title: "a request of Bedrock's",
      record: pair({ request: { modelId: 'mini', messages: [{ role: 'user', content: [{ text }] }] } }),
      row: { text, candidate: 'mini' },
    },
    {
      title: "Ollama's counts",
      record: pair({
        request: { model: 'mini', prompt: text },
        response: { response: 'Two', done: true, prompt_eval_count: 9, eval_count: 2 },
      }),
      row: { text, inputTokens: 9, outputTokens: 2 },
    },
    { title: 'a pair', record: pair(), row: { ...answered, inputTokens: 9 } },
    {
      title: 'the answer as text',
      record: pair({ response: 'Two moons, Phobos and Deimos.' }),
      row: answered,
    },
    {
      title: 'a response that was cut off',
      record: pair({ response: '{"id":"chatcmpl-1","choices":[{"message":{"con' }),
      row: answered,
    },
    {
      title: 'a response as JSON text',
      record: pair({ response: JSON.stringify(completion) }),
      row: { ...answered, inputTokens: 9 },
    },
    {
      title: 'a stream as its chunks',
      record: pair({
        response: [
          { choices: [{ index: 0, delta: { content: 'Two' } }] },
          { choices: [], usage: completion.usage },
        ],
      }),
      row: { ...answered, inputTokens: 9 },
    },
    {
      title: 'a stream as its events',
      record: pair({ response: 'data: {"choices":[{"delta":{"content":"Two"}}]}\n\ndata: [DONE]\n' }),
      row: answered,
    },
    { title: 'no response, and how long it took', record: pair({ response: null }), row: answered },
    {
      title: 'a status and no response',
      record: pair({ response: undefined, latency_ms: undefined, cost_usd: undefined, status_code: 200 }),
      row: { text, metadata: {} },
    },
    {
      title: 'a request alone',
      record: pair({ response: null, latency_ms: null, cost_usd: null }),
      refused: unanswered,
    },
    {
      title: 'an error',
      record: pair({ response: { error: { code: 'rate_limit_exceeded' } } }),
      row: { ...failed, metadata: { failed: true, error: 'rate_limit_exceeded' } },
    },
    {
      title: 'an error beside the response',
      record: pair({ response: null, error: { type: 'timeout' } }),
      row: { ...failed, metadata: { failed: true, error: 'timeout' } },
    },
    {
      title: 'an error that was cut off',
      record: pair({ response: '{"error": {"message": "The ser' }),
      row: { ...failed, metadata: { failed: true } },
    },
    {
      title: 'a status of 429',
      record: pair({ response: 'Too many', status_code: '429' }),
      row: { ...failed, metadata: { failed: true, error: '429' } },
    },
    {
      title: 'a word that says it failed',
      record: pair({ response: null, status: 'failed' }),
      row: { ...failed, metadata: { failed: true } },
    },
    { title: 'errors that say there was none', record: pair({ error: '' }), row: answered },
    {
      title: 'an error of null',
      record: pair({ error: null, response: { ...completion, error: null } }),
      row: answered,
    },
    {
      title: 'a response that is incomplete',
      record: pair({ response: { id: 'r', status: 'incomplete', output: [], error: null } }),
      row: answered,
    },
    {
      title: 'a negative latency',
      record: pair({ latency_ms: -3 }),
      row: { text, latencyMs: undefined, costUsd: 0.00003 },
    },
    {
      title: "Anthropic's cached tokens",
      record: pair({
        response: {
          content: [],
          usage: { input_tokens: 5, cache_read_input_tokens: 2000, output_tokens: 3 },
        },
      }),
      row: { inputTokens: 2005 },
    },
    { title: 'a thumb', record: pair({ feedback: 'thumbs_up' }), row: { quality: 1 } },
    {
      title: 'a thumb in an object',
      record: pair({ feedback: { rating: 'thumbs down' } }),
      row: { quality: 0 },
    },
    { title: 'several ratings', record: pair({ rating: [1, 0.5] }), row: { quality: 0.75 } },
    {
      title: 'a request of the responses API',
      record: pair({
        request: {
          model: 'mini',
          instructions: 'Be brief',
          input: [{ role: 'user', content: [{ type: 'input_text', text }] }],
        },
      }),
      row: {
        messages: [
          { role: 'system', content: 'Be brief' },
          { role: 'user', content: text },
        ],
      },
    },
    {
      title: 'a request as JSON text',
      record: pair({ request: JSON.stringify({ model: 'mini', messages }) }),
      row: answered,
    },
    { title: 'a prompt as the request', record: pair({ request: text, model: 'mini' }), row: answered },
    { title: 'messages as the request', record: pair({ request: messages, model: 'mini' }), row: answered },
    {
      title: 'a request that was cut off',
      record: pair({ request: '{"model":"mini","messages":[{"role":"user","content":"How' }),
      refused: noWords,
    },
    {
      title: 'a request with nothing but a model',
      record: pair({ request: { model: 'mini' } }),
      refused: noWords,
    },
    {
      title: 'pictures alone',
      record: pair({
        request: {
          model: 'mini',
          messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }],
        },
      }),
      refused: noWords,
    },
    {
      title: 'a redacted request',
      record: pair({ request: { model: 'mini', messages: [{ role: 'user', content: '[REDACTED]' }] } }),
      refused: 'the words of the prompt were redacted before they were logged: only a placeholder is left',
    },
    {
      title: 'a request of 5,000 levels',
      record: pair({
        request: { prompt: DEEP },
      }),
      refused: 'the record is nested more than 100 levels deep',
    },
    {
      title: 'a request whose JSON text has 5,000 levels',
      record: pair({ request: `${'['.repeat(5000)}${']'.repeat(5000)}` }),
      refused: 'the record is nested more than 100 levels deep',
    },
    {
      title: 'a request and its answer side by side',
      record: { id: 'flat', model: 'mini', messages, completion: 'Two', latency_ms: 800, cost: 0.00003 },
      row: answered,
    },
    {
      title: 'a stored completion with its input',
      record: {
        ...completion,
        id: 'stored',
        object: 'chat.completion',
        input: messages,
        metadata: { task: 'faq' },
      },
      row: { text, task: 'faq', candidate: 'mini-2026-01-01', inputTokens: 9 },
    },
    {
      title: 'a stored completion without its input',
      record: { ...completion, id: 'stored-2', object: 'chat.completion' },
      refused: noWords,
    },
    {
      title: 'an embedding',
      record: pair({
        request: { model: 'e', input: text },
        response: { object: 'list', data: [{ embedding: [0.1] }] },
      }),
      refused: noCall,
    },
    {
      title: 'half an emoji',
      record: pair({ request: { model: 'mini', messages: [{ role: 'user', content: 'cut \ud83d here' }] } }),
      row: { text: 'cut \ufffd here' },
    },
  ],
  joins: [
    {
      title: 'the input and the output of a batch, joined by custom_id',
      files: {
        'in.jsonl': [asked('q-1', 'One?'), asked('q-2', 'Two?'), asked('q-3', 'Three?')],
        'out.jsonl': [replied('q-2', 'b'), replied('q-1', 'a')],
      },
      rows: {
        'q-1': { text: 'One?', candidate: 'mini', task: 'faq', inputTokens: 9 },
        'q-2': { text: 'Two?', candidate: 'mini' },
      },
      refused: { [unanswered]: 1 },
      joined: 2,
    },
    {
      title: 'the output of a batch before its input, with what failed in a file of its own',
      again: true,
      files: {
        'a-out.jsonl': [replied('q-1', 'a')],
        'b-errors.jsonl': [
          {
            id: 'e1',
            custom_id: 'q-2',
            response: { status_code: 400, body: { error: { code: 'invalid_prompt' } } },
            error: null,
          },
          {
            id: 'e2',
            custom_id: 'q-3',
            response: null,
            error: { code: 'batch_expired', message: 'No time' },
          },
        ],
        'c-in.jsonl': [asked('q-1', 'One?'), asked('q-2', 'Two?'), asked('q-3', 'Three?')],
      },
      rows: {
        'q-1': { text: 'One?', metadata: {} },
        'q-2': {
          text: 'Two?',
          quality: undefined,
          latencyMs: undefined,
          metadata: { failed: true, error: 'invalid_prompt' },
        },
      },
      // The request that was never asked, and what was said of it.
      refused: { [unanswered]: 2 },
      joined: 2,
    },
    {
      title: 'a batch that was cancelled: only what was asked has an outcome, a server error too',
      again: true,
      files: {
        'in.jsonl': [asked('q-1', 'One?'), asked('q-2', 'Two?'), asked('q-3', 'Three?')],
        'errors.jsonl': [
          ...['batch_cancelled', 'server_error'].map((code, i) => ({
            id: `e${i}`,
            custom_id: `q-${i + 1}`,
            response: null,
            error: { code, message: 'No.' },
          })),
          { id: 'e3', custom_id: 'q-3', response: null, error: { code: 'batch_expired', message: 'No.' } },
        ],
      },
      rows: { 'q-2': { text: 'Two?', metadata: { failed: true, error: 'server_error' } } },
      refused: { [unanswered]: 4 },
      joined: 1,
    },
    {
      title: 'one question to two candidates in two batches',
      again: true,
      files: {
        'in.jsonl': [asked('q-1', 'One?', 'mini'), asked('q-1', 'One?', 'large')],
        'out.jsonl': [replied('q-1', 'a', 'large-2026-02-02'), replied('q-1', 'b', 'mini-2026-01-01')],
      },
      rows: {
        'q-1': { text: 'One?', candidate: 'large' },
        'q-1 of mini': { requestId: 'q-1', candidate: 'mini' },
      },
      joined: 2,
    },
    {
      title: 'a custom_id that two batches used for other questions',
      files: {
        'in.jsonl': [asked('q-1', 'One?'), asked('q-1', 'Other?'), asked('q-2', 'Two?')],
        'out.jsonl': [replied('q-1', 'a'), replied('q-2', 'b')],
      },
      rows: { 'q-2': { text: 'Two?' } },
      refused: { [ambiguous]: 1 },
      joined: 3,
    },
    {
      title: 'the output of a batch without its input',
      files: { 'in.jsonl': [asked('q-1', 'One?')], 'out.jsonl': [replied('q-1', 'a'), replied('q-2', 'b')] },
      rows: { 'q-1': { text: 'One?' } },
      refused: { [withoutInput]: 1 },
      joined: 1,
    },
    {
      title: 'a batch of the responses API, and one of embeddings',
      files: {
        'in.jsonl': [
          {
            custom_id: 'r-1',
            method: 'POST',
            url: '/v1/responses',
            body: { model: 'mini', instructions: 'Be brief', input: text },
          },
          { custom_id: 'e-1', method: 'POST', url: '/v1/embeddings', body: { model: 'e', input: text } },
        ],
        'out.jsonl': [
          {
            custom_id: 'r-1',
            response: {
              status_code: 200,
              body: {
                id: 'resp_1',
                status: 'completed',
                output: [{ type: 'message', content: [{ type: 'output_text', text: 'Two' }] }],
                usage: { input_tokens: 9, output_tokens: 1 },
              },
            },
          },
          {
            custom_id: 'e-1',
            response: { status_code: 200, body: { object: 'list', data: [{ embedding: [0.1] }] } },
          },
        ],
      },
      rows: {
        'r-1': {
          messages: [
            { role: 'system', content: 'Be brief' },
            { role: 'user', content: text },
          ],
          inputTokens: 9,
        },
      },
      refused: { [noCall]: 2 },
      joined: 1,
    },
    {
      title: "Anthropic's batches",
      files: {
        'in.jsonl': ['a', 'b', 'c'].map((id) => ({
          custom_id: id,
          params: { model: 'claude', max_tokens: 9, messages },
        })),
        'out.jsonl': [
          {
            custom_id: 'a',
            result: {
              type: 'succeeded',
              message: {
                id: 'msg',
                model: 'claude-1',
                content: [{ type: 'text', text: 'Two' }],
                usage: { input_tokens: 5, output_tokens: 1 },
              },
            },
          },
          {
            custom_id: 'b',
            result: { type: 'errored', error: { type: 'error', error: { type: 'invalid_request' } } },
          },
          { custom_id: 'c', result: { type: 'expired' } },
        ],
      },
      rows: { a: { text, candidate: 'claude', inputTokens: 5 }, b: { text, metadata: { failed: true } } },
      refused: { [unanswered]: 2 },
      joined: 2,
    },
    {
      title: 'ids that come again with other prompts, which are other requests',
      again: true,
      files: {
        'log.jsonl': [
          {
            request: { model: 'llama3', messages: [{ role: 'user', content: 'first question' }] },
            response: { id: 'chatcmpl-693', choices: [] },
            rating: 1,
          },
          {
            request: { model: 'llama3', messages: [{ role: 'user', content: 'another question' }] },
            response: { id: 'chatcmpl-693', choices: [] },
            rating: 0,
          },
          {
            request: { model: 'qwen', messages: [{ role: 'user', content: 'third question' }] },
            response: { id: 'chatcmpl-693', choices: [] },
            rating: 0,
          },
          {
            request: { model: 'qwen', messages: [{ role: 'user', content: ' first question' }] },
            response: { id: 'chatcmpl-693', choices: [] },
            rating: 0.5,
          },
          {
            schemaVersion: 1,
            kind: 'feedback',
            id: 'chatcmpl-693',
            at: '2026-02-03T12:00:00.000Z',
            quality: 0.25,
          },
        ],
      },
      rows: {
        'chatcmpl-693': { text: 'first question', candidate: 'llama3', quality: 1 },
        'chatcmpl-693 of qwen': {
          requestId: 'chatcmpl-693',
          text: ' first question',
          candidate: 'qwen',
          quality: 0.5,
        },
        'chatcmpl-693#a7048e6f16f1': { text: 'another question', candidate: 'llama3', quality: 0 },
        'chatcmpl-693#94f18e039753': { text: 'third question', candidate: 'qwen', quality: 0 },
      },
      refused: { [otherRequest]: 1 },
    },
  ],
};
