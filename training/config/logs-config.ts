import { InvalidInputError } from 'pointsman';
import { z } from 'zod';
import { mapSchema, scoreRangeSchema } from '../ingest/options.ts';
import { LOG_FORMATS } from '../logs/log-format.ts';
import { fieldProblem } from './field-problem.ts';

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
};

const logsSchema = z.strictObject({
  ...readingFields,
  format: z.enum(['auto', ...LOG_FORMATS]).optional(),
});

/** `logs` of `train.yaml`; what is left out is as the command line says. */
export type LogsConfig = z.output<typeof logsSchema>;

/** @throws InvalidInputError that names the field and what it must be. */
export function parseLogsConfig(value: unknown): LogsConfig {
  const result = logsSchema.safeParse(value ?? {});
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new InvalidInputError(fieldProblem(logsSchema, issue, 'the training config', ['logs']));
}
