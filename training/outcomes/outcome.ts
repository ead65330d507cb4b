import { LARGEST_AMOUNTS } from 'pointsman/log';
import { z } from 'zod';

/**
 * How a value of a log becomes a value of the outcomes table. The bulk path says the same in SQL (`field-sql.ts`);
 * a test holds the two together.
 */

/** A number written as text, as CSV files and NUMERIC columns have it. Runs in JavaScript and in RE2. */
export const NUMBER_PATTERN = '[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?';

/** The parts of a timestamp: date, hours and minutes, seconds, milliseconds (further digits are cut), offset. */
export const TIMESTAMP_PATTERN =
  '^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(?:(:[0-9]{2})(\\.[0-9]{1,3})?[0-9]*)? ?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$';

/** sha256 in hexadecimal. */
export const HASH_PATTERN = '^[0-9a-f]{64}$';

/** What those parts, put together again, must look like. Calendar rules are zod's. */
export const ISO_PATTERN = z.regexes.datetime({ offset: true }).source;

/** Numbers from here on are milliseconds since 1970, smaller ones are seconds. */
export const SMALLEST_EPOCH_MS = 1e11;
export const LARGEST_EPOCH_MS = 253402300799999;

const numberExpression = new RegExp(`^${NUMBER_PATTERN}$`);
const timestampExpression = new RegExp(TIMESTAMP_PATTERN);
const isoExpression = new RegExp(ISO_PATTERN);

/**
 * Whole numbers are names too (ids often are); blank means "not given". Beyond 2^53 a number has lost digits here and
 * is refused, while the bulk path reads up to 20 digits from the file.
 */
function readLabel(value: unknown): unknown {
  if (value === '') return null;
  return typeof value === 'bigint' || Number.isSafeInteger(value) ? String(value) : value;
}

export function readNumber(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'string') return value;
  const trimmed = value.replace(/^ +| +$/g, '');
  if (trimmed === '') return null;
  return numberExpression.test(trimmed) ? Number(trimmed) : value;
}

export function readQuality(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0;
  const lower = typeof value === 'string' ? value.toLowerCase() : '';
  if (lower === 'true' || lower === 'false') return lower === 'true' ? 1 : 0;
  return readNumber(value);
}

/** Gives an ISO time in UTC with milliseconds; what cannot be read is given back as it is. */
export function readTimestamp(value: unknown): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? value : value.toISOString();
  const read = readNumber(value);
  if (read === null || read === undefined) return null;
  if (typeof read === 'number') {
    const ms = Math.floor(read >= SMALLEST_EPOCH_MS ? read : read * 1000);
    return ms >= 0 && ms <= LARGEST_EPOCH_MS ? new Date(ms).toISOString() : value;
  }
  const parts = typeof value === 'string' ? timestampExpression.exec(value) : null;
  if (parts === null) return value;
  const [, date, minutes = '00:00', seconds = ':00', fraction = '', offset = 'Z'] = parts;
  const zone =
    offset.length === 3
      ? `${offset}:00`
      : offset.length === 5
        ? `${offset.slice(0, 3)}:${offset.slice(3)}`
        : offset;
  const iso = `${date}T${minutes}${seconds}${fraction}${zone}`;
  return isoExpression.test(iso) ? new Date(iso).toISOString() : value;
}

/** Objects and lists may come as JSON text, as CSV files have them. */
function readJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (value === '') return null;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** As long as a name may be in a manifest, in characters. */
export const LONGEST_NAME = 200;

/** Names are printed: what steers a terminal is none. */
function isCandidateName(value: string): boolean {
  return value.trim() !== '' && !/\p{Cc}/u.test(value) && [...value].length <= LONGEST_NAME;
}

/** Names under which logs carry our columns, the canonical one first. An earlier name wins over a later one. */
export const COLUMN_ALIASES: Readonly<Record<OutcomeField, readonly string[]>> = {
  requestId: [
    'requestId',
    'request_id',
    'id',
    'sample_id',
    'sampleId',
    'prompt_id',
    'promptId',
    'trace_id',
    'traceId',
  ],
  timestamp: ['timestamp', 'created_at', 'createdAt', 'start_time', 'startTime', 'time', 'ts', 'date'],
  text: ['text', 'prompt', 'query', 'question', 'instruction', 'input'],
  messages: ['messages', 'conversation'],
  promptHash: ['promptHash', 'prompt_hash'],
  embedding: ['embedding'],
  task: ['task', 'task_name', 'taskName', 'category', 'eval_name'],
  tier: ['tier', 'user_tier', 'userTier'],
  candidate: ['candidate', 'model', 'model_name', 'modelName'],
  quality: ['quality', 'score', 'reward', 'performance', 'correct'],
  costUsd: ['costUsd', 'cost_usd', 'cost', 'total_cost', 'totalCost', 'response_cost'],
  latencyMs: ['latencyMs', 'latency_ms', 'latency', 'duration_ms', 'durationMs'],
  inputTokens: ['inputTokens', 'input_tokens', 'prompt_tokens', 'promptTokens'],
  outputTokens: ['outputTokens', 'output_tokens', 'completion_tokens', 'completionTokens'],
  propensity: ['propensity'],
  source: ['source'],
  metadata: ['metadata'],
};

/** The columns of the outcomes table, in the order in which a row is judged. */
export const OUTCOME_FIELDS = [
  'requestId',
  'timestamp',
  'text',
  'messages',
  'promptHash',
  'embedding',
  'task',
  'tier',
  'candidate',
  'quality',
  'costUsd',
  'latencyMs',
  'inputTokens',
  'outputTokens',
  'propensity',
  'source',
  'metadata',
] as const;

export type OutcomeField = (typeof OUTCOME_FIELDS)[number];

/** Fields that belong to one candidate's answer; in wide form they sit in that candidate's cell. */
export const CELL_FIELDS = [
  'quality',
  'costUsd',
  'latencyMs',
  'inputTokens',
  'outputTokens',
  'propensity',
] as const satisfies readonly OutcomeField[];

/** Why a row was turned down. The zod schema and the SQL of the bulk path give the same words. */
export const FIELD_REASONS: Readonly<Record<OutcomeField, string>> = {
  requestId: '`requestId` must be a non-empty string',
  timestamp: '`timestamp` must be an ISO 8601 date and time, or seconds or milliseconds since 1970',
  text: '`text` must be a string',
  messages: '`messages` must be a non-empty list of { role, content }',
  promptHash: '`promptHash` must be 64 hexadecimal digits',
  embedding: '`embedding` must be a non-empty list of finite numbers',
  task: '`task` must be a string',
  tier: '`tier` must be a string',
  candidate: '`candidate` must be a name of 1 to 200 characters, without control characters',
  quality: '`quality` must be a number from 0 to 1',
  costUsd: '`costUsd` must be a number from 0 to 1,000',
  latencyMs: '`latencyMs` must be a number from 0 to 604,800,000 (a week)',
  inputTokens: '`inputTokens` must be a number from 0 to 100,000,000',
  outputTokens: '`outputTokens` must be a number from 0 to 100,000,000',
  propensity: '`propensity` must be a number above 0 and up to 1',
  source: '`source` must be a string',
  metadata: '`metadata` must be an object',
};

export const REASONS = {
  noRequest: '`text` or `messages` must be given, or `promptHash`',
  notJson: 'the line is not valid JSON',
  notObject: 'the line is not a JSON object',
  notUtf8: 'the line is not valid UTF-8',
  tooLong: 'the line is longer than 64 MB',
  notGzip: 'what follows the gzip data is not gzip data',
  brokenCsv: 'the CSV record is broken (a quote is not closed)',
  csvColumns: 'the CSV record has another number of columns than the header',
  noCandidates: 'the row holds no candidate: `outcomes` must be an object with a key per candidate',
  duplicate:
    'the same requestId and candidate came already (kept is the first that has a quality, else the first)',
  inTable: 'the table has this requestId and candidate already',
} as const;

/** Amounts of an outcome; `LARGEST_AMOUNTS` has the most that is believed of each. */
export const AMOUNT_FIELDS = ['costUsd', 'latencyMs', 'inputTokens', 'outputTokens'] as const;

export type AmountField = (typeof AMOUNT_FIELDS)[number];

const amount = (field: AmountField) =>
  z.preprocess(readNumber, z.number().min(0).max(LARGEST_AMOUNTS[field]).nullable().default(null));
const label = z.preprocess(readLabel, z.string().nullable().default(null));
const name = z.preprocess(readLabel, z.string().min(1));
const candidateName = z.preprocess(
  readLabel,
  z.string().refine((value) => isCandidateName(value)),
);

const message = z.looseObject({
  role: z.string().min(1),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() })), z.null()]).optional(),
});

/** Kept as it is; `z.record` would lose a key that is called `__proto__`. */
const anyObject = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

/** One row per (request, candidate): what one candidate made of one request. */
export const outcomeRowSchema = z
  .object({
    requestId: name,
    /** ISO 8601 in UTC with milliseconds. Without an offset, a time is taken as UTC. */
    timestamp: z.preprocess(readTimestamp, z.iso.datetime({ offset: true }).nullable().default(null)),
    /** The prompt; or `messages`. One of them must be there, or else `promptHash`. */
    text: z.string().nullable().default(null),
    messages: z.preprocess(readJson, z.array(message).min(1).nullable().default(null)),
    /** sha256 of the prompt, in hexadecimal: what is left of a prompt whose text is not kept. */
    promptHash: z.string().regex(new RegExp(HASH_PATTERN)).nullable().default(null),
    /** The prompt's embedding, where its text is not kept. */
    embedding: z.preprocess(readJson, z.array(z.number()).min(1).nullable().default(null)),
    task: label,
    tier: label,
    candidate: candidateName,
    /** How good the answer was, 0 to 1; null when nobody said. `true` and `false` are 1 and 0. */
    quality: z.preprocess(readQuality, z.number().min(0).max(1).nullable().default(null)),
    costUsd: amount('costUsd'),
    latencyMs: amount('latencyMs'),
    inputTokens: amount('inputTokens'),
    outputTokens: amount('outputTokens'),
    /** Probability that the logging policy gave this candidate; null when it is unknown. */
    propensity: z.preprocess(readNumber, z.number().gt(0).max(1).nullable().default(null)),
    source: z.preprocess((value) => readLabel(value) ?? 'unknown', z.string()),
    metadata: z.preprocess((value) => readJson(value) ?? {}, anyObject),
  })
  .refine((row) => row.text !== null || row.messages !== null || row.promptHash !== null, {
    message: REASONS.noRequest,
  });

export type OutcomeRow = z.output<typeof outcomeRowSchema>;

/**
 * Judges one row with canonical names, as the bulk path judges each row of a file.
 * @returns the row, or the reason why it cannot be used.
 */
export function parseOutcomeRow(value: unknown): { row: OutcomeRow } | { reason: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { reason: REASONS.notObject };
  const result = outcomeRowSchema.safeParse(value);
  if (result.success) return { row: result.data };
  const field = result.error.issues[0].path[0] as OutcomeField | undefined;
  return { reason: field === undefined ? REASONS.noRequest : FIELD_REASONS[field] };
}
