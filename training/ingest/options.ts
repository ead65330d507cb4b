import { InvalidInputError } from 'pointsman';
import { z } from 'zod';
import { parseFields } from '../config.ts';
import { type Prices, pricesSchema } from '../outcomes/amounts.ts';
import { OUTCOME_FIELDS } from '../outcomes/outcome.ts';
import { LOG_FORMATS, type LogFormat } from './formats/log-formats.ts';
import type { JudgeAnswer } from './judge.ts';

/** Of the rows, so large a share may be rejected for one reason without stopping a command or a training. */
export const MOST_REJECTED = 0.05;

/** The worst score and the best, or `auto`. */
const scoreRangeSchema = z.union([
  z.literal('auto'),
  z
    .tuple([z.number(), z.number()])
    .refine(([worst, best]) => worst !== best, 'the worst score must differ from the best'),
]);

/** Field to column; `outcomes` is where the cells of the wide form are. */
const mapSchema = z.partialRecord(z.enum([...OUTCOME_FIELDS, 'outcomes']), z.string().min(1));

/** What is kept of answers. */
const answersSchema = z.enum(['features', 'text', 'none']);

/** Less than this nothing can be read with. */
export const LEAST_MEMORY_MB = 128;

const optionsSchema = z.strictObject({
  files: z.array(z.string().min(1)).min(1),
  out: z.string().min(1),
  map: mapSchema.default({}),
  prices: pricesSchema.default({}),
  format: z.enum([...LOG_FORMATS, 'auto']).default('table'),
  append: z.boolean().default(false),
  score: z.string().min(1).optional(),
  scoreRange: scoreRangeSchema.optional(),
  maxRejected: z.number().min(0).max(1).default(1),
  failures: z.enum(['null', 'zero']).default('null'),
  judge: z
    .union([z.string().min(1), z.custom<JudgeAnswer>((value) => typeof value === 'function')])
    .optional(),
  judgeConcurrency: z.int().min(1).default(8),
  judgeCache: z.string().min(1).optional(),
  redact: z.union([z.boolean(), z.record(z.string(), z.string())]).default(false),
  keep: z.enum(['prompts', 'hashes']).default('prompts'),
  answers: answersSchema.default('features'),
  embedder: z
    .custom<RowEmbedder>((value) => typeof (value as RowEmbedder | null)?.embed === 'function')
    .optional(),
  strict: z.boolean().default(false),
  memoryLimitMb: z.number().int().min(LEAST_MEMORY_MB).optional(),
  temporaryFolder: z.string().min(1).optional(),
  onProgress: z.custom<(progress: IngestProgress) => void>((value) => typeof value === 'function').optional(),
  onStep: z.custom<OnIngestStep>((value) => typeof value === 'function').optional(),
});

/** How far the reading is. */
export interface IngestProgress {
  readonly bytesRead: number;
  readonly bytesTotal: number;
}

/** Told of what follows the reading: judging, embedding. */
type OnIngestStep = (what: string, done: number, total: number) => void;

export interface IngestOptions {
  /** Paths or globs (`logs/*.jsonl.gz`): JSONL, CSV, TSV (each also .gz), Parquet, Arrow IPC. Stores of logs in a bucket: `s3://bucket/prefix`. */
  readonly files: readonly string[];
  /** Where the Parquet file goes. Replaced whole, once everything went well. */
  readonly out: string;
  /** Your own column names: field to column, dots going into objects (`{ text: 'request.prompt' }`). @default {} */
  readonly map?: z.input<typeof optionsSchema>['map'] | undefined;
  /** For rows with tokens and no cost: US dollars per million tokens, by candidate. @default {} */
  readonly prices?: Prices | undefined;
  /**
   * Whose log it is; `table` is rows of your own, long or wide, under any column names; `auto` finds out file by file, and
   * the report says what it took. @default 'table'
   */
  readonly format?: LogFormat | 'auto' | undefined;
  /**
   * Keep the rows of `out` and add the new ones. Of one (requestId, candidate) a row with a quality replaces one
   * without, else the first stays; so the same file twice changes nothing. @default false
   */
  readonly append?: boolean | undefined;
  /** Of a log's scores, the name of those that say the quality. @default the only name there is */
  readonly score?: string | undefined;
  /**
   * The worst quality, score or rating and the best, brought to 0 and 1: `[1, 5]`, or `[6, 1]` where 1 is the best. `auto`
   * takes the scale that all of them together are plainly on, and reads words, percentages and stars. Otherwise they are
   * expected on 0 to 1, and an ingest of such that are plainly on another scale stops.
   * @default 0 to 1
   */
  readonly scoreRange?: readonly [number, number] | 'auto' | undefined;
  /**
   * Largest share of the rows that may be rejected for one reason, 0 to 1; with more the ingest stops, and `out` is left as it
   * is. Fewer than ten rows, and repeats of a row, stop nothing. The commands and trainings have 0.05. @default 1
   */
  readonly maxRejected?: number | undefined;
  /** What a failed call of a log says of quality: nothing (`null`), or 0 (`zero`). @default 'null' */
  readonly failures?: 'null' | 'zero' | undefined;
  /**
   * Who says how good answers are that nobody rated: a function, the path of an ES module whose default export is one,
   * or an endpoint (see `openJudge`). @default nobody
   */
  readonly judge?: string | JudgeAnswer | undefined;
  /** How many answers are judged at once. @default 8 */
  readonly judgeConcurrency?: number | undefined;
  /** File of what was judged, so that nothing is judged twice. @default `out` with `.judged` behind it */
  readonly judgeCache?: string | undefined;
  /**
   * Put `[EMAIL]` and the like in the place of what is personal; with patterns of your own, by the name that stands in
   * their place: `{ ORDER: '\\bA-\\d{6}\\b' }`. @default false
   */
  readonly redact?: boolean | Readonly<Record<string, string>> | undefined;
  /** `hashes` keeps of each prompt its hash and its embedding, and no word. @default 'prompts' */
  readonly keep?: 'prompts' | 'hashes' | undefined;
  /**
   * What is kept of answers: what they look like (features that the answer head learns from, and hashes), their words as
   * well, redacted as prompts are, or nothing. @default 'features'
   */
  readonly answers?: 'features' | 'text' | 'none' | undefined;
  /** Of the prompts, for `keep: 'hashes'`; training must use the same. */
  readonly embedder?: RowEmbedder | undefined;
  /** Stop at the first row that cannot be used. @default false */
  readonly strict?: boolean | undefined;
  /**
   * Megabytes that DuckDB may hold of rows on their way; beyond it goes to `temporaryFolder`.
   * @default a quarter of the memory of the machine, or of the container (cgroup) where it has less
   */
  readonly memoryLimitMb?: number | undefined;
  /** Folder on whose disk rows on their way may lie, in one of their own that goes at the end. @default the system's */
  readonly temporaryFolder?: string | undefined;
  /** Told as files are read. */
  readonly onProgress?: ((progress: IngestProgress) => void) | undefined;
  readonly onStep?: OnIngestStep | undefined;
}

/** @throws InvalidInputError naming the option that is wrong. */
export function readIngestOptions(options: IngestOptions): z.output<typeof optionsSchema> {
  return checked(
    parseFields(optionsSchema, options, 'IngestOptions', { advice: 'Correct it and try again.' }),
  );
}

function checked(settings: z.output<typeof optionsSchema>): z.output<typeof optionsSchema> {
  if (!/\.(parquet|pq)$/i.test(settings.out))
    throw new InvalidInputError(
      `\`out\` of IngestOptions (--out) must end in .parquet: the table is Parquet, and a file is read by its ending. Got "${settings.out}".`,
    );
  if (settings.keep === 'hashes' && settings.answers === 'text')
    throw new InvalidInputError(
      '`answers` of IngestOptions (--answers) must be features or none where `keep` is hashes, since no word is to be kept. Got text.',
    );
  if (settings.keep === 'hashes' && settings.embedder === undefined)
    throw new InvalidInputError('`embedder` of IngestOptions must be given to keep hashes. Got none.');
  return settings;
}

export function nothingToJudge(): InvalidInputError {
  return new InvalidInputError(
    '`judge` of IngestOptions needs answers to judge, and these rows hold none. Say where they are (--map answer=your_column), give requests and responses as --format openai, or map a column that says how good they are: --map quality=your_score.',
  );
}

/** What turns prompts into vectors, such as `loadTransformersEmbedder` gives. */
export interface RowEmbedder {
  readonly id: string;
  embed(texts: readonly string[]): Promise<readonly ArrayLike<number>[]>;
}

/** How logs are read, as the options of the command line that are called so. */
export const readingFields = {
  /** Field to column, as `--map`. */
  map: mapSchema.default({}),
  /** Which of a log's scores says the quality. */
  score: z.string().min(1).optional(),
  /** The worst score and the best, or `auto`. */
  scoreRange: scoreRangeSchema.optional(),
  /** What a failed call is worth. */
  failures: z.enum(['null', 'zero']).optional(),
  /** Largest share of the rows that may be rejected for one reason. */
  maxRejected: z.number().min(0).max(1).optional(),
  /** Whether what is personal is taken out; patterns of one's own by the name that stands in their place. */
  redact: z.union([z.boolean(), z.record(z.string().min(1), z.string())]).optional(),
  /** What is kept of answers. */
  answers: answersSchema.optional(),
};

const logsSchema = z.strictObject({
  ...readingFields,
  format: z.enum(['auto', ...LOG_FORMATS]).optional(),
});

/** `logs` of `train.yaml`; what is left out is as the command line says. */
export type LogsConfig = z.output<typeof logsSchema>;

/** @throws InvalidInputError that names the field and what it must be. */
export function parseLogsConfig(value: unknown): LogsConfig {
  return parseFields(logsSchema, value ?? {}, 'the training config', { within: ['logs'] });
}
