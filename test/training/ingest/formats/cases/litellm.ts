import { DEEP, type FormatCases } from './log-case.ts';

let count = 0;
const payload = (more: object = {}): Record<string, unknown> & { id: string } => ({
  id: `ll-${++count}`,
  trace_id: 't1',
  call_type: 'acompletion',
  status: 'success',
  cache_hit: false,
  response_cost: 0.0004,
  prompt_tokens: 20,
  completion_tokens: 10,
  startTime: 1767000000.1,
  endTime: 1767000001.1,
  model: 'openai/gpt-4o-mini',
  model_group: 'mini',
  messages: [{ role: 'user', content: 'Which planet is largest?' }],
  response: { id: 'c1', choices: [{ message: { content: 'Jupiter' } }] },
  ...more,
});
/** A row of LiteLLM's own database. */
const spendLog = (more: object = {}): object => ({
  request_id: `ll-${++count}`,
  call_type: 'acompletion',
  spend: 0.0004,
  prompt_tokens: 20,
  completion_tokens: 10,
  startTime: '2025-12-29T09:20:00.100Z',
  endTime: '2025-12-29 09:20:01.100',
  completionStartTime: '2025-12-29T09:20:00.350Z',
  model: 'gpt-4o-mini',
  model_group: '',
  cache_hit: 'False',
  messages: {},
  response: {},
  metadata: '{"status":"success","requester_metadata":{"task":"faq"}}',
  request_tags: '["tier:pro"]',
  proxy_server_request: '{"model":"mini","messages":[{"role":"user","content":"Which planet is largest?"}]}',
  ...more,
});
const redacted = 'the words of the prompt were redacted before they were logged: only a placeholder is left';
const notKept = 'the log has no prompt: LiteLLM was not told to keep it';
const noWords = 'no words of the user were found in the prompt';
const noCall = 'the record is no call of a language model';
const text = 'Which planet is largest?';

export const LITELLM: FormatCases = {
  prices: {
    'local-llama': { inputPricePerMillionTokens: 1, outputPricePerMillionTokens: 2 },
    mini: { inputPricePerMillionTokens: 0.15, outputPricePerMillionTokens: 0.6 },
  },
  records: [
    {
      title: 'a payload',
      record: payload(),
      row: { text, costUsd: 0.0004, latencyMs: 1000, inputTokens: 20 },
    },
    {
      title: 'a failure that counted tokens, with prices',
      record: payload({
        status: 'failure',
        response_cost: 0,
        error_information: { error_class: 'E', error_code: '429' },
      }),
      row: {
        costUsd: undefined,
        latencyMs: undefined,
        metadata: { failed: true, error: 'E 429' },
      },
    },
    {
      title: 'a failure without tokens, with prices',
      record: payload({ status: 'failure', response_cost: 0, prompt_tokens: 0, completion_tokens: 0 }),
      row: { costUsd: undefined, latencyMs: undefined, inputTokens: undefined, outputTokens: undefined },
    },
    {
      title: 'a status of an error',
      record: payload({ status: 'error' }),
      row: { costUsd: undefined, metadata: { failed: true } },
    },
    {
      title: 'no status and an error',
      record: payload({ status: null, error_information: { error_class: 'Timeout', error_code: '' } }),
      row: { costUsd: undefined, metadata: { failed: true, error: 'Timeout' } },
    },
    {
      title: 'no status and the words of an error',
      record: payload({ status: null, error_str: 'No' }),
      row: { latencyMs: undefined, metadata: { failed: true } },
    },
    {
      title: 'no status and an error that is empty',
      record: payload({
        status: null,
        error_str: null,
        error_information: { error_class: '', error_code: '' },
      }),
      row: { costUsd: 0.0004, metadata: {} },
    },
    {
      title: 'an end before its start',
      record: payload({ endTime: 1767000000.05 }),
      row: { text, latencyMs: undefined, costUsd: 0.0004 },
    },
    {
      title: 'a first token before its start',
      record: payload({ completionStartTime: 1766999999 }),
      row: { latencyMs: 1000, metadata: {} },
    },
    {
      title: 'an unknown price that is given with --prices',
      record: payload({
        model_group: 'local-llama',
        response_cost: 0,
        response_cost_failure_debug_info: { error_str: "This model isn't mapped yet" },
      }),
      row: { costUsd: 0.00004 },
    },
    {
      title: 'an unknown price that nobody gives',
      record: payload({
        model_group: 'other',
        response_cost: 0.0,
        response_cost_failure_debug_info: { error_str: 'No' },
      }),
      row: { costUsd: undefined },
    },
    {
      title: 'an unknown price, said in words',
      record: payload({
        model_group: 'other',
        response_cost: 0,
        response_cost_failure_debug_info: "This model isn't mapped yet",
      }),
      row: { costUsd: undefined },
    },
    {
      title: 'a model that is not in the list of prices',
      record: payload({
        model_group: 'other',
        response_cost: 0,
        model_map_information: { model_map_key: 'other', model_map_value: null },
      }),
      row: { costUsd: undefined },
    },
    {
      title: 'a rate that is missing in the list of prices',
      record: payload({
        model_group: 'other',
        response_cost: 0,
        zero_cost_diagnostic: { reason: 'missing_pricing_key' },
      }),
      row: { costUsd: undefined },
    },
    {
      title: 'a model that is free',
      record: payload({
        model_group: 'other',
        response_cost: 0,
        response_cost_failure_debug_info: null,
        model_map_information: { model_map_key: 'other', model_map_value: { input_cost_per_token: 0 } },
      }),
      row: { costUsd: 0 },
    },
    {
      title: 'a cost that is not given',
      record: payload({ model_group: 'other', response_cost: null }),
      row: { costUsd: undefined },
    },
    {
      title: 'tokens that were not counted',
      record: payload({ response_cost: null, prompt_tokens: 0, completion_tokens: 0 }),
      row: { costUsd: undefined, inputTokens: undefined, outputTokens: undefined },
    },
    {
      title: "cached tokens among the prompt's",
      record: payload({
        prompt_tokens: 2005,
        metadata: { usage_object: { prompt_tokens: 2005, cache_read_input_tokens: 2000 } },
      }),
      row: { inputTokens: 2005 },
    },
    {
      title: "cached tokens beside the prompt's",
      record: payload({ prompt_tokens: 5, metadata: { usage_object: { cache_read_input_tokens: 2000 } } }),
      row: { inputTokens: 2005 },
    },
    {
      title: 'a cached answer',
      record: payload({ cache_hit: true, response_cost: 0, saved_cache_cost: 0.0004 }),
      row: { costUsd: 0.0004, latencyMs: undefined, metadata: { cached: true } },
    },
    {
      title: 'redacted messages',
      record: payload({ messages: [{ role: 'user', content: 'redacted-by-litellm' }] }),
      refused: redacted,
    },
    {
      title: 'messages redacted to one text',
      record: payload({ messages: 'redacted-by-litellm' }),
      refused: redacted,
    },
    { title: 'no messages', record: payload({ messages: null }), refused: notKept },
    {
      title: 'instructions alone',
      record: payload({ messages: [{ role: 'system', content: 'Be brief' }] }),
      refused: noWords,
    },
    {
      title: 'messages of 5,000 levels',
      record: payload({ messages: DEEP }),
      refused: 'the record is nested more than 100 levels deep',
    },
    { title: 'a text', record: payload({ messages: text }), row: { text } },
    {
      title: 'input of the responses API',
      record: payload({
        call_type: 'aresponses',
        messages: [{ role: 'user', content: [{ type: 'input_text', text }] }],
      }),
      row: { text },
    },
    {
      title: 'a row of the database',
      record: spendLog(),
      requestId: `ll-${count}`,
      row: {
        text,
        task: 'faq',
        tier: 'pro',
        candidate: 'gpt-4o-mini',
        costUsd: 0.0004,
        latencyMs: 1000,
        metadata: { timeToFirstTokenMs: 250 },
      },
    },
    {
      title: 'a row of the database with its messages',
      record: spendLog({ messages: JSON.stringify([{ role: 'user', content: 'Hi' }]) }),
      requestId: `ll-${count}`,
      row: { text: 'Hi' },
    },
    {
      title: 'a row of the database whose request has a body',
      record: spendLog({
        proxy_server_request: { url: 'http://proxy/', method: 'POST', body: { input: text } },
      }),
      requestId: `ll-${count}`,
      row: { text },
    },
    {
      title: 'a row of the database that was redacted',
      record: spendLog({
        proxy_server_request: {
          messages: [{ role: 'user', content: 'redacted-by-litellm' }],
          prompt: '',
          input: '',
        },
      }),
      refused: redacted,
    },
    {
      title: 'a row of the database without a prompt',
      record: spendLog({ proxy_server_request: {} }),
      refused: notKept,
    },
    {
      title: 'a failure in the database',
      record: spendLog({ status: 'failure', spend: 0 }),
      requestId: `ll-${count}`,
      row: { costUsd: undefined, latencyMs: undefined },
    },
    {
      title: 'a failure in a database of old',
      record: spendLog({ metadata: { status: 'failure', error_information: { error_class: 'Timeout' } } }),
      requestId: `ll-${count}`,
      row: { costUsd: undefined, metadata: { failed: true, error: 'Timeout' } },
    },
    {
      title: 'an unknown price in the database',
      record: spendLog({
        model: 'other',
        spend: 0,
        metadata: { model_map_information: { model_map_key: 'other', model_map_value: null } },
      }),
      requestId: `ll-${count}`,
      row: { costUsd: undefined },
    },
    {
      title: 'a callback with the payload in it',
      record: { model: 'x', standard_logging_object: payload({ id: 'within' }) },
      requestId: 'within',
      row: { text, costUsd: 0.0004 },
    },
    { title: 'an embedding', record: payload({ call_type: 'aembedding' }), refused: noCall },
    {
      title: 'a response that was fetched again',
      record: payload({ call_type: 'aget_responses' }),
      refused: noCall,
    },
  ],
};
