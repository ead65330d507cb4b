import { finishReasonOf } from 'pointsman/internal';
import {
  type CallEntry,
  LOG_REASONS,
  type LogDocument,
  type LogEntry,
  type LogReader,
  type PromptEntry,
} from '../record/format.ts';
import { type Conversation, readConversation } from '../record/messages.ts';
import {
  isoOf,
  logRecordsIn,
  longOf,
  type OtelLogRecord,
  type Span,
  type SpanEvent,
  spansIn,
} from '../record/otel-span.ts';
import { answered, readAnswered } from '../record/response.ts';
import {
  firstGiven,
  isObject,
  jsonOf,
  labelScore,
  listOf,
  numberOf,
  objectOf,
  textOf,
  withCached,
} from '../record/values.ts';

const EVALUATION = 'gen_ai.evaluation.result';

/** Operations of the conventions, and what programs call them that go by their provider's names. */
const LANGUAGE_OPERATION =
  /^((chat|text)?[._ ]?completions?|chat|responses?|messages?|text_generation|(generate|stream)_?(content|text|object))$/i;

/** Of the AI SDK's spans, those of one call to a provider; the ones around them hold several, or none of their own. */
const AI_SDK_CALL = /\.(doGenerate|doStream)$/;

/** Attributes that hold all messages, the surest first: of the conventions, Sentry, OpenInference, the AI SDK, and of old. */
const WHOLE = [
  'gen_ai.input.messages',
  'gen_ai.request.messages',
  'llm.input_messages',
  'ai.prompt.messages',
  'gen_ai.prompt',
  'llm.prompts',
  'ai.prompt',
];

const SYSTEM = 'gen_ai.system_instructions';

const MESSAGE_EVENT = /^gen_ai\.(system|user|assistant|tool)\.message$/;

/** Attributes for each message, with its number where the ellipsis is. */
const NUMBERED = [
  { prefix: 'gen_ai.prompt.', inner: '' },
  { prefix: 'gen_ai.input.messages.', inner: '' },
  { prefix: 'llm.input_messages.', inner: 'message.' },
  { prefix: 'llm.prompts.', inner: '' },
  { prefix: 'llm.prompts.', inner: 'prompt.' },
];

/** What was sent, as OpenInference, Logfire, Google's ADK and Langfuse keep it. */
const RAW = ['input.value', 'request_data', 'gcp.vertex.agent.llm_request', 'langfuse.observation.input'];

/**
 * Spans and log records of OpenTelemetry, with the attributes of its conventions for generative AI, old or new, of
 * OpenLLMetry, of OpenInference, or of the AI SDK. Spans of chats are calls, whose prompt may stand in log records of the
 * same span; `gen_ai.evaluation.result`, as event of a span, as log record or as span, is a score.
 */
export const otelLog: LogReader = {
  signs: [
    ['resourceSpans'],
    ['resourceLogs'],
    ['resource_spans'],
    ['resource_logs'],
    ['spanId', 'attributes'],
    ['span_id', 'attributes'],
    ['context.span_id', 'attributes'],
  ],
  promptNotFound: LOG_REASONS.spanWithoutPrompt,
  advice: {
    [LOG_REASONS.spanWithoutPrompt]:
      'Have prompts recorded (OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true), and where they stand in log records, give these in the same command.',
  },
  fields: null,
  *read(document) {
    let found = false;
    for (const span of spansIn(document)) {
      found = true;
      yield* readSpan(span);
    }
    for (const record of logRecordsIn(document)) {
      found = true;
      yield readRecord(record);
    }
    if (!found) yield { kind: 'refused', reason: LOG_REASONS.unknownKind };
  },
};

function* readSpan(span: Span): Generator<LogEntry> {
  const { attributes, events, name, parentSpanId, start, traceId } = span;
  if (name === EVALUATION) {
    yield scoreOf(attributes, start, { traceId, spanId: parentSpanId });
    return;
  }
  yield isCall(span) ? callOf(span) : { kind: 'refused', reason: LOG_REASONS.noCall };
  for (const event of events) if (event.name === EVALUATION) yield scoreOf(event.attributes, event.at, span);
}

function readRecord(record: OtelLogRecord): LogEntry {
  const { attributes, at, body, name, spanId, traceId } = record;
  if (name === EVALUATION) return scoreOf(attributes, at, record);
  if (spanId === null) return { kind: 'refused', reason: LOG_REASONS.noCall };
  const entry = {
    kind: 'prompt',
    id: spanId,
    traceId,
    at: isoOf(at),
  } as const satisfies Partial<PromptEntry>;
  const whole = wholePrompt(attributes) ?? wholePrompt(objectOf(body) ?? {});
  if (whole !== null) return { ...entry, row: whole, ...readAnswered(attributes['gen_ai.output.messages']) };
  const choice = choiceOf(name, attributes, body);
  if (choice !== null) return { ...entry, row: null, ...choice };
  const message = otelMessage(name, attributes, body);
  return message === null
    ? { kind: 'refused', reason: LOG_REASONS.noCall }
    : { ...entry, row: null, message };
}

function isCall({ attributes, events }: Span): boolean {
  // The AI SDK has spans around those of its calls, which may bear the same attributes.
  const sdk =
    textOf(attributes['ai.operationId']) ??
    /^ai\.\S+/.exec(String(attributes['operation.name']))?.[0] ??
    null;
  if (sdk !== null) return AI_SDK_CALL.test(sdk);
  const operation = textOf(attributes['gen_ai.operation.name']);
  if (operation !== null) return LANGUAGE_OPERATION.test(operation);
  const kind = textOf(attributes['openinference.span.kind']);
  if (kind !== null) return kind.toUpperCase() === 'LLM';
  const type = textOf(attributes['llm.request.type']);
  if (type !== null) return type === 'chat' || type === 'completion';
  // Some name neither, and are calls by what they hold.
  if (modelOf(attributes) === undefined || attributes['gen_ai.tool.name'] !== undefined) return false;
  const prompt = otelPrompt(attributes, events);
  return prompt.text !== undefined || prompt.messages !== undefined;
}

function modelOf(attributes: LogDocument): unknown {
  return firstGiven(attributes, [
    'gen_ai.request.model',
    'llm.request.model_name',
    'ai.model.id',
    'llm.model_name',
    'llm.request.model',
    'langfuse.observation.model.name',
    'gen_ai.response.model',
  ]);
}

function callOf(span: Span): CallEntry {
  const { attributes } = span;
  const given = firstGiven(attributes, [
    'gen_ai.output.messages',
    'gen_ai.completion.0.content',
    'gen_ai.completion',
    'llm.output_messages.0.message.content',
    'llm.completions.0.content',
    'ai.response.text',
    'ai.result.text',
    'ai.response.object',
    'gen_ai.response.text',
    'output.value',
  ]);
  const [choice] = span.events.flatMap(({ attributes: held, name }) => choiceOf(name, held, null) ?? []);
  const { answer, finishReason } = readAnswered(given);
  const ended = finishReason ?? finishIn(attributes) ?? choice?.finishReason ?? null;
  return {
    kind: 'call',
    row: rowOf(span),
    ...answered({ answer: answer || choice?.answer || null, finishReason: ended }),
    record: attributes,
    promptMayBeApart: true,
  };
}

/** Attributes that hold how an answer ended, or a list of it for each choice. */
const FINISHES = [
  'gen_ai.response.finish_reasons',
  'gen_ai.completion.0.finish_reason',
  'ai.response.finishReason',
  'llm.response.finish_reason',
];

function finishIn(attributes: LogDocument): string | null {
  const given = firstGiven(attributes, FINISHES);
  return finishReasonOf(listOf(given)?.at(0) ?? given) ?? null;
}

/** An answer as an event or a log record of its own, as the conventions had it before version 1.37. */
function choiceOf(
  name: string,
  attributes: LogDocument,
  body: unknown,
): Pick<CallEntry, 'answer' | 'finishReason'> | null {
  if (name !== 'gen_ai.choice') return null;
  const told = [body, attributes['gen_ai.event.content']].map(objectOf).find((each) => each !== null);
  const choice = told ?? attributes;
  if ((numberOf(choice.index) ?? 0) !== 0) return null;
  return readAnswered({ choices: [{ ...choice, message: jsonOf(choice.message ?? choice.content) }] });
}

function scoreOf(
  attributes: LogDocument,
  time: bigint | null,
  of: { readonly traceId: string | null; readonly spanId: string | null },
): LogEntry {
  const response = textOf(attributes['gen_ai.response.id']);
  const score = {
    of: of.spanId !== null ? 'call' : response !== null ? 'response' : 'trace',
    id: of.spanId ?? response ?? of.traceId ?? '',
    name: textOf(attributes['gen_ai.evaluation.name']) ?? 'evaluation',
    at: isoOf(time),
  } as const;
  const value = attributes['gen_ai.evaluation.score.value'];
  if (value != null) return { kind: 'score', ...score, value: longOf(value) ?? value };
  const label = attributes['gen_ai.evaluation.score.label'];
  return label == null ? { kind: 'score', ...score, value: null } : labelScore(score, label);
}

function rowOf(span: Span): Record<string, unknown> {
  const { attributes, end, failed, start } = span;
  return {
    requestId: span.spanId,
    timestamp: isoOf(start),
    ...otelPrompt(attributes, span.events),
    task: firstGiven(attributes, ['task', 'gen_ai.task', 'ai.telemetry.metadata.task', 'metadata.task']),
    tier: firstGiven(attributes, ['tier', 'ai.telemetry.metadata.tier', 'metadata.tier']),
    candidate: modelOf(attributes),
    costUsd: failed ? null : costOf(attributes),
    latencyMs: failed || start === null || end === null || end < start ? null : Number(end - start) / 1e6,
    ...tokensOf(attributes),
    source: 'otel',
    metadata: {
      traceId: span.traceId ?? undefined,
      responseId: textOf(attributes['gen_ai.response.id'] ?? attributes['ai.response.id']) ?? undefined,
      timeToFirstTokenMs: failed ? undefined : firstTokenOf(attributes),
      failed: failed || undefined,
      error: failed ? (textOf(attributes['error.type']) ?? undefined) : undefined,
    },
  };
}

/** Programs that work costs out of lists of prices, such as OpenLIT, write 0 for a model that is not in theirs. */
function costOf(attributes: LogDocument): unknown {
  const names = ['gen_ai.usage.cost', 'llm.cost.total', 'gen_ai.usage.total_cost', 'operation.cost'];
  const cost = firstGiven(attributes, names);
  return cost === undefined || numberOf(cost) === 0 ? attributes['pointsman.cost_usd'] : cost;
}

function firstTokenOf(attributes: LogDocument): number | undefined {
  return (
    numberOf(firstGiven(attributes, ['ai.response.msToFirstChunk', 'ai.stream.msToFirstChunk'])) ?? undefined
  );
}

function tokensOf(attributes: LogDocument): Record<'inputTokens' | 'outputTokens', unknown> {
  const count = (names: readonly string[]): number | null => longOf(firstGiven(attributes, names));
  const input = count([
    'gen_ai.usage.input_tokens',
    'gen_ai.usage.prompt_tokens',
    'llm.token_count.prompt',
    'ai.usage.inputTokens',
    'ai.usage.promptTokens',
    'llm.usage.prompt_tokens',
  ]);
  const read = count([
    'gen_ai.usage.cache_read.input_tokens',
    'gen_ai.usage.cache_read_input_tokens',
    'gen_ai.usage.input_tokens.cached',
    'llm.token_count.prompt_details.cache_read',
    'ai.usage.cachedInputTokens',
  ]);
  const written = count([
    'gen_ai.usage.cache_creation.input_tokens',
    'gen_ai.usage.cache_creation_input_tokens',
    'llm.token_count.prompt_details.cache_write',
  ]);
  return {
    inputTokens: input === null ? null : withCached(input, (read ?? 0) + (written ?? 0)),
    outputTokens: count([
      'gen_ai.usage.output_tokens',
      'gen_ai.usage.completion_tokens',
      'llm.token_count.completion',
      'ai.usage.outputTokens',
      'ai.usage.completionTokens',
      'llm.usage.completion_tokens',
    ]),
  };
}

/**
 * The prompt of a span, in any of the ways in which it has been noted: an attribute of the span or of an event with all
 * messages; an event a message, as the conventions had it before version 1.37; attributes with numbers; or the raw input
 * of OpenInference. Empty where there is none.
 */
function otelPrompt(attributes: LogDocument, events: readonly SpanEvent[]): Conversation {
  for (const holder of [attributes, ...events.map((event) => event.attributes)]) {
    const found = wholePrompt(holder);
    if (found !== null) return found;
  }
  const messages = events.flatMap((event) => otelMessage(event.name, event.attributes, null) ?? []);
  if (messages.length > 0) return readConversation(messages);
  for (const { prefix, inner } of NUMBERED) {
    const numbered = numberedMessages(attributes, prefix, inner);
    if (numbered.some(({ content }) => content !== null)) return readConversation(numbered);
  }
  const listed = listOf(attributes.events) ?? listOf(attributes.all_messages_events) ?? [];
  const said = listed
    .filter(isObject)
    .flatMap((each) => otelMessage(String(each['event.name']), each, null) ?? []);
  return readConversation(said.length > 0 ? said : firstGiven(attributes, RAW));
}

/** All messages in one attribute; null where there is no such attribute, or no words in it. */
function wholePrompt(attributes: LogDocument): Conversation | null {
  for (const name of WHOLE) {
    const value = attributes[name];
    // An object that is named with dots besides has numbers in its names.
    if (value == null || (isObject(value) && '0' in value)) continue;
    const found = readConversation(value, attributes[SYSTEM] ?? attributes['gen_ai.system.instructions']);
    if (found.text !== undefined || found.messages !== undefined) return found;
  }
  return null;
}

/**
 * The message that an event or a log record is, from its attributes or its body.
 * @returns null where it is no message of a prompt.
 */
function otelMessage(name: string, attributes: LogDocument, body: unknown): LogDocument | null {
  const role = MESSAGE_EVENT.exec(name)?.[1];
  if (role === undefined) return null;
  const content = jsonOf(attributes['gen_ai.event.content']);
  const told = [objectOf(body), objectOf(content)].find((each) => each !== null) ?? attributes;
  const words =
    typeof body === 'string' && objectOf(body) === null ? body : (told.content ?? told.message ?? told.parts);
  return { role: textOf(told.role) ?? role, content: parts(words ?? content) };
}

/** Messages whose parts are attributes of their own, as far as the numbers go; a call of a tool has no content. */
function numberedMessages(attributes: LogDocument, prefix: string, inner: string): LogDocument[] {
  interface Numbered {
    role?: unknown;
    content?: unknown;
    readonly parts: Map<number, unknown>;
  }
  const messages = new Map<number, Numbered>();
  for (const [name, value] of Object.entries(attributes)) {
    if (!name.startsWith(prefix)) continue;
    const [, number, rest] = /^(\d+)\.(.+)$/.exec(name.slice(prefix.length)) ?? [];
    if (number === undefined || !rest.startsWith(inner)) continue;
    const message: Numbered = messages.get(Number(number)) ?? { parts: new Map() };
    messages.set(Number(number), message);
    const field = rest.slice(inner.length);
    const part = /^(?:contents|content|parts)\.(\d+)\.(?:message_content\.)?(text|content)$/.exec(field);
    if (field === 'role') message.role = value;
    else if (field === 'content' || field === 'text') message.content = parts(value);
    else if (part !== null) message.parts.set(Number(part[1]), { type: 'text', text: value });
  }
  return [...messages]
    .sort(([a], [b]) => a - b)
    .map(([, { role, content, parts: told }]) => ({
      role: role ?? 'user',
      content:
        content ?? (told.size === 0 ? null : [...told].sort(([a], [b]) => a - b).map(([, each]) => each)),
    }));
}

/** The parts of a message, where a text holds them as JSON; what else a text holds is what was said. */
function parts(content: unknown): unknown {
  const parsed = jsonOf(content);
  if (typeof parsed === 'string') return parsed;
  const isParts = (Array.isArray(parsed) ? parsed : [parsed]).every(
    (each) => isObject(each) && ('type' in each || 'text' in each),
  );
  return isParts ? parsed : content;
}
