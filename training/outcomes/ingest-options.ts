import { InvalidInputError } from 'pointsman';
import { z } from 'zod';
import { OUTCOME_FIELDS } from './outcome-fields.ts';

const price = z.strictObject({
  inputPricePerMillionTokens: z.number().nonnegative(),
  outputPricePerMillionTokens: z.number().nonnegative(),
});

/** US dollars per million tokens, by candidate. */
export const pricesSchema = z.record(z.string().min(1), price);
export type Prices = z.output<typeof pricesSchema>;

const optionsSchema = z.strictObject({
  files: z.array(z.string().min(1)).min(1),
  out: z.string().min(1),
  map: z.partialRecord(z.enum([...OUTCOME_FIELDS, 'outcomes']), z.string().min(1)).default({}),
  prices: pricesSchema.default({}),
  strict: z.boolean().default(false),
  memoryLimitMb: z.number().int().min(128).default(512),
  temporaryFolder: z.string().min(1).optional(),
  onProgress: z.custom<(progress: IngestProgress) => void>((value) => typeof value === 'function').optional(),
});

/** How far the reading is. */
export interface IngestProgress {
  readonly bytesRead: number;
  readonly bytesTotal: number;
}

export interface IngestOptions {
  /** Paths or globs (`logs/*.jsonl.gz`): JSONL, CSV, TSV (each also .gz), Parquet, Arrow IPC. */
  readonly files: readonly string[];
  /** Where the Parquet file goes. Replaced whole, once everything went well. */
  readonly out: string;
  /** Your own column names: field to column, dots going into objects (`{ text: 'request.prompt' }`). @default {} */
  readonly map?: z.input<typeof optionsSchema>['map'] | undefined;
  /** For rows with tokens and no cost: US dollars per million tokens, by candidate. @default {} */
  readonly prices?: Prices | undefined;
  /** Stop at the first row that cannot be used. @default false */
  readonly strict?: boolean | undefined;
  /** Memory that DuckDB may hold, in megabytes; beyond it goes to `temporaryFolder`. @default 512 */
  readonly memoryLimitMb?: number | undefined;
  /** Disk space for rows on their way. @default the system's */
  readonly temporaryFolder?: string | undefined;
  /** Told as files are read. */
  readonly onProgress?: ((progress: IngestProgress) => void) | undefined;
}

/** @throws InvalidInputError naming the option that is wrong. */
export function readIngestOptions(options: IngestOptions): z.output<typeof optionsSchema> {
  const result = optionsSchema.safeParse(options);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new InvalidInputError(
    `\`${issue.path.join('.')}\` of IngestOptions: ${issue.message}. Correct it and try again.`,
  );
}
