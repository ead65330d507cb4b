import { z } from 'zod';
import { parseFields, trainConfigSchema } from '../config.ts';
import { LOG_FORMATS } from '../ingest/formats/log-formats.ts';
import { MOST_REJECTED, readingFields } from '../ingest/options.ts';
import { docPath } from '../work/run-folder.ts';

const share = z.number().gt(0).lt(1);
const points = z.number().min(0).max(1);
const whole = z.int().positive();
const price = z.strictObject({
  inputPricePerMillionTokens: z.number().nonnegative(),
  outputPricePerMillionTokens: z.number().nonnegative(),
});

const logs = z.strictObject({
  ...readingFields,
  /** Files or globs. What was read before changes nothing when it is read again. */
  files: z.array(z.string().min(1)).min(1).optional(),
  /** The decision log in a table of PostgreSQL, in the place of files; its format is `pointsman`. */
  postgres: z
    .strictObject({
      /** Address, with `${NAME}` for what stands in an environment variable. */
      url: z.string().min(1),
      table: z.string().min(1).default('pointsman_log'),
    })
    .optional(),
  /** @default 'table', or 'pointsman' for PostgreSQL */
  format: z.enum(['auto', ...LOG_FORMATS]).optional(),
  failures: readingFields.failures.default('null'),
  maxRejected: readingFields.maxRejected.default(MOST_REJECTED),
  /** For rows with tokens and no cost. */
  prices: z.record(z.string().min(1), price).default({}),
});

const isFromOnePlace = ({ files, postgres }: z.output<typeof logs>) =>
  (files === undefined) !== (postgres === undefined);

const traffic = z.strictObject({
  /** Days of traffic to learn from, before those that judge. */
  learnDays: z.number().positive().default(60),
  /** Most prompts to learn from, the newest ones. */
  learnPrompts: whole.default(100_000),
  /** Newest days that judge and that nobody learns from. */
  holdoutDays: whole.default(3),
  /** Days are added until so many prompts judge. */
  holdoutPrompts: whole.default(300),
});

const gate = z.strictObject({
  tolerance: points.default(0.02),
  confidence: z.number().gt(0.5).lt(1).default(0.9),
  nightsTolerance: points.default(0.005),
  nights: whole.default(30),
  nightsAlpha: share.default(0.05),
  sliceTolerance: points.default(0.03),
  slicePrompts: whole.default(50),
  sliceAlpha: share.default(0.05),
  calibrationLimit: points.default(0.1),
  fewestPrompts: whole.default(100),
  fewestSeen: z.int().min(0).default(10),
  /** Quality that a dollar is worth; left out, what the policy's weights say. */
  qualityPerUsd: z.number().nonnegative().optional(),
  /** Inverse propensities above this are cut; left out, 100, or as many as a logged floor of 1/1000 or more allows. */
  clip: z.number().min(1).optional(),
});

const screening = z.strictObject({
  enabled: z.boolean().default(true),
  fewestPrompts: whole.default(30),
  z: z.number().positive().default(4),
});

const drift = z.strictObject({
  z: z.number().positive().default(5),
  quality: points.default(0.1),
  factor: z.number().gt(1).default(1.2),
  stability: z.number().positive().default(0.2),
  scoreDistance: points.default(0.02),
  pValue: share.default(0.01),
  sample: z.int().min(20).max(2000).default(200),
  /** Whether outcomes of a candidate from before it changed are brought up to date. */
  restate: z.boolean().default(true),
});

const alert = z.strictObject({
  /** Program and arguments; the alarms come as JSON on its standard input. */
  command: z.array(z.string().min(1)).min(1).optional(),
  /** Gets the same JSON by POST. */
  url: z.url().optional(),
});

/** What may stand in `retrain.yaml`. */
const retrainConfigSchema = z.strictObject({
  /** The router's folder, such as `models/support`. */
  router: z.string().min(1),
  /** @default the folder's own name */
  name: z.string().min(1).optional(),
  logs: logs
    .refine(isFromOnePlace, 'must have `files` or `postgres`, one of the two')
    .refine(
      ({ format, postgres }) => postgres === undefined || format === undefined || format === 'pointsman',
      'must leave out `format` beside `postgres`: it is `pointsman`',
    ),
  /** Folder of the outcomes that are gathered from run to run. @default one for the router's folder, in `<work>/routers` */
  store: z.string().min(1).optional(),
  /** What is kept from run to run. */
  work: z.string().min(1).default('.pointsman'),
  /** As in `train.yaml`; of `split`, only how fit and calibrate share what is learned from. */
  train: trainConfigSchema.prefault({}),
  traffic: traffic.prefault({}),
  gate: gate.prefault({}),
  screening: screening.prefault({}),
  drift: drift.prefault({}),
  /** Versions that stay on disk. */
  keep: z.int().min(2).default(5),
  alert: alert.prefault({}),
});

/** The configuration of `retrain`, checked and with its defaults: `parseRetrainConfig` makes it. */
export type RetrainConfig = z.output<typeof retrainConfigSchema>;
export type RetrainConfigInput = z.input<typeof retrainConfigSchema>;

/**
 * Checks a configuration of `retrain`, and fills in its defaults.
 *
 * @param value an object, such as a YAML file gives.
 * @throws InvalidInputError that names the field, what it must be and what it is.
 */
export function parseRetrainConfig(value: unknown): RetrainConfig {
  return parseFields(retrainConfigSchema, value ?? {}, 'the retraining config', {
    advice: `See ${docPath('retraining.md')}.`,
  });
}
