import { InvalidInputError, type PolicySpec, type Router } from 'pointsman';
import { type ManifestAnswer, quantileSorted } from 'pointsman/internal';
import { clusteredMean } from '../fit/rows.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import {
  formatApart,
  formatConfidence,
  formatCount,
  formatPercent,
  formatPoints,
  pluralInGroups,
} from '../words.ts';
import { fewestGroupsFor, type TunedSetting, tuneAlongPaths } from './guarantee.ts';
import {
  acceptTest,
  cascadeFamily,
  cascadePaths,
  lossesOf,
  measureSetting,
  type RoutingFamily,
  type SettingFigures,
  type TunableTest,
  type TuningRows,
  thresholdFamily,
  timesAsked,
  tuningRows,
} from './settings.ts';

/** Rows of the matrix, and the router's calibrated success for them, `[rows, candidates]`. */
export interface PredictedRows {
  readonly rows: Int32Array;
  readonly success: Float32Array;
  /** What an answer is expected to cost, `[rows, candidates]`; NaN: not known. @default it is not asked for */
  readonly expectedCostUsd?: Float32Array;
}

export interface TunePolicyInput {
  readonly matrix: OutcomeMatrix;
  /** What the dial is set on: prompts that the heads were not fitted on. */
  readonly tune: PredictedRows;
  /** What the result is measured on; null measures it where it was set, which flatters it. */
  readonly test: PredictedRows | null;
  /** Cheapest first. Two of them make a `threshold`, unless `kind` says otherwise; more make a `cascade`. */
  readonly candidates: readonly string[];
  /** @default 'threshold' for two candidates, 'cascade' for more and for an `accept` */
  readonly kind?: 'threshold' | 'cascade';
  /**
   * Judges answers once they are there, by this test; `success` of the rows is then the score of each candidate's
   * answer, as `acceptScores` or `scoreAnswers` makes it. @default none: steps are judged by predicted success, before they are asked
   */
  readonly accept?: TunableTest;
  /** Cascade routing in the place of thresholds: what its weights do with the rows. @default none */
  readonly routing?: TunableRouting;
  /** A threshold of its own for each step, where there are several and the goal is a loss. @default false: they share one */
  readonly perStep?: boolean;
  /** Near-duplicate group of each prompt of the matrix: those of one count as one draw. */
  readonly groups: Int32Array; // [prompts]
  readonly goal:
    | { readonly kind: 'strong-share'; readonly share: number }
    | {
        readonly kind: 'max-quality-loss';
        readonly loss: number;
        readonly delta?: number;
        /** As `tuneForLoss` has it. */
        readonly requests?: number | undefined;
      };
  /** @default 0 */
  readonly seed?: number;
}

/** Weights of cascade routing as a dial; what a setting does with a row depends on its answers. */
export interface TunableRouting {
  /** Of the rows that it is set on, and of those that it is measured on: the same dials. */
  readonly tune: RoutingFamily;
  readonly test: RoutingFamily | null;
  policyOf(dial: number): PolicySpec;
}

export interface TunedPolicy {
  readonly policy: PolicySpec;
  readonly dial: number;
  /** On the rows the dial was set on. */
  readonly tuned: SettingFigures;
  /** On other rows; null where there are none. */
  readonly test: SettingFigures | null;
}

/**
 * Sets the dial of a `threshold` or `cascade` policy.
 *
 * @throws InvalidInputError when a candidate is not there, or the rows cannot show that any setting does.
 */
export function tunePolicy(input: TunePolicyInput): TunedPolicy {
  const { matrix, accept } = input;
  const numbers = input.candidates.map((name) => numberOf(matrix, name));
  const kind = input.kind ?? (numbers.length === 2 && accept === undefined ? 'threshold' : 'cascade');
  const { routing } = input;
  const paths = routing === undefined ? pathsOf(input, kind, numbers) : [routing.tune];
  const rows = tuningRows(matrix, input.tune.rows, input.tune.success, numbers, input.groups);
  const { family, dial } = settingFor(paths, rows, kind, input);
  const names = family.candidates.map((c) => matrix.candidates[c]);
  const thresholds = family.thresholds(dial);
  const stepOf = (use: string, step: number) =>
    step === thresholds.length
      ? { use }
      : accept === undefined
        ? { use, minSuccess: thresholds[step] }
        : { use, accept: acceptTest(accept, thresholds[step]) };
  const policy: PolicySpec =
    routing !== undefined
      ? routing.policyOf(dial)
      : kind === 'threshold'
        ? { kind, weak: names[0], strong: names[1], threshold: dial }
        : { kind, steps: names.map(stepOf) };
  const others =
    input.test &&
    tuningRows(matrix, input.test.rows, input.test.success, numbers, input.groups, { least: 1 });
  const measured = routing?.test ?? family;
  const test = others && measureSetting(measured, dial, others);
  const tuned = measureSetting(family, dial, rows);
  if (input.goal.kind === 'max-quality-loss') {
    const last = matrix.candidates[numbers[numbers.length - 1]];
    checkSaving(tuned, last, 'the prompts it was tuned on');
    if (others && test) {
      checkSaving(test, last, 'prompts that it was not tuned on');
      checkLoss(lossesOf(measured, dial, others), others.groups, input.goal.loss, last);
    }
  }
  return { policy, dial, tuned, test };
}

/** A smaller share of the cost is nothing, as it is printed. */
const LEAST_SAVED = 0.0005;

/** @throws InvalidInputError where the last candidate alone costs no more @param where in the middle of a sentence */
function checkSaving({ costSaved, rows, strongShare }: SettingFigures, last: string, where: string): void {
  if (costSaved === null ? strongShare < 1 : costSaved > LEAST_SAVED) return;
  const beside =
    costSaved !== null && costSaved < -LEAST_SAVED
      ? `it costs ${formatPercent(-costSaved)} more than ${last} alone`
      : strongShare === 1
        ? `every prompt goes to ${last}`
        : `it costs as much as ${last} alone`;
  throw new InvalidInputError(
    `Nothing is saved by the cheapest setting that is shown to keep to the loss: on ${where} (${formatCount(rows)}), ${beside}. The policy of the ` +
      `router stays as it is. Always ask ${last}, name other candidates, or allow more loss.`,
  );
}

/** Of a normal distribution, so many standard deviations below the mean are 95 %. */
const SURELY = 1.645;

/** @throws InvalidInputError where prompts that a setting was not found on show that it loses more than is allowed */
function checkLoss(losses: Float64Array, groups: Int32Array, limit: number, last: string): void {
  const { mean, standardError } = clusteredMean(losses, groups);
  const low = mean - SURELY * standardError;
  if (!(low > limit)) return;
  const [least, allowed] = formatApart(low, limit, formatPoints, 1);
  throw new InvalidInputError(
    `On ${pluralInGroups(losses.length, new Set(groups).size, 'prompt')} that it was not tuned on, the setting that was found loses ${formatPoints(mean)} points against ` +
      `${last}, and with 95 % confidence at least ${least}; ${allowed} are allowed. Those prompts are unlike the ones it was tuned on. The policy of the ` +
      'router stays as it is. Tune on traffic that is like what is to come.',
  );
}

/**
 * What tuning a cascade does not look at in the policy that a router has: sentences, none where there is nothing.
 * @param policy of any shape
 */
export function sayNotTuned(policy: unknown): string[] {
  const found = partsOf(policy);
  const has = (is: (part: Record<string, unknown>) => boolean) => found.some(is);
  return [
    ...(has(({ accept, fast, slow }) => fast !== undefined && slow !== undefined && accept !== undefined)
      ? [
          'The policy in use hedges by a test, and for a hedge no threshold is looked for: which answer is judged first depends on who is faster. A hedge of the same two candidates may ' +
            'take the number of their cascade: it gives the same answers or those of the slow one, at the cost of both.',
        ]
      : []),
    ...(has(({ kind, tests }) => kind === 'all' && Array.isArray(tests))
      ? [
          'The policy in use has tests that ask for several things (`all`), and for those no threshold is looked for: the traffic does not say what else would not have passed. Beside further tests fewer answers pass, so ' +
            'that more is paid than is said here, and the last candidate answers more often.',
        ]
      : []),
  ];
}

/** All objects inside a value, itself among them. */
function partsOf(value: unknown): Record<string, unknown>[] {
  if (value === null || typeof value !== 'object') return [];
  return [value as Record<string, unknown>, ...Object.values(value).flatMap(partsOf)];
}

/** A policy as a router has it whose manifest says what `tuned` stands for. */
export interface NamedThresholds {
  readonly policy: PolicySpec;
  readonly thresholds: NonNullable<ManifestAnswer['thresholds']>;
}

/**
 * The same cascade with `tuned` in the place of the numbers that the answer head is held against.
 * @returns null where it asks no answer head
 */
export function nameThresholds(policy: PolicySpec): NamedThresholds | null {
  if (policy.kind !== 'cascade') return null;
  const found = policy.steps.flatMap(({ accept }) =>
    accept?.kind === 'answer' && accept.threshold !== 'tuned' ? [accept.threshold] : [],
  );
  if (found.length === 0) return null;
  const steps = policy.steps.map((step) =>
    step.accept?.kind === 'answer'
      ? { ...step, accept: { kind: 'answer', threshold: 'tuned' } as const }
      : step,
  );
  return {
    policy: { ...policy, steps },
    thresholds: found.every((each) => each === found[0]) ? { shared: found[0] } : { steps: found },
  };
}

function pathsOf(
  { accept, perStep = false, goal }: TunePolicyInput,
  kind: 'threshold' | 'cascade',
  numbers: readonly number[],
): readonly RoutingFamily[] {
  if (numbers.length < 2 || (kind === 'threshold' && numbers.length !== 2)) {
    throw new InvalidInputError(
      `A ${kind} needs ${kind === 'threshold' ? 'two candidates' : 'two candidates or more'}, cheapest first. ` +
        `Got ${numbers.length}.`,
    );
  }
  if (kind === 'threshold') {
    if (accept === undefined) return [thresholdFamily(numbers[0], numbers[1])];
    throw new InvalidInputError('`accept` of tuning must go with a cascade. Got a threshold.');
  }
  const asked = accept === undefined ? 0 : timesAsked(accept);
  if (!perStep) return [cascadeFamily(numbers, { asked })];
  if (goal.kind === 'max-quality-loss') {
    return cascadePaths(numbers, asked, { seesEarlier: accept?.kind === 'answer' });
  }
  throw new InvalidInputError(
    '`perStep` of tuning must go with a loss: many thresholds give the same share. Got a share.',
  );
}

function settingFor(
  paths: readonly RoutingFamily[],
  rows: TuningRows,
  kind: 'threshold' | 'cascade',
  { goal, seed = 0 }: TunePolicyInput,
): TunedSetting {
  const [family] = paths;
  if (goal.kind === 'max-quality-loss') {
    const { loss, delta = 0.1, requests } = goal;
    const further = requests === undefined ? {} : { requests };
    const setting = tuneAlongPaths(paths, rows, { maxQualityLoss: loss, delta, seed, ...further });
    if (setting !== null) return setting;
    throw nothingShown(family, rows, loss, paths.length === 1 ? delta : delta / 2);
  }
  if (kind === 'threshold') {
    const [weak, strong] = family.candidates;
    return { family, dial: tuneForShare(rows, strong, weak, goal.share) };
  }
  // A cascade: the last setting, from the safest on, that still sends so many to the last candidate.
  let dial = family.dials[0];
  for (const next of family.dials) {
    if (measureSetting(family, next, rows).strongShare < goal.share) break;
    dial = next;
  }
  return { family, dial };
}

function nothingShown(
  family: RoutingFamily,
  rows: TuningRows,
  loss: number,
  delta: number,
): InvalidInputError {
  const strictest = measureSetting(family, family.dials[0], rows);
  if (strictest.loss > loss) {
    const [lost, allowed] = formatApart(strictest.loss, loss, formatPoints, 1);
    return new InvalidInputError(
      `Even at the strictest threshold ${lost} points are lost, and ${allowed} are allowed: what passes is not good ` +
        'enough. Allow more loss, or use another test.',
    );
  }
  const fewest = fewestGroupsFor(loss, delta);
  const groups = new Set(rows.groups).size;
  return new InvalidInputError(
    `${pluralInGroups(strictest.rows, groups, 'prompt')} are too few to show a loss of at most ${formatPoints(loss)} points with ` +
      `${formatConfidence(1 - delta)} confidence. ${
        groups < fewest
          ? `Collect ${formatCount(fewest)} or more${groups < strictest.rows ? ' that are no copies of one another' : ''}`
          : `Collect more, as the strictest threshold loses ${formatPoints(strictest.loss)} points`
      }, or allow more loss.`,
  );
}

function numberOf({ candidates }: OutcomeMatrix, name: string): number {
  const number = candidates.indexOf(name);
  if (number !== -1) return number;
  throw new InvalidInputError(
    `\`candidates\` of tuning must name candidates of the traffic, among ${candidates.join(', ')}. Got "${name}".`,
  );
}

/**
 * The threshold at which this share of the rows goes to the strong candidate. Needs no outcomes.
 *
 * @param strong @param weak columns @param share 0 to 1
 */
export function tuneForShare(
  { columns, success }: Pick<TuningRows, 'columns' | 'success'>,
  strong: number,
  weak: number,
  share: number,
): number {
  if (!(share >= 0 && share <= 1)) {
    throw new InvalidInputError(`\`strongShare\` must be from 0 to 1. Got ${share}.`);
  }
  const gaps = Float64Array.from(
    { length: success.length / columns },
    (_, row) => success[row * columns + strong] - success[row * columns + weak],
  ).sort();
  if (share === 1) return -1;
  if (share === 0) return 1;
  return shortened(Math.max(-1, Math.min(1, nearestThreshold(gaps, share))), gaps);
}

/** The same in as few digits as send the same rows over it. @param gaps ascending */
function shortened(threshold: number, gaps: Float64Array): number {
  const over = (at: number) => gaps.reduce((count, gap) => count + Number(gap > at), 0);
  for (let digits = 3; digits < 17; digits++) {
    const short = Number(threshold.toPrecision(digits));
    if (over(short) === over(threshold)) return short;
  }
  return threshold;
}

/** Rows over the threshold go to the strong one. Rows of equal gap go together: to the side that is nearer to the share. */
function nearestThreshold(gaps: Float64Array, share: number): number {
  const at = quantileSorted(gaps, 1 - share);
  const from = gaps.findIndex((gap) => gap >= at);
  let to = from;
  while (to < gaps.length && gaps[to] === at) to++;
  // Under `at` all of those that tie with it go to the strong one, at it none of them.
  if (to - from < 2) return at;
  const wanted = share * gaps.length;
  const none = Math.abs(gaps.length - to - wanted);
  const all = Math.abs(gaps.length - from - wanted);
  if (none <= all) return at;
  return from === 0 ? -1 : (gaps[from - 1] + at) / 2;
}

/**
 * The router's calibrated success for some prompts, columns in the order of the matrix; NaN for candidates that the
 * router does not know.
 */
export async function predictSuccess(
  router: Router,
  matrix: OutcomeMatrix,
  rows: Int32Array,
): Promise<PredictedRows> {
  const columns = matrix.candidates.length;
  const names = router.manifest.candidates.map(({ name }) => name);
  const from = matrix.candidates.map((name) => names.indexOf(name));
  const success = new Float32Array(rows.length * columns);
  const expectedCostUsd = new Float32Array(success.length);
  for (const [i, row] of rows.entries()) {
    const { embedding, request } = matrix.prompts[row];
    const predictions =
      embedding === undefined ? await router.predict(request) : router.predictEmbedding(embedding);
    from.forEach((at, c) => {
      success[i * columns + c] = at === -1 ? Number.NaN : predictions.success[at];
      expectedCostUsd[i * columns + c] = at === -1 ? Number.NaN : predictions.costUsd[at];
    });
  }
  return { rows, success, expectedCostUsd };
}
