import { LARGEST_AMOUNTS } from 'pointsman/internal';
import { z } from 'zod';
import {
  HASH_PATTERN,
  isCandidateName,
  messageSchema,
  objectSchema,
  readAnswer,
  readJson,
  readLabel,
  readNote,
  readNumber,
  readQuality,
  readTimestamp,
} from './column-values.ts';

/** One column of the outcomes table. */
export interface OutcomeColumn {
  /** How a raw value is read. `schema` says it in zod, and `ingest/sql/fields.ts` in SQL, by kind; a test holds the two together. */
  readonly kind: ColumnKind;
  /** In DuckDB and in the Parquet file. */
  readonly type: 'VARCHAR' | 'TIMESTAMP' | 'DOUBLE' | 'INTEGER' | 'DOUBLE[]' | 'FLOAT[]';
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
  | 'share'
  | 'whole'
  | 'answer'
  | 'note';

export interface NumberRange {
  readonly least: number;
  readonly most: number;
  readonly isAbove?: boolean;
}

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
  schema: z.preprocess(readJson, z.array(messageSchema).min(1).nullable().default(null)),
} as const;

const OBJECT = {
  kind: 'object',
  type: 'VARCHAR',
  schema: z.preprocess((value) => readJson(value) ?? {}, objectSchema),
  otherwise: '{}',
} as const;

const VECTOR = {
  kind: 'vector',
  type: 'DOUBLE[]',
  schema: z.preprocess(readJson, z.array(z.number()).min(1).nullable().default(null)),
} as const;

/** Numbers of seven digits are enough of it. */
const FEATURES = { ...VECTOR, type: 'FLOAT[]' } as const;

const ANSWER = {
  kind: 'answer',
  type: 'VARCHAR',
  schema: z.preprocess(readAnswer, z.string().nullable().default(null)),
} as const;

const NOTE = {
  kind: 'note',
  type: 'VARCHAR',
  schema: z.preprocess(readNote, z.string().nullable().default(null)),
} as const;

const LARGEST_WHOLE = 2 ** 31 - 1;

const WHOLE = {
  kind: 'whole',
  type: 'INTEGER',
  range: { least: 1, most: LARGEST_WHOLE },
  schema: z.preprocess(readNumber, z.int().min(1).max(LARGEST_WHOLE).nullable().default(null)),
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
  /** What was answered. Read for what is kept of it below, and kept itself only where texts are to be kept. */
  answer: {
    ...ANSWER,
    of: 'answer',
    must: 'be an answer',
    // Where both are there, `answer` is often the one that was wanted.
    aliases: [
      ...['response', 'completion', 'output', 'prediction', 'generation'],
      ...['model_answer', 'modelAnswer', 'model_response', 'modelResponse', 'model_output', 'modelOutput'],
      ...['response_text', 'output_text', 'outputText', 'generated_text', 'raw_output', 'reply', 'answer'],
    ],
    words: 'text',
    isLater: true,
  },
  /** sha256 of the answer, in hexadecimal. */
  answerHash: {
    ...HASH,
    of: 'answer',
    must: 'be 64 hexadecimal digits',
    aliases: ['answerHash'],
    isLater: true,
  },
  /** sha256 of what the answer finally says, with the request's id: the same for those that agree, within a request alone. */
  answerKey: {
    ...HASH,
    of: 'answer',
    must: 'be 64 hexadecimal digits',
    aliases: ['answerKey'],
    isLater: true,
  },
  /** Features of the answer, as `src/answer` computes them. */
  answerChecks: {
    ...FEATURES,
    of: 'answer',
    must: 'be a non-empty list of finite numbers',
    aliases: ['answerChecks'],
    isLater: true,
  },
  /** Version of these features. */
  answerVersion: {
    ...WHOLE,
    of: 'answer',
    must: 'be a whole number from 1',
    aliases: ['answerVersion'],
    isLater: true,
  },
  /** How the answer ended: `stop`, `length`, `tool-calls`, `content-filter` or `other`. */
  finishReason: {
    ...NOTE,
    of: 'answer',
    must: 'be a string',
    aliases: ['finishReason', 'finish_reason', 'stop_reason', 'stopReason'],
    isLater: true,
  },
  /**
   * In a comparison with the other row of its request: 1 the better answer, 0 the worse one, 0.5 a tie. The propensity of both rows is
   * then that of the pair.
   */
  preference: {
    kind: 'share',
    type: 'DOUBLE',
    range: { least: 0, most: 1 },
    schema: z.preprocess(readNumber, z.number().min(0).max(1).nullable().default(null)),
    of: 'answer',
    must: 'be a number from 0 to 1',
    aliases: ['preference'],
    isLater: true,
    matrix: 'where given',
  },
} as const satisfies Readonly<Record<string, OutcomeColumn>>;
