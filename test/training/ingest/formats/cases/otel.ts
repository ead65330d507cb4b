import { DEEP, type FormatCases, type RecordCase } from './log-case.ts';

const text = 'How many moons has Mars?';
const noCall = 'the record is no call of a language model';
const noWords = 'no words of the user were found in the prompt';
const TRACE = '5b8efff798038103d269b633813fc60c';
let count = 0;
const newId = (): string => (++count).toString(16).padStart(16, '0');

/** A value as OTLP JSON has it. */
function anyValue(value: unknown): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number')
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  return { kvlistValue: { values: attributes(value as object) } };
}
function attributes(named: object): object[] {
  return Object.entries(named).map(([key, value]) => ({ key, value: anyValue(value) }));
}
const span = (named: object, more: object = {}): object => ({
  traceId: TRACE,
  spanId: newId(),
  name: 'chat mini',
  kind: 3,
  startTimeUnixNano: '1770112800000000000',
  endTimeUnixNano: '1770112801500000000',
  attributes: attributes(named),
  status: {},
  ...more,
});
const spans = (...all: object[]): object => ({ resourceSpans: [{ scopeSpans: [{ spans: all }] }] });
const logs = (...all: object[]): object => ({ resourceLogs: [{ scopeLogs: [{ logRecords: all }] }] });
const CHAT = {
  'gen_ai.operation.name': 'chat',
  'gen_ai.request.model': 'mini',
  'gen_ai.usage.input_tokens': 12,
  'gen_ai.usage.output_tokens': 4,
};
const MESSAGES = JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: text }] }]);

/** A span alone, whose row says what was asked. */
const asked = (title: string, named: object, more: object = {}, row: object = {}): RecordCase => {
  const one = span(named, more) as { spanId: string };
  return { title, record: spans(one), requestId: one.spanId, row: { text, candidate: 'mini', ...row } };
};
const refused = (title: string, named: object, reason: string): RecordCase => {
  const one = span(named) as { spanId: string };
  return { title, record: spans(one), requestId: one.spanId, refused: reason };
};
const event = (name: string, named: object): object => ({
  events: [{ name, timeUnixNano: '1770112800000000000', attributes: attributes(named) }],
});
const tokens = { inputTokens: 12, outputTokens: 4 };
const AI_SDK = {
  'ai.operationId': 'ai.generateText.doGenerate',
  'ai.model.id': 'mini',
  'ai.prompt.messages': JSON.stringify([{ role: 'user', content: [{ type: 'text', text }] }]),
  'ai.usage.promptTokens': 12,
  'ai.usage.completionTokens': 4,
};
const OPENINFERENCE = {
  'openinference.span.kind': 'LLM',
  'llm.model_name': 'mini',
  'llm.token_count.prompt': 12,
  'llm.token_count.completion': 4,
};
/** An attribute whose integer is in halves, as libraries of protobuf have it. */
const withLong = (low: number, high: number): object => {
  const one = span({ ...CHAT, 'gen_ai.input.messages': MESSAGES }) as {
    spanId: string;
    attributes: object[];
  };
  one.attributes.push({
    key: 'gen_ai.usage.input_tokens',
    value: { intValue: { low, high, unsigned: false } },
  });
  return one;
};

export const OTEL: FormatCases = {
  records: [
    asked('a prompt in bytes', CHAT, {
      attributes: [
        ...attributes(CHAT),
        { key: 'gen_ai.prompt', value: { bytesValue: Buffer.from(text).toString('base64') } },
      ],
    }),
    asked(
      'values by their names in protobuf',
      {},
      {
        attributes: [
          { key: 'gen_ai.operation.name', value: { string_value: 'chat' } },
          { key: 'gen_ai.request.model', value: { string_value: 'mini' } },
          { key: 'gen_ai.input.messages', value: { string_value: MESSAGES } },
          { key: 'gen_ai.usage.input_tokens', value: { int_value: '187' } },
          { key: 'gen_ai.usage.output_tokens', value: { intValue: { $numberLong: '4' } } },
        ],
      },
      { inputTokens: 187, outputTokens: 4 },
    ),
    ...['responses', 'messages', 'Chat', 'chat.completions', 'stream_text'].map((name) =>
      asked(`an operation ${name}`, {
        ...CHAT,
        'gen_ai.operation.name': name,
        'gen_ai.input.messages': MESSAGES,
      }),
    ),
    asked(
      'a cost of 0, which stands for none',
      { ...CHAT, 'gen_ai.input.messages': MESSAGES, 'gen_ai.usage.cost': 0 },
      {},
      { costUsd: undefined },
    ),
    asked(
      "Logfire's request",
      {
        'gen_ai.request.model': 'mini',
        request_data: JSON.stringify({ messages: [{ role: 'user', content: text }] }),
        'operation.cost': 0.01,
      },
      {},
      { costUsd: 0.01 },
    ),
    asked("the request of Google's ADK", {
      'gen_ai.request.model': 'mini',
      'gcp.vertex.agent.llm_request': JSON.stringify({ contents: [{ role: 'user', parts: [{ text }] }] }),
    }),
    asked("Langfuse's attributes", {
      'langfuse.observation.model.name': 'mini',
      'langfuse.observation.input': JSON.stringify([{ role: 'user', content: text }]),
    }),
    refused(
      "an AI SDK span around a call's, by its operation's name alone",
      { 'operation.name': 'ai.generateText chat', 'ai.model.id': 'mini', 'ai.prompt': text },
      noCall,
    ),
    asked(
      'messages as JSON text',
      { ...CHAT, 'gen_ai.input.messages': MESSAGES },
      {},
      { ...tokens, latencyMs: 1500 },
    ),
    asked('messages as structured values', {
      ...CHAT,
      'gen_ai.input.messages': [{ role: 'user', parts: [{ type: 'text', content: text }] }],
    }),
    asked('a list of messages as JSON texts', {
      ...CHAT,
      'gen_ai.input.messages': [JSON.stringify({ role: 'user', parts: [{ type: 'text', content: text }] })],
    }),
    asked('the old prompt as one attribute', {
      ...CHAT,
      'gen_ai.prompt': JSON.stringify([{ role: 'user', content: text }]),
    }),
    asked('the old prompt as a bare text', { ...CHAT, 'gen_ai.prompt': text }),
    asked('messages of Sentry', {
      ...CHAT,
      'gen_ai.request.messages': JSON.stringify([{ role: 'user', content: text }]),
    }),
    asked(
      'numbered messages',
      {
        'llm.request.type': 'chat',
        'gen_ai.request.model': 'mini',
        'gen_ai.prompt.0.role': 'user',
        'gen_ai.prompt.0.content': text,
        'gen_ai.usage.prompt_tokens': 12,
        'gen_ai.usage.completion_tokens': 4,
      },
      {},
      tokens,
    ),
    asked('numbered messages whose parts are JSON text', {
      'llm.request.type': 'chat',
      'gen_ai.request.model': 'mini',
      'gen_ai.prompt.0.role': 'user',
      'gen_ai.prompt.0.content': JSON.stringify([{ type: 'text', text }]),
    }),
    asked(
      'a call of a tool among numbered messages',
      {
        'llm.request.type': 'chat',
        'gen_ai.request.model': 'mini',
        'gen_ai.prompt.0.role': 'user',
        'gen_ai.prompt.0.content': 'Weather in Paris?',
        'gen_ai.prompt.1.role': 'assistant',
        'gen_ai.prompt.1.tool_calls.0.name': 'w',
        'gen_ai.prompt.2.role': 'tool',
        'gen_ai.prompt.2.content': 'sunny',
        'gen_ai.prompt.10.role': 'user',
        'gen_ai.prompt.10.content': 'And tomorrow?',
      },
      {},
      {
        text: undefined,
        messages: [
          { role: 'user', content: 'Weather in Paris?' },
          { role: 'assistant', content: null },
          { role: 'tool', content: 'sunny' },
          { role: 'user', content: 'And tomorrow?' },
        ],
      },
    ),
    asked(
      'an event with the prompt',
      CHAT,
      event('gen_ai.content.prompt', { 'gen_ai.prompt': JSON.stringify([{ role: 'user', content: text }]) }),
    ),
    asked(
      'an event with the details',
      CHAT,
      event('gen_ai.client.inference.operation.details', { 'gen_ai.input.messages': MESSAGES }),
    ),
    asked('an event a message', CHAT, event('gen_ai.user.message', { content: text })),
    ...[
      {
        'gen_ai.output.messages': JSON.stringify([
          { role: 'assistant', parts: [{ type: 'text', content: 'Two' }], finish_reason: 'stop' },
        ]),
      },
      { 'gen_ai.completion.0.content': 'Two', 'gen_ai.completion.0.finish_reason': 'stop' },
      { 'llm.output_messages.0.message.content': 'Two', 'gen_ai.response.finish_reasons': ['stop'] },
      { 'ai.response.text': 'Two', 'ai.response.finishReason': 'stop' },
    ].map((answer, i) =>
      asked(
        `an answer, ${i + 1}`,
        { ...CHAT, 'gen_ai.input.messages': MESSAGES, ...answer },
        {},
        { answer: 'Two', finishReason: 'stop' },
      ),
    ),
    asked(
      'an answer as an event',
      { ...CHAT, 'gen_ai.input.messages': MESSAGES },
      event('gen_ai.choice', { index: 0, finish_reason: 'length', message: '{"content":"Two"}' }),
      { answer: 'Two', finishReason: 'length' },
    ),
    asked(
      'no answer of a call that failed',
      { ...CHAT, 'gen_ai.input.messages': MESSAGES, 'gen_ai.completion': 'Tw' },
      { status: { code: 2 } },
      { answer: undefined, finishReason: undefined, metadata: { failed: true } },
    ),
    asked(
      'an event of Semantic Kernel',
      CHAT,
      event('gen_ai.user.message', {
        'gen_ai.event.content': JSON.stringify({ role: 'user', content: text }),
      }),
    ),
    asked('events in an attribute', {
      ...CHAT,
      events: JSON.stringify([
        { 'event.name': 'gen_ai.user.message', content: text, role: 'user' },
        { 'event.name': 'gen_ai.choice', message: {} },
      ]),
    }),
    asked('a call of the AI SDK', AI_SDK, {}, tokens),
    asked(
      'a call of the AI SDK with the conventions besides',
      {
        ...AI_SDK,
        'gen_ai.request.model': 'mini',
        'gen_ai.usage.input_tokens': 12,
        'gen_ai.usage.output_tokens': 4,
      },
      {},
      tokens,
    ),
    asked(
      'a stream of the AI SDK',
      {
        ...AI_SDK,
        'ai.operationId': 'ai.streamText.doStream',
        'ai.response.msToFirstChunk': 250.5,
        'ai.telemetry.metadata.task': 'faq',
      },
      {},
      { task: 'faq', metadata: { timeToFirstTokenMs: 250.5 } },
    ),
    refused(
      'the span around a call of the AI SDK',
      {
        ...AI_SDK,
        'ai.operationId': 'ai.generateText',
        'ai.prompt': JSON.stringify({ prompt: text }),
        'gen_ai.request.model': 'mini',
      },
      noCall,
    ),
    refused(
      'an embedding of the AI SDK',
      { 'ai.operationId': 'ai.embed.doEmbed', 'ai.model.id': 'e' },
      noCall,
    ),
    refused('a tool of the AI SDK', { 'ai.operationId': 'ai.toolCall', 'ai.toolCall.name': 'w' }, noCall),
    asked(
      'OpenInference',
      {
        ...OPENINFERENCE,
        'llm.input_messages.0.message.role': 'user',
        'llm.input_messages.0.message.content': text,
      },
      {},
      tokens,
    ),
    asked('contents of OpenInference', {
      ...OPENINFERENCE,
      'llm.input_messages.0.message.role': 'user',
      'llm.input_messages.0.message.contents.0.message_content.type': 'text',
      'llm.input_messages.0.message.contents.0.message_content.text': text,
    }),
    asked('the raw input of OpenInference', {
      ...OPENINFERENCE,
      'input.value': JSON.stringify({ messages: [{ role: 'user', content: text }], model: 'mini' }),
      'input.mime_type': 'application/json',
    }),
    asked('prompts of OpenInference', { ...OPENINFERENCE, 'llm.prompts.0.prompt.text': text }),
    asked(
      'the cost of OpenInference',
      { ...OPENINFERENCE, 'input.value': text, 'llm.cost.total': 0.006 },
      {},
      { costUsd: 0.006 },
    ),
    refused(
      'a chain of OpenInference',
      { 'openinference.span.kind': 'CHAIN', 'input.value': text, 'llm.model_name': 'mini' },
      noCall,
    ),
    refused(
      'OpenInference whose inputs are hidden',
      { ...OPENINFERENCE, 'input.value': '__REDACTED__' },
      'the words of the prompt were redacted before they were logged: only a placeholder is left',
    ),
    asked('a span that names no operation', {
      'gen_ai.request.model': 'mini',
      'gen_ai.prompt.0.content': text,
    }),
    refused(
      'an agent',
      { ...CHAT, 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.input.messages': MESSAGES },
      noCall,
    ),
    refused('a call whose content was not recorded', CHAT, noWords),
    refused(
      'instructions alone',
      {
        ...CHAT,
        'gen_ai.input.messages': '[]',
        'gen_ai.system_instructions': '[{"type":"text","content":"Be brief"}]',
      },
      noWords,
    ),
    asked(
      'tokens as texts',
      {
        'gen_ai.operation.name': 'chat',
        'gen_ai.request.model': 'mini',
        'gen_ai.usage.input_tokens': '12',
        'gen_ai.usage.output_tokens': '4',
        'gen_ai.input.messages': MESSAGES,
      },
      {},
      tokens,
    ),
    asked(
      'tokens of the cache beside the others',
      { ...CHAT, 'gen_ai.usage.cache_read.input_tokens': 2000, 'gen_ai.input.messages': MESSAGES },
      {},
      { inputTokens: 2012 },
    ),
    asked(
      'tokens of the cache among the others',
      { ...CHAT, 'gen_ai.usage.cache_read.input_tokens': 10, 'gen_ai.input.messages': MESSAGES },
      {},
      { inputTokens: 12 },
    ),
    asked(
      'an end before its start',
      { ...CHAT, 'gen_ai.input.messages': MESSAGES },
      { endTimeUnixNano: '1770112799000000000' },
      { latencyMs: undefined },
    ),
    asked(
      'times in halves',
      { ...CHAT, 'gen_ai.input.messages': MESSAGES },
      {
        startTimeUnixNano: { low: -1887436800, high: 412141977, unsigned: true },
        endTimeUnixNano: { low: -387436800, high: 412141977, unsigned: true },
      },
      { latencyMs: 1500 },
    ),
    asked(
      'a failure',
      { ...CHAT, 'gen_ai.input.messages': MESSAGES, 'gen_ai.usage.cost': 0.1, 'error.type': 'timeout' },
      { status: { code: 2 } },
      {
        costUsd: undefined,
        latencyMs: undefined,
        metadata: { failed: true, error: 'timeout' },
      },
    ),
    ...[
      { title: 'an integer in halves', halves: [187, 0] as [number, number], inputTokens: 187 },
      { title: 'a larger integer in halves', halves: [90_000_000, 0] as [number, number], inputTokens: 9e7 },
    ].map(({ title, halves, inputTokens }) => {
      const one = withLong(...halves) as { spanId: string };
      return { title, record: spans(one), requestId: one.spanId, row: { inputTokens } };
    }),
    {
      title: "a span of Python's console exporter",
      record: {
        name: 'chat mini',
        context: { trace_id: `0x${TRACE}`, span_id: '0xeee19b7ec3c1b1aa' },
        parent_id: null,
        start_time: '2026-02-03T10:00:00.000000Z',
        end_time: '2026-02-03T10:00:01.500000Z',
        status: { status_code: 'ERROR' },
        attributes: { ...CHAT, 'gen_ai.input.messages': MESSAGES },
        events: [],
      },
      requestId: 'eee19b7ec3c1b1aa',
      row: { text, latencyMs: undefined, metadata: { failed: true } },
    },
    {
      title: "a span of Phoenix's table",
      record: {
        'context.span_id': 'eee19b7ec3c1b1ab',
        'context.trace_id': TRACE,
        name: 'ChatCompletion',
        start_time: '2026-02-03T10:00:00+00:00',
        end_time: '2026-02-03T10:00:01.5+00:00',
        status_code: 'OK',
        'attributes.openinference.span.kind': 'LLM',
        'attributes.llm.model_name': 'mini',
        'attributes.llm.input_messages': [{ 'message.role': 'user', 'message.content': text }],
        'attributes.llm.token_count.prompt': 12,
      },
      requestId: 'eee19b7ec3c1b1ab',
      row: { text, candidate: 'mini', inputTokens: 12, latencyMs: 1500 },
    },
    ...[
      { id: 'eee19b7ec3c1b1b0', times: { startTime: 1_770_112_800_000_000, duration: 1e308 } },
      { id: 'eee19b7ec3c1b1b1', times: { start_time: [1e300, 0], end_time: [1, 1e308] } },
      { id: 'eee19b7ec3c1b1b2', times: { startTimeUnixNano: '9'.repeat(400), endTimeUnixNano: 1e308 } },
    ].map(({ id, times }) => ({
      title: `times that cannot be, as unknown: ${Object.keys(times).join(', ')}`,
      record: {
        name: 'chat mini',
        spanId: id,
        traceId: TRACE,
        ...times,
        attributes: { ...CHAT, 'gen_ai.input.messages': MESSAGES },
      },
      requestId: id,
      row: { text, latencyMs: undefined },
    })),
    {
      title: 'a span whose attributes are an object within objects',
      record: {
        span_id: 'eee19b7ec3c1b1ac',
        trace_id: TRACE,
        name: 'ChatCompletion',
        start_time: 1770112800000,
        end_time: 1770112801500,
        attributes: {
          openinference: { span: { kind: 'LLM' } },
          llm: {
            model_name: 'mini',
            input_messages: [{ message: { role: 'user', content: text } }],
            token_count: { prompt: 12 },
          },
        },
      },
      requestId: 'eee19b7ec3c1b1ac',
      row: { text, candidate: 'mini', inputTokens: 12, latencyMs: 1500 },
    },
    {
      title: "a trace of Jaeger's",
      record: {
        traceID: TRACE,
        spans: [
          {
            traceID: TRACE,
            spanID: 'eee19b7ec3c1b1ad',
            operationName: 'chat mini',
            startTime: 1770112800000000,
            duration: 1500000,
            tags: Object.entries({ ...CHAT, 'gen_ai.input.messages': MESSAGES }).map(([key, value]) => ({
              key,
              type: typeof value,
              value,
            })),
          },
        ],
      },
      requestId: 'eee19b7ec3c1b1ad',
      row: { text, inputTokens: 12, latencyMs: 1500, timestamp: '2026-02-03T10:00:00.000Z' },
    },
    {
      title: "a row of ClickHouse's spans",
      record: {
        Timestamp: '2026-02-03 10:00:00.000000000',
        TraceId: TRACE,
        SpanId: 'eee19b7ec3c1b1ae',
        SpanName: 'chat mini',
        SpanAttributes: { ...CHAT, 'gen_ai.input.messages': MESSAGES },
        Duration: '1500000000',
        StatusCode: 'STATUS_CODE_UNSET',
      },
      requestId: 'eee19b7ec3c1b1ae',
      row: { text, latencyMs: 1500 },
    },
    {
      title: 'nothing in scopes',
      record: { resourceSpans: [] },
      refused: 'the record is of no kind that the format has',
    },
    { title: 'a span of a database', record: spans(span({ 'db.system': 'postgresql' })), refused: noCall },
    {
      title: 'attributes of 5,000 levels',
      record: spans(
        span(
          {},
          {
            attributes: [
              {
                key: 'gen_ai.prompt',
                value: { arrayValue: DEEP },
              },
            ],
          },
        ),
      ),
      refused: 'the record is nested more than 100 levels deep',
    },
  ],
  joins: [
    ...(() => {
      const [one, two] = [newId(), newId()];
      const record = (name: string, body: unknown, more: object = {}) => ({
        timeUnixNano: '1770112800000000000',
        traceId: TRACE,
        spanId: one,
        eventName: name,
        body: anyValue(body),
        attributes: [],
        ...more,
      });
      const brief = record('gen_ai.system.message', { content: 'Be brief' });
      const question = record('gen_ai.user.message', { content: text, role: 'user' });
      const choice = record('gen_ai.choice', { message: { content: 'Two' } });
      const messages = [
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: text },
      ];
      return [
        {
          title: 'messages in log records, with the span they are of',
          files: {
            'a.jsonl': [spans(span(CHAT, { spanId: one }))],
            'b.jsonl': [logs(brief, question, choice)],
          },
          rows: { [one]: { messages, answer: 'Two' } },
          joined: 3,
        },
        {
          title: 'messages in log records that come first, one a line, and of another trace',
          again: true,
          files: {
            'a.jsonl': [
              logs(brief),
              logs(question),
              logs(record('gen_ai.user.message', 'Of another trace', { traceId: 'f'.repeat(32) })),
            ],
            'b.jsonl': [spans(span(CHAT, { spanId: one }))],
          },
          rows: { [one]: { messages } },
          refused: { 'the record repeats the prompt of a call': 1 },
          joined: 2,
        },
        {
          title: 'the details of a call in a log record',
          files: {
            'a.jsonl': [
              spans(span(CHAT, { spanId: one })),
              logs(
                record(
                  'gen_ai.client.inference.operation.details',
                  {},
                  {
                    attributes: attributes({
                      'gen_ai.input.messages': [{ role: 'user', parts: [{ type: 'text', content: text }] }],
                      'gen_ai.system_instructions': [{ type: 'text', content: 'Be brief' }],
                    }),
                  },
                ),
              ),
            ],
          },
          rows: { [one]: { messages } },
          joined: 1,
        },
        {
          title: 'the name of an event among its attributes, and its body as a text',
          files: {
            'a.jsonl': [
              spans(span(CHAT, { spanId: one })),
              logs(
                record('', text, {
                  eventName: undefined,
                  attributes: attributes({ 'event.name': 'gen_ai.user.message' }),
                }),
              ),
            ],
          },
          rows: { [one]: { text } },
          joined: 1,
        },
        {
          title: 'log records that repeat what the span says, and those of no span',
          files: {
            'a.jsonl': [
              spans(span({ ...CHAT, 'gen_ai.input.messages': MESSAGES }, { spanId: one })),
              logs(question, { ...record('gen_ai.user.message', { content: 'Lost' }), spanId: two }),
            ],
          },
          rows: { [one]: { text } },
          refused: {
            'the record repeats the prompt of a call': 1,
            'the request has no answer in the log': 1,
          },
          joined: 0,
        },
        {
          title: 'evaluations as an event, a log record and a span of their own',
          files: {
            'a.jsonl': [
              spans(
                span(
                  { ...CHAT, 'gen_ai.input.messages': MESSAGES },
                  {
                    spanId: one,
                    ...event('gen_ai.evaluation.result', {
                      'gen_ai.evaluation.name': 'ok',
                      'gen_ai.evaluation.score.value': 0.5,
                    }),
                  },
                ),
                span({ ...CHAT, 'gen_ai.input.messages': MESSAGES }, { spanId: two }),
                span(
                  { 'gen_ai.evaluation.name': 'ok', 'gen_ai.evaluation.score.label': 'pass' },
                  { name: 'gen_ai.evaluation.result', parentSpanId: two },
                ),
                span(
                  { 'gen_ai.evaluation.name': 'ok', 'gen_ai.evaluation.score.label': 'relevant' },
                  { name: 'gen_ai.evaluation.result', parentSpanId: two },
                ),
              ),
            ],
          },
          rows: { [one]: { quality: 0.5 }, [two]: { quality: 1 } },
          refused: { 'the score is a label that says neither good nor bad: "relevant"': 1 },
          joined: 2,
        },
      ];
    })(),
  ],
};
