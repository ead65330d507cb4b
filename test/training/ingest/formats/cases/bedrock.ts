import type { FormatCases } from './log-case.ts';

const text = 'How many moons has Mars?';
const messages = [{ role: 'user', content: [{ text }] }];
const converse = {
  output: { message: { role: 'assistant', content: [{ text: 'Two' }] } },
  stopReason: 'end_turn',
  metrics: { latencyMs: 302 },
  usage: { inputTokens: 9, outputTokens: 1, totalTokens: 10 },
};
let count = 0;
const log = (
  more: Record<string, unknown> = {},
  input: Record<string, unknown> = {},
  output: unknown = converse,
): Record<string, unknown> & { requestId: string } => ({
  schemaType: 'ModelInvocationLog',
  schemaVersion: '1.0',
  timestamp: '2026-02-03T10:00:00Z',
  requestId: `bedrock-${++count}`,
  operation: 'Converse',
  modelId: 'amazon.nova-lite-v1:0',
  input: { inputContentType: 'application/json', inputBodyJson: { messages }, inputTokenCount: 9, ...input },
  output: { outputContentType: 'application/json', outputBodyJson: output, outputTokenCount: 1 },
  requestMetadata: { task: 'faq' },
  ...more,
});
const one = (
  title: string,
  record: Record<string, unknown> & { requestId: string },
  rest: { row: object } | { refused: string },
) => ({ title, record, requestId: record.requestId, ...rest }) as FormatCases['records'][number];
const metrics = { inputTokenCount: 9, outputTokenCount: 1, invocationLatency: 800, firstByteLatency: 200 };
const streamed = {
  text,
  answer: 'Two',
  finishReason: 'stop',
  latencyMs: 800,
  outputTokens: 1,
  metadata: { timeToFirstTokenMs: 200 },
};
const failed = { text, costUsd: undefined, latencyMs: undefined };
const inner = log();
const event = log();

export const BEDROCK: FormatCases = {
  records: [
    one('an answer of Converse', log(), {
      row: {
        text,
        candidate: 'amazon.nova-lite-v1:0',
        answer: 'Two',
        finishReason: 'stop',
        latencyMs: 302,
        inputTokens: 9,
        outputTokens: 1,
        costUsd: undefined,
        task: 'faq',
        metadata: {},
      },
    }),
    one(
      'tokens read from a cache and written to it, which are counted apart',
      log({}, { cacheReadInputTokenCount: 100, cacheWriteInputTokenCount: 20 }, null),
      { row: { inputTokens: 129, outputTokens: 1, latencyMs: undefined, metadata: {} } },
    ),
    one(
      'the instructions beside the messages',
      log({}, { inputBodyJson: { system: [{ text: 'Be brief.' }], messages } }),
      {
        row: {
          messages: [
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: text },
          ],
        },
      },
    ),
    one(
      'a picture beside the words',
      log(
        {},
        {
          inputBodyJson: { messages: [{ role: 'user', content: [{ text }, { image: { format: 'png' } }] }] },
        },
      ),
      { row: { messages: [{ role: 'user', content: [{ type: 'text', text }, { type: 'image' }] }] } },
    ),
    one(
      'results of a tool',
      log(
        {},
        {
          inputBodyJson: {
            messages: [
              ...messages,
              { role: 'assistant', content: [{ toolUse: { toolUseId: 't', name: 'count', input: {} } }] },
              { role: 'user', content: [{ toolResult: { toolUseId: 't', content: [{ text: '2' }] } }] },
            ],
          },
        },
      ),
      { row: { candidate: 'amazon.nova-lite-v1:0', metadata: {} } },
    ),
    one(
      'a stream of Anthropic as its chunks',
      log(
        { operation: 'InvokeModelWithResponseStream', modelId: 'anthropic.claude-3-haiku-20240307-v1:0' },
        {},
        [
          {
            type: 'message_start',
            message: { role: 'assistant', usage: { input_tokens: 9, output_tokens: 1 } },
          },
          { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Two' } },
          { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } },
          { type: 'message_stop', 'amazon-bedrock-invocationMetrics': metrics },
        ],
      ),
      { row: { ...streamed, inputTokens: 9 } },
    ),
    one(
      'a stream of Llama as its chunks',
      log({ modelId: 'meta.llama3-8b-instruct-v1:0' }, { inputBodyJson: { prompt: text } }, [
        { generation: 'Two', prompt_token_count: 9, stop_reason: null },
        { generation: '', stop_reason: 'stop', 'amazon-bedrock-invocationMetrics': metrics },
      ]),
      { row: { ...streamed, inputTokens: 9 } },
    ),
    one(
      "Titan's name of the prompt",
      log(
        { modelId: 'amazon.titan-text-express-v1' },
        { inputBodyJson: { inputText: text } },
        { results: [{ outputText: 'Two', tokenCount: 1 }] },
      ),
      { row: { text, metadata: {} } },
    ),
    one(
      'bodies as JSON text',
      log({}, { inputBodyJson: JSON.stringify({ messages }) }, JSON.stringify(converse)),
      {
        row: { text, latencyMs: 302, metadata: {} },
      },
    ),
    one('an error', log({ errorCode: 'ThrottlingException', output: undefined }), {
      row: { ...failed, metadata: { failed: true, error: 'ThrottlingException' } },
    }),
    one('a status of 424', log({ status: '424', output: {} }), {
      row: { ...failed, metadata: { failed: true, error: '424' } },
    }),
    one(
      'an answer that is kept in S3',
      log({ output: { outputBodyS3Path: 's3://b/o.json.gz', outputTokenCount: 1 } }),
      {
        row: { text, outputTokens: 1, metadata: {} },
      },
    ),
    one(
      'a request that is kept in S3',
      log({ input: { inputBodyS3Path: 's3://b/i.json.gz', inputTokenCount: 90000 } }),
      {
        refused:
          'the log does not hold the request, only where it is kept (an object in S3, or a reference): export it with its content',
      },
    ),
    one(
      'a request without words',
      log({}, { inputBodyJson: { messages: [{ role: 'user', content: [{ image: {} }] }] } }),
      {
        refused: 'no words of the user were found in the prompt',
      },
    ),
    one(
      'embeddings',
      log(
        { modelId: 'amazon.titan-embed-text-v2:0' },
        { inputBodyJson: { inputText: text } },
        { embedding: [0.1] },
      ),
      {
        refused: 'the record is no call of a language model',
      },
    ),
    {
      title: 'an event of CloudWatch',
      record: { timestamp: 1770112800000, message: JSON.stringify(event) },
      requestId: event.requestId,
      row: { text, metadata: {} },
    },
    {
      title: 'a page of such events',
      record: { events: [{ message: JSON.stringify(inner) }] },
      requestId: inner.requestId,
      row: { text, metadata: {} },
    },
    {
      title: 'a line of batch inference',
      record: {
        recordId: 'CALL1',
        modelInput: { messages },
        modelOutput: {
          model: 'claude-x',
          content: [{ type: 'text', text: 'Two' }],
          usage: { input_tokens: 9, output_tokens: 1 },
        },
      },
      requestId: 'CALL1',
      row: { text, candidate: 'claude-x', inputTokens: 9, metadata: {} },
    },
  ],
};
