import { LARGEST_AMOUNTS } from 'pointsman/internal';
import { z } from 'zod';

/** One column of the outcomes table. */
export interface OutcomeColumn {
  /** How a raw value is read. `schema` says it in zod, and `ingest/sql/fields.ts` in SQL, by kind; a test holds the two together. */
  readonly kind: ColumnKind;
  /** In DuckDB and in the Parquet file. */
  readonly type: 'VARCHAR' | 'TIMESTAMP' | 'DOUBLE' | 'DOUBLE[]';
  readonly schema: z.ZodType;
  /** What a number may be: above `least` where `isAbove`, else from it on. */
  readonly range?: NumberRange;
  /** What a value must do, as a row is told that is turned down for it. */
  readonly must: string;
  /** Whose it is. What is of an answer sits, in wide form, in the cell of the candidate that answered. */
  readonly of: 'request' | 'candidate' | 'answer';
  /** Names under which logs carry it, the canonical one first. An earlier name wins over a later one. */
  readonly aliases: readonly string[];
  /** What stands where nothing is given. @default null */
  readonly otherwise?: string;
  /** That it holds words: a text, or JSON with texts in it. They are redacted, and go where no word is to be kept. @default no words */
  readonly words?: 'text' | 'json';
  /** That tables of earlier versions do not have it. Where it is null, a table's fingerprint is theirs. @default false */
  readonly isLater?: boolean;
  /** That training has the numbers in a table of the matrix: in any case, or where any row has one. @default none */
  readonly matrix?: 'always' | 'where given';
}

export type ColumnKind =
  | 'name'
  | 'candidate'
  | 'label'
  | 'text'
  | 'hash'
  | 'messages'
  | 'object'
  | 'vector'
  | 'time'
  | 'quality'
  | 'amount'
  | 'share';

export interface NumberRange {
  readonly least: number;
  readonly most: number;
  readonly isAbove?: boolean;
}

/**
 * How a value of a log becomes a value of the outcomes table. The bulk path says the same in SQL (`ingest/sql/fields.ts`);
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
export function readJson(value: unknown): unknown {
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

const message = z.looseObject({
  role: z.string().min(1),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() })), z.null()]).optional(),
});

/** Kept as it is; `z.record` would lose a key that is called `__proto__`. */
const anyObject = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

const NAME = { kind: 'name', type: 'VARCHAR', schema: z.preprocess(readLabel, z.string().min(1)) } as const;

const CANDIDATE = {
  kind: 'candidate',
  type: 'VARCHAR',
  schema: z.preprocess(
    readLabel,
    z.string().refine((value) => isCandidateName(value)),
  ),
} as const;

const LABEL = {
  kind: 'label',
  type: 'VARCHAR',
  schema: z.preprocess(readLabel, z.string().nullable().default(null)),
} as const;

const TEXT = { kind: 'text', type: 'VARCHAR', schema: z.string().nullable().default(null) } as const;

/** sha256 in hexadecimal. */
const HASH = {
  kind: 'hash',
  type: 'VARCHAR',
  schema: z.string().regex(new RegExp(HASH_PATTERN)).nullable().default(null),
} as const;

const MESSAGES = {
  kind: 'messages',
  type: 'VARCHAR',
  schema: z.preprocess(readJson, z.array(message).min(1).nullable().default(null)),
} as const;

const OBJECT = {
  kind: 'object',
  type: 'VARCHAR',
  schema: z.preprocess((value) => readJson(value) ?? {}, anyObject),
  otherwise: '{}',
} as const;

const VECTOR = {
  kind: 'vector',
  type: 'DOUBLE[]',
  schema: z.preprocess(readJson, z.array(z.number()).min(1).nullable().default(null)),
} as const;

const TIME = {
  kind: 'time',
  type: 'TIMESTAMP',
  schema: z.preprocess(readTimestamp, z.iso.datetime({ offset: true }).nullable().default(null)),
} as const;

const QUALITY = {
  kind: 'quality',
  type: 'DOUBLE',
  schema: z.preprocess(readQuality, z.number().min(0).max(1).nullable().default(null)),
} as const;

/** What an answer took. @param most more than this is believed of none */
const amount = (most: number) =>
  ({
    kind: 'amount',
    type: 'DOUBLE',
    range: { least: 0, most },
    schema: z.preprocess(readNumber, z.number().min(0).max(most).nullable().default(null)),
  }) as const;

const SHARE = {
  kind: 'share',
  type: 'DOUBLE',
  range: { least: 0, most: 1, isAbove: true },
  schema: z.preprocess(readNumber, z.number().gt(0).max(1).nullable().default(null)),
} as const;

/**
 * The columns of the outcomes table, in the order in which a row is judged: what a row is, how logs name it, how it is kept
 * and what training sees of it comes from here. A column that is added has `isLater`.
 */
export const OUTCOME_COLUMNS = {
  requestId: {
    ...NAME,
    of: 'request',
    must: 'be a non-empty string',
    aliases: [
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
  },
  /** ISO 8601 in UTC with milliseconds. Without an offset, a time is taken as UTC. */
  timestamp: {
    ...TIME,
    of: 'request',
    must: 'be an ISO 8601 date and time, or seconds or milliseconds since 1970',
    aliases: ['timestamp', 'created_at', 'createdAt', 'start_time', 'startTime', 'time', 'ts', 'date'],
  },
  /** The prompt; or `messages`. One of them must be there, or else `promptHash`. */
  text: {
    ...TEXT,
    of: 'request',
    must: 'be a string',
    aliases: ['text', 'prompt', 'query', 'question', 'instruction', 'input'],
    words: 'text',
  },
  messages: {
    ...MESSAGES,
    of: 'request',
    must: 'be a non-empty list of { role, content }',
    aliases: ['messages', 'conversation'],
    words: 'json',
  },
  /** sha256 of the prompt, in hexadecimal: what is left of a prompt whose text is not kept. */
  promptHash: {
    ...HASH,
    of: 'request',
    must: 'be 64 hexadecimal digits',
    aliases: ['promptHash', 'prompt_hash'],
    isLater: true,
  },
  /** The prompt's embedding, where its text is not kept. */
  embedding: {
    ...VECTOR,
    of: 'request',
    must: 'be a non-empty list of finite numbers',
    aliases: ['embedding'],
    isLater: true,
  },
  task: {
    ...LABEL,
    of: 'request',
    must: 'be a string',
    aliases: ['task', 'task_name', 'taskName', 'category', 'eval_name'],
  },
  tier: { ...LABEL, of: 'request', must: 'be a string', aliases: ['tier', 'user_tier', 'userTier'] },
  candidate: {
    ...CANDIDATE,
    of: 'candidate',
    must: 'be a name of 1 to 200 characters, without control characters',
    aliases: ['candidate', 'model', 'model_name', 'modelName'],
  },
  /** How good the answer was, 0 to 1; null when nobody said. `true` and `false` are 1 and 0. */
  quality: {
    ...QUALITY,
    of: 'answer',
    must: 'be a number from 0 to 1',
    aliases: ['quality', 'score', 'reward', 'performance', 'correct'],
    matrix: 'always',
  },
  costUsd: {
    ...amount(LARGEST_AMOUNTS.costUsd),
    of: 'answer',
    must: 'be a number from 0 to 1,000',
    aliases: ['costUsd', 'cost_usd', 'cost', 'total_cost', 'totalCost', 'response_cost'],
    matrix: 'always',
  },
  latencyMs: {
    ...amount(LARGEST_AMOUNTS.latencyMs),
    of: 'answer',
    must: 'be a number from 0 to 604,800,000 (a week)',
    aliases: ['latencyMs', 'latency_ms', 'latency', 'duration_ms', 'durationMs'],
    matrix: 'always',
  },
  inputTokens: {
    ...amount(LARGEST_AMOUNTS.inputTokens),
    of: 'answer',
    must: 'be a number from 0 to 100,000,000',
    aliases: ['inputTokens', 'input_tokens', 'prompt_tokens', 'promptTokens'],
    matrix: 'where given',
  },
  outputTokens: {
    ...amount(LARGEST_AMOUNTS.outputTokens),
    of: 'answer',
    must: 'be a number from 0 to 100,000,000',
    aliases: ['outputTokens', 'output_tokens', 'completion_tokens', 'completionTokens'],
    matrix: 'where given',
  },
  /** Probability that the logging policy gave this candidate; null when it is unknown. */
  propensity: {
    ...SHARE,
    of: 'answer',
    must: 'be a number above 0 and up to 1',
    aliases: ['propensity'],
    matrix: 'always',
  },
  source: {
    ...LABEL,
    of: 'request',
    must: 'be a string',
    aliases: ['source'],
    schema: z.preprocess((value) => readLabel(value) ?? 'unknown', z.string()),
    otherwise: 'unknown',
  },
  metadata: { ...OBJECT, of: 'request', must: 'be an object', aliases: ['metadata'], words: 'json' },
} as const satisfies Readonly<Record<string, OutcomeColumn>>;
