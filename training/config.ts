import { InvalidInputError } from 'pointsman';
import { z } from 'zod';
import { EMBEDDER_SOURCES } from './embed/embedders.ts';

/** Every head that may take part; the order is that of the tuning. */
export const LEARNER_NAMES = ['linear', 'domain', 'curve', 'mlp', 'knn', 'factorisation'] as const;

export type LearnerName = (typeof LEARNER_NAMES)[number];

const amount = z.number().nonnegative();
const share = z.number().gt(0).lt(1);

const candidate = z.strictObject({
  inputPricePerMillionTokens: amount.optional(),
  outputPricePerMillionTokens: amount.optional(),
  cachedInputPricePerMillionTokens: amount.optional(),
  reasoningPricePerMillionTokens: amount.optional(),
  contextWindowTokens: z.int().positive().optional(),
  modalities: z.array(z.enum(['text', 'image', 'audio', 'video', 'document'])).optional(),
  supportsTools: z.boolean().optional(),
  /** Learned of, but never chosen. */
  retired: z.boolean().optional(),
});

const embedders = Object.values(EMBEDDER_SOURCES).map(({ config }) => config);
type EmbedderSchema = (typeof embedders)[number];
const embedder = z.discriminatedUnion('kind', embedders as [EmbedderSchema, ...EmbedderSchema[]]);

const split = z.strictObject({
  /** `random`: seeded, stratified by task. `time`: the oldest prompts to fit, the newest to test. */
  by: z.enum(['random', 'time']).default('random'),
  fit: share.default(0.6),
  calibrate: share.default(0.2),
  test: share.default(0.2),
});

const ngrams = z.strictObject({
  /** Columns of the dense block; 0 leaves the block out. */
  dimensions: z.int().min(0).max(256).default(64),
  /** Buckets the n-grams are hashed to; a power of two. */
  buckets: z
    .int()
    .min(1024)
    .max(2 ** 18)
    .default(2 ** 15),
  /** 1 words, 2 words and pairs. */
  wordOrder: z.int().min(0).max(2).default(2),
  /** Character n-grams inside words; 0 and 0 for none. */
  characterFrom: z.int().min(0).max(8).default(0),
  characterTo: z.int().min(0).max(8).default(0),
});

const offPolicy = z.strictObject({
  /**
   * How outcomes are weighed where the log does not hold every candidate of a prompt. `none`: all alike. `ipw`: by
   * inverse propensity. `doublyRobust`: unseen cells are filled with what is expected of them, corrected by inverse
   * propensity. `auto`: `none` unless inverse propensities show that it is off.
   */
  weights: z.enum(['auto', 'none', 'ipw', 'doublyRobust']).default('auto'),
  /**
   * Where a router is retrained, and `weights` is `auto`: how much of an outcome what the one in use expects of a prompt counts
   * for. 0: its log alone is learned from.
   */
  memory: z.number().nonnegative().default(0),
  /** Inverse propensities above this are cut; left out, 100, or as many as a logged floor of 1/1000 or more allows. */
  clip: z.number().min(1).optional(),
  /** `logged`: the log must give them. `fitted`: estimated, whatever the log says. `auto`: as logged, else fitted. */
  propensities: z.enum(['auto', 'logged', 'fitted']).default('auto'),
});

/** What may stand in `train.yaml`; the command line overrides it. Every field has a default. */
export const trainConfigSchema = z.strictObject({
  seed: z.int().min(0).default(0),
  /** Prices and limits by candidate name; candidates of the traffic that are not named have none. */
  candidates: z.record(z.string().min(1), candidate).default({}),
  embedder: embedder.default({ kind: 'static' }),
  split: split.default({ by: 'random', fit: 0.6, calibrate: 0.2, test: 0.2 }),
  ngrams: ngrams.default({
    dimensions: 64,
    buckets: 2 ** 15,
    wordOrder: 2,
    characterFrom: 0,
    characterTo: 0,
  }),
  /** Folds of the cross-validation that chooses heads, penalties and shrinkage. */
  folds: z.int().min(2).max(20).default(5),
  /** Names of heads that may take part. */
  heads: z.array(z.enum(LEARNER_NAMES)).min(1).default(['linear', 'domain', 'curve']),
  /** How to learn from a log in which each prompt went to one candidate, or to some. */
  offPolicy: offPolicy.prefault({}),
  /**
   * Whether a head that reads answers is learned, where the traffic has answers. `auto`, and left out: where it is surely better
   * than the prompt alone. `false`: never.
   */
  answers: z.union([z.literal('auto'), z.literal(false)]).optional(),
  /** Policy of the router, as in the manifest. */
  policy: z.looseObject({ kind: z.string() }).default({ kind: 'utility', weights: 'best' }),
  /** Labelled prompts that the artifact carries, for `pointsman explain`. They are there for everyone who has it. */
  examples: z.int().min(0).max(10_000).default(0),
  /** Whether the artifact can say how unsure its predictions are, in a file of its own. Left out: it cannot. */
  uncertainty: z.boolean().optional(),
  /** Bootstrap resamples of the evaluation. */
  resamples: z.int().min(100).max(100_000).default(2000),
});

/** The configuration of training, checked and with its defaults: `parseTrainConfig` makes it. */
export type TrainConfig = z.output<typeof trainConfigSchema>;
export type TrainConfigInput = z.input<typeof trainConfigSchema>;

/**
 * Checks a configuration of training, and fills in its defaults.
 *
 * @param value an object, such as a YAML file gives.
 * @throws InvalidInputError that names the field, what it must be and what it is.
 */
export function parseTrainConfig(value: unknown): TrainConfig {
  const config = parseFields(trainConfigSchema, value ?? {}, 'the training config');
  const { fit, calibrate, test } = config.split;
  if (Math.abs(fit + calibrate + test - 1) > 1e-9)
    throw new InvalidInputError(
      `\`split\` of the training config must add up to 1. Got ${fit} + ${calibrate} + ${test}.`,
    );
  return config;
}

/**
 * What the schema makes of a value.
 *
 * @param thing what it is, as "the training config"
 * @throws InvalidInputError with the first {@link fieldProblem}, and the advice after it
 */
export function parseFields<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  thing: string,
  { advice = '', within = [] }: { readonly advice?: string; readonly within?: readonly string[] } = {},
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new InvalidInputError(
    `${fieldProblem(schema, result.error.issues[0], thing, within)} ${advice}`.trimEnd(),
  );
}

/**
 * What is wrong with a field, in words: "`folds` of the training config: ...". Of a field that there is none of, those that there
 * are beside it.
 * @param within where `schema` stands in the file, if not at its top
 */
function fieldProblem(
  schema: z.core.$ZodType,
  issue: z.core.$ZodIssue,
  thing: string,
  within: readonly string[] = [],
): string {
  const path = [...within, ...issue.path];
  if (issue.code !== 'unrecognized_keys')
    return `\`${path.join('.') || 'config'}\` of ${thing}: ${issue.message}.`;
  const [key] = issue.keys;
  const names = namesAt(schema, issue.path);
  const near = nearest(key, names);
  const meant = near === null ? '' : ` Did you mean ${near}?`;
  const known =
    names.length === 0
      ? ''
      : ` ${path.length === 0 ? 'It has' : `\`${path.join('.')}\` has`}: ${names.join(', ')}.`;
  return `\`${[...path, key].join('.')}\` is no field of ${thing}.${meant}${known}`;
}

/** The fields that an object of the schema may have; none where it is of several kinds. */
function namesAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const step of [...path, null]) {
    let { def } = (at as z.core.$ZodType)._zod;
    while ('innerType' in def) def = (def.innerType as z.core.$ZodType)._zod.def;
    if (step === null) return def.type === 'object' ? Object.keys((def as z.core.$ZodObjectDef).shape) : [];
    if (def.type === 'object') at = (def as z.core.$ZodObjectDef).shape[String(step)];
    else if (def.type === 'record') at = (def as z.core.$ZodRecordDef).valueType;
    else if (def.type === 'array') at = (def as z.core.$ZodArrayDef).element;
    else return [];
    if (at === undefined) return [];
  }
  return [];
}

/** The name that a misspelled one is nearest to: at most two letters put in, left out or changed. */
function nearest(word: string, names: readonly string[]): string | null {
  const found = names
    .map((name) => ({ name, steps: distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, steps }) => steps <= 2 && steps < name.length / 2)
    .sort((a, b) => a.steps - b.steps);
  return found[0]?.name ?? null;
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(last[j] + 1, next[j - 1] + 1, last[j - 1] + Number(a[i - 1] !== b[j - 1])));
    last = next;
  }
  return last[b.length];
}
