import type { LogDocument } from './format.ts';
import {
  firstGiven,
  isObject,
  jsonOf,
  listOf,
  millisecondsOf,
  numberOf,
  objectOf,
  textOf,
} from './values.ts';

/** A span, an event or a log record, whichever program wrote it down. */
export interface Span {
  readonly name: string;
  readonly traceId: string | null;
  readonly spanId: string | null;
  readonly parentSpanId: string | null;
  /** Nanoseconds since 1970. */
  readonly start: bigint | null;
  readonly end: bigint | null;
  readonly failed: boolean;
  readonly attributes: LogDocument;
  readonly events: readonly SpanEvent[];
}
export interface SpanEvent {
  readonly name: string;
  readonly at: bigint | null;
  readonly attributes: LogDocument;
}
export interface OtelLogRecord extends SpanEvent {
  readonly traceId: string | null;
  readonly spanId: string | null;
  readonly body: unknown;
}

const RESOURCES = { spans: ['resourceSpans', 'resource_spans'], logs: ['resourceLogs', 'resource_logs'] };
const SCOPES = ['scopeSpans', 'scope_spans', 'instrumentationLibrarySpans', 'scopeLogs', 'scope_logs'];
const ITEMS = ['spans', 'logRecords', 'log_records', 'logs'];

/**
 * The spans of a record: of OTLP JSON, of Jaeger's, or one that stands alone as console exporters, Phoenix and ClickHouse
 * have it (`context.span_id`, `start_time`, columns `attributes.…`).
 */
export function* spansIn(document: LogDocument): Generator<Span> {
  for (const item of inScopes(document, RESOURCES.spans)) yield spanOf(item);
  if (Array.isArray(document.spans)) for (const item of document.spans) yield spanOf(objectOf(item) ?? {});
  const isAlone = idOf(document, 'span') !== null && hasStart(document);
  if (isAlone && document.spans === undefined) yield spanOf(document);
}

export function* logRecordsIn(document: LogDocument): Generator<OtelLogRecord> {
  for (const item of inScopes(document, RESOURCES.logs)) yield logRecordOf(item);
  const isAlone = !hasStart(document) && ('body' in document || 'attributes' in document);
  if (isAlone && (idOf(document, 'span') !== null || 'eventName' in document || 'event_name' in document))
    yield logRecordOf(document);
}

function* inScopes(document: LogDocument, resources: readonly string[]): Generator<LogDocument> {
  for (const resource of listOf(firstGiven(document, resources)) ?? [])
    for (const scope of listOf(firstGiven(objectOf(resource), SCOPES)) ?? [])
      for (const item of listOf(firstGiven(objectOf(scope), ITEMS)) ?? []) yield objectOf(item) ?? {};
}

function spanOf(span: LogDocument): Span {
  const attributes = attributesOf(span);
  const start = startOf(span);
  const end = timeOf(span, 'end');
  return {
    name: textOf(firstGiven(span, ['name', 'SpanName', 'operationName', 'span_name'])) ?? '',
    traceId: idOf(span, 'trace'),
    spanId: idOf(span, 'span'),
    parentSpanId: hexOf(firstGiven(span, ['parentSpanId', 'parent_span_id', 'parent_id', 'ParentSpanId'])),
    start,
    end: end ?? endOf(span, start),
    failed: isFailed(span, attributes),
    attributes,
    events: (listOf(firstGiven(span, ['events', 'logs'])) ?? []).map(eventOf),
  };
}

function eventOf(value: unknown): SpanEvent {
  const event = objectOf(value) ?? {};
  const attributes = otlpAttributes(event.attributes ?? event.fields);
  return {
    name:
      textOf(
        firstGiven(event, ['name', 'eventName', 'event_name']) ??
          attributes['event.name'] ??
          attributes.event,
      ) ?? '',
    at: nanoseconds(firstGiven(event, ['timeUnixNano', 'time_unix_nano', 'timestamp', 'time'])),
    attributes,
  };
}

function logRecordOf(record: LogDocument): OtelLogRecord {
  const times = ['timeUnixNano', 'time_unix_nano', 'timestamp', 'observedTimeUnixNano', 'observed_timestamp'];
  return {
    ...eventOf(record),
    at: nanoseconds(firstGiven(record, times)),
    traceId: idOf(record, 'trace'),
    spanId: idOf(record, 'span'),
    // The same kinds of value as of attributes.
    body: otlpAttributes([{ key: 'body', value: record.body }]).body,
  };
}

/** Also where each is a column of its own, such as `attributes.llm.model_name`. */
function attributesOf(span: LogDocument): LogDocument {
  const columns = Object.entries(span).filter(([name]) => name.startsWith('attributes.'));
  if (columns.length > 0)
    return otlpAttributes(
      Object.fromEntries(columns.map(([name, value]) => [name.slice('attributes.'.length), value])),
    );
  return otlpAttributes(firstGiven(span, ['attributes', 'SpanAttributes', 'span_attributes', 'tags']));
}

function idOf(span: LogDocument, of: 'span' | 'trace'): string | null {
  const names = [`${of}Id`, `${of}_id`, `${of}ID`, of === 'span' ? 'SpanId' : 'TraceId'];
  const context = objectOf(firstGiven(span, ['context', 'spanContext', 'span_context']));
  return hexOf(firstGiven(span, [...names, `context.${of}_id`]) ?? firstGiven(context, names));
}

/** An id as text: some write `0x` in front, and libraries of protobuf its bytes. */
function hexOf(value: unknown): string | null {
  if (isObject(value) && Array.isArray(value.data))
    return Buffer.from(value.data.map(Number)).toString('hex');
  return textOf(value)?.replace(/^0x/, '') ?? null;
}

/** Spans have one, whether it can be or not; log records have none. */
function hasStart(document: LogDocument): boolean {
  const names = ['startTimeUnixNano', 'start_time_unix_nano', 'start_time', 'startTime'];
  return firstGiven(document, document.SpanId === undefined ? names : ['Timestamp', ...names]) !== undefined;
}

function startOf(span: LogDocument): bigint | null {
  // ClickHouse's table of spans has one time, and how long it took.
  return timeOf(span, 'start') ?? (span.SpanId === undefined ? null : nanoseconds(span.Timestamp));
}

function timeOf(span: LogDocument, which: 'start' | 'end'): bigint | null {
  const exact = firstGiven(span, [`${which}TimeUnixNano`, `${which}_time_unix_nano`]);
  return nanoseconds(exact ?? firstGiven(span, [`${which}_time`, `${which}Time`]), exact !== undefined);
}

/** Where the length is given and not the end: microseconds in Jaeger's, nanoseconds in ClickHouse's. */
function endOf(span: LogDocument, start: bigint | null): bigint | null {
  const [micros, nanos] = [numberOf(span.duration), longOf(span.Duration)];
  const length = micros === null ? nanos : micros * 1000;
  const whole = length === null ? null : integerOf(length);
  return start === null || whole === null ? null : start + whole;
}

/** Nanoseconds that can be: numbers of that size are after the year 5000, or infinite. */
function integerOf(nanos: number): bigint | null {
  return Math.abs(nanos) < 1e20 ? BigInt(Math.round(nanos)) : null;
}

function isFailed(span: LogDocument, attributes: LogDocument): boolean {
  const status = objectOf(span.status);
  const code = status === null ? span.status : firstGiven(status, ['code', 'status_code', 'statusCode']);
  const said =
    code ?? firstGiven(span, ['status_code', 'statusCode', 'StatusCode']) ?? attributes['otel.status_code'];
  return (
    /^(2|error|status_code_error)$/i.test(String(said)) ||
    attributes['error.type'] != null ||
    attributes.error === true
  );
}

/**
 * Nanoseconds since 1970, which no JavaScript number holds to the last digit, of what programs write: digits, numbers,
 * halves of 32 bits, seconds with nanoseconds, or an ISO time.
 * @param exact whether numbers are nanoseconds; else their size tells the unit.
 */
function nanoseconds(value: unknown, exact = false): bigint | null {
  if (value == null) return null;
  if (Array.isArray(value)) {
    const [seconds, nanos] = value.map(numberOf);
    if (seconds == null || nanos == null || seconds < 0) return null;
    const [whole, rest] = [integerOf(Math.trunc(seconds) * 1e9), integerOf(nanos)];
    return whole === null || rest === null ? null : whole + rest;
  }
  if (isObject(value)) {
    const [low, high] = [numberOf(value.low), numberOf(value.high)];
    return low === null || high === null ? null : bigintOf(low, high);
  }
  const isDigits = typeof value === 'string' && /^\d+$/.test(value);
  const number = numberOf(value);
  if (number === null) {
    const ms = millisecondsOf(value);
    return ms === null ? null : BigInt(Math.round(ms * 1000)) * 1000n;
  }
  if (number < 0) return null;
  const unit = exact || number >= 1e17 ? 1 : number >= 1e14 ? 1e3 : number >= 1e11 ? 1e6 : 1e9;
  const nanos = integerOf(number * unit);
  return isDigits && unit === 1 && nanos !== null ? BigInt(value) : nanos;
}

/** The ISO time of nanoseconds since 1970; null where there is none. */
export function isoOf(nano: bigint | null): string | null {
  const date = new Date(nano === null ? Number.NaN : Number(nano / 1_000_000n));
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/**
 * The attributes of a span, an event or a log record, by name: of OTLP JSON, of Jaeger's tags, or an object of names
 * already, whose inner objects are named with dots (`llm: { model_name }` as `llm.model_name`) beside their own name.
 */
export function otlpAttributes(value: unknown): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  const given = jsonOf(value);
  if (isObject(given)) {
    addNamed(attributes, '', given);
    return attributes;
  }
  for (const each of listOf(given) ?? []) {
    const attribute = objectOf(each);
    if (typeof attribute?.key === 'string') attributes[attribute.key] = otlpValue(attribute.value);
  }
  return attributes;
}

function addNamed(attributes: Record<string, unknown>, prefix: string, holder: LogDocument): void {
  for (const [name, value] of Object.entries(holder)) {
    const plain = otlpValue(value);
    attributes[prefix + name] = plain;
    if (isObject(plain)) addNamed(attributes, `${prefix}${name}.`, plain);
  }
}

/** An `AnyValue` as JavaScript has it; what is none stays as it is. */
function otlpValue(value: unknown): unknown {
  const any = isObject(value) ? value : null;
  if (any === null) return Array.isArray(value) ? value.map(otlpValue) : value;
  const name = Object.keys(any).find((each) => KIND.test(each));
  if (name === undefined) return Object.keys(any).length === 0 ? null : any;
  const held = any[name];
  switch (KIND.exec(name)?.[1]) {
    case 'int':
      return longOf(held);
    case 'array':
      return (listOf(objectOf(held)?.values) ?? []).map(otlpValue);
    case 'kvlist':
      return otlpAttributes(objectOf(held)?.values);
    case 'bytes':
      return Buffer.from(String(held), 'base64').toString();
    default:
      return held;
  }
}

/** The names of an `AnyValue`, also as programs write them that keep the names of protobuf. */
const KIND = /^(string|bool|int|double|array|kvlist|bytes)(?:Value|_value)$/;

/** A 64-bit integer: a text in OTLP JSON or MongoDB's, halves of JavaScript's protobuf libraries; a number here. */
export function longOf(value: unknown): number | null {
  const halves = objectOf(value);
  if (halves === null || '$numberLong' in halves) return numberOf(halves?.$numberLong ?? value);
  const [low, high] = [numberOf(halves.low), numberOf(halves.high)];
  return low === null || high === null ? null : Number(bigintOf(low, high));
}

/** The integer of two halves of 32 bits each. */
function bigintOf(low: number, high: number): bigint {
  return BigInt.asIntN(64, (BigInt(Math.trunc(high)) << 32n) | BigInt.asUintN(32, BigInt(Math.trunc(low))));
}
