import { mixHash, quantile } from 'pointsman/internal';
import { formatApart, formatCount, formatPoints, formatSignedPoints, plural } from '../words.ts';

/** A figure, and between which numbers 95 % of the resamples of near-duplicate groups have it. */
interface WholeFigure {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/** How a router that was fitted on a sample does on all test prompts. Plain JSON, in `metrics.json`. */
export interface WholeReport {
  readonly prompts: { readonly fit: number; readonly calibrate: number; readonly test: number };
  /** Prompts that were drawn, of all three splits. Heads and calibrators were fitted on theirs. */
  readonly sampled: number;
  /** Null where what comes of choices is not known: the log has some candidates of a prompt, and not how likely each was. */
  readonly test: {
    /** `read`: every prompt has an outcome of every candidate. `estimated`: doubly robust. */
    readonly how: 'read' | 'estimated';
    /** Test prompts with an outcome. */
    readonly rows: number;
    readonly quality: WholeFigure;
    /** Always using the best single candidate on the prompts to fit and to calibrate on. */
    readonly bestSingle: { readonly candidate: string; readonly quality: WholeFigure };
    readonly difference: WholeFigure;
    /** Of a request, in US dollars; null unless all are known. */
    readonly costUsd: { readonly router: number; readonly bestSingle: number } | null;
    /** `[candidates]`: how often each was chosen. */
    readonly shares: readonly number[];
  } | null;
  /**
   * What the sample costs: mean squared errors of quality by linear heads, with the penalties that were chosen on the sample, over test
   * prompts with an outcome of every candidate. Null where there are no linear heads or no such prompts.
   */
  readonly linear: {
    /** Prompts to fit on, with an outcome of every candidate, and how many of them were drawn. */
    readonly rows: number;
    readonly sampled: number;
    /** Fitted on all of them, and on those that were drawn. */
    readonly errorOfAll: number;
    readonly errorOfSample: number;
  } | null;
  /**
   * Heads that were fitted on all prompts, beside those of the sample: which are served is what is less off on all prompts to calibrate on.
   * Null where none were.
   */
  readonly heads: {
    readonly served: 'all' | 'sample';
    /** Prompts, with an outcome of every candidate, that heads were fitted on, and calibrated on. */
    readonly fit: number;
    readonly calibrate: number;
    /** Over the prompts to fit on, of heads that are learned by descent. */
    readonly passes: number;
    /** On prompts to calibrate on, in nats: log-loss of success, and cross-entropy of choices, null where prompts have some outcomes only. */
    readonly lossOfSample: { readonly success: number; readonly choice: number | null };
    readonly lossOfAll: { readonly success: number; readonly choice: number | null };
    /** What the heads that are not served have on the test prompts. */
    readonly other: Pick<WholeReport, 'test' | 'calibration'>;
  } | null;
  /** Of candidates that have test outcomes. */
  readonly calibration: readonly {
    readonly candidate: string;
    readonly rows: number;
    /** Ten bins of equal mass, as far as 200 of equal width tell. */
    readonly ece10: number;
    readonly brier: number;
    readonly nll: number;
  }[];
}

/** What comes of one test prompt. */
interface TestChoice {
  /** Numbers of the candidate that the router chose, and of the best single one. */
  readonly choice: number;
  readonly single: number;
  /** What each candidate's answer is worth. `[candidates]` */
  readonly values: Float64Array;
  /** What both cost; NaN where that is not known. */
  readonly costUsd: readonly [number, number];
  /** Near-duplicate group. */
  readonly group: number;
}

/** Rows and qualities of the router and of the best single candidate; both costs and how many there are; then what is of candidates. */
const [ROWS, COSTS, CANDIDATES] = [0, 3, 6];
/** Of a candidate: how often it was chosen; outcomes, squared errors and log-losses. */
const OWN = 4;
/** Of equal width, each with its rows, the sum of probabilities, and of qualities. */
const BINS = 200;
/** Of groups, each with its weight and the sums of the router and of the best single candidate. */
const RESAMPLES = 200;
const LEAST = 1e-6;

/**
 * What is measured of a router on test prompts, as sums: those of two shards, added, are those of both. So are intervals: how often a
 * group is in a resample its number alone says (Poisson bootstrap: Hanley and MacGibbon 2006).
 */
export class TestSums {
  readonly values: Float64Array;
  readonly #candidates: number;
  readonly #salts: Int32Array;

  /** @param values of shards that were measured, added up. @default none yet */
  constructor(candidates: number, seed: number, values?: Float64Array) {
    this.#candidates = candidates;
    this.#salts = Int32Array.from({ length: RESAMPLES }, (_, r) => saltOf(seed, r));
    this.values = values ?? new Float64Array(CANDIDATES + candidates * (OWN + 3 * BINS) + 3 * RESAMPLES);
  }

  /** @param quality NaN: unobserved. `[candidates]` @param success probabilities, as `quality` */
  addCalibration(quality: Float32Array, success: Float32Array): void {
    for (const [c, y] of quality.entries()) {
      const p = success[c];
      if (Number.isNaN(y) || Number.isNaN(p)) continue;
      const sure = Math.min(1 - LEAST, Math.max(LEAST, p));
      const loss = -y * Math.log(sure) - (1 - y) * Math.log1p(-sure);
      this.#add(this.#own(c) + 1, 1, (p - y) ** 2, loss);
      this.#add(this.#bins(c) + 3 * Math.min(BINS - 1, Math.floor(p * BINS)), 1, p, y);
    }
  }

  addChoice({ choice, costUsd, group, single, values }: TestChoice): void {
    const [routed, alone] = [values[choice], values[single]];
    this.#add(ROWS, 1, routed, alone);
    this.#add(this.#own(choice), 1);
    if (costUsd.every(Number.isFinite)) this.#add(COSTS, costUsd[0], costUsd[1], 1);
    const { values: sums } = this;
    let at = this.#resample(0);
    for (let r = 0; r < RESAMPLES; r++, at += 3) {
      const times = poisson(spread(group, this.#salts[r]));
      sums[at] += times;
      sums[at + 1] += times * routed;
      sums[at + 2] += times * alone;
    }
  }

  /** @param names of the candidates @param how outcomes were found; null: they were not, and nothing was added */
  report(
    names: readonly string[],
    single: number,
    how: 'read' | 'estimated' | null,
  ): Pick<WholeReport, 'test' | 'calibration'> {
    const { values } = this;
    const rows = values[ROWS];
    const own = names.map((_, c) => values.subarray(this.#own(c), this.#own(c) + OWN));
    const calibration = names.flatMap((candidate, c) => {
      const [, seen, squares, losses] = own[c];
      if (seen === 0) return [];
      const bins = values.subarray(this.#bins(c), this.#bins(c) + 3 * BINS);
      return [
        {
          candidate,
          rows: seen,
          ece10: calibrationError(bins, seen),
          brier: squares / seen,
          nll: losses / seen,
        },
      ];
    });
    if (how === null || rows === 0) return { test: null, calibration };
    const [, routed, alone, routedCost, singleCost, priced] = values;
    return {
      test: {
        how,
        rows,
        quality: this.#figure(routed / rows, (weight, ours) => ours / weight),
        bestSingle: {
          candidate: names[single],
          quality: this.#figure(alone / rows, (weight, _, other) => other / weight),
        },
        difference: this.#figure((routed - alone) / rows, (weight, ours, other) => (ours - other) / weight),
        costUsd: priced === rows ? { router: routedCost / rows, bestSingle: singleCost / rows } : null,
        shares: own.map(([chosen]) => chosen / rows),
      },
      calibration,
    };
  }

  #figure(estimate: number, of: (weight: number, ours: number, other: number) => number): WholeFigure {
    const drawn = Array.from({ length: RESAMPLES }, (_, r) => {
      const at = this.#resample(r);
      return of(this.values[at], this.values[at + 1], this.values[at + 2]);
    }).filter(Number.isFinite);
    return { estimate, low: quantile(drawn, 0.025), high: quantile(drawn, 0.975) };
  }

  #add(at: number, ...numbers: readonly number[]): void {
    for (const [i, number] of numbers.entries()) this.values[at + i] += number;
  }

  #own(c: number): number {
    return CANDIDATES + OWN * c;
  }

  #bins(c: number): number {
    return CANDIDATES + OWN * this.#candidates + 3 * BINS * c;
  }

  #resample(r: number): number {
    return this.#bins(this.#candidates) + 3 * r;
  }
}

/** A number from 0 to 1 that a group has for a use, whoever asks. @param group a whole number below 2^48 */
export function drawnBy(group: number, seed: number, use: number): number {
  return spread(group, saltOf(seed, use));
}

function saltOf(seed: number, use: number): number {
  return mixHash(Math.imul(seed + 1, 0x9e3779b1) ^ mixHash(use + 1));
}

function spread(group: number, salt: number): number {
  const high = Math.floor(group / 2 ** 24);
  const low = group - high * 2 ** 24;
  return (mixHash(mixHash(salt ^ low) ^ high) >>> 0) / 2 ** 32;
}

const NONE_CHANCE = Math.exp(-1);

/** How often, with a mean of 1. @param uniform 0 to 1 */
function poisson(uniform: number): number {
  let times = 0;
  let chance = NONE_CHANCE;
  for (let sum = chance; uniform >= sum && times < 12; sum += chance) chance /= ++times;
  return times;
}

/** Of ten bins of about equal mass, made of many of equal width. */
function calibrationError(bins: Float64Array, rows: number): number {
  let [error, before, own, gap] = [0, 0, 0, 0];
  for (let i = 0; i < bins.length; i += 3) {
    own += bins[i];
    gap += bins[i + 1] - bins[i + 2];
    const full = (Math.floor((10 * before) / rows + 1e-9) + 1) * (rows / 10);
    if (own === 0 || before + own < full) continue;
    error += Math.abs(gap) / rows;
    before += own;
    [own, gap] = [0, 0];
  }
  return error + Math.abs(gap) / rows;
}

/** What was fitted on, and how the router does on all test prompts: sentences. */
export function describeWhole({ heads, linear, prompts, sampled, test }: WholeReport): string {
  const all = prompts.fit + prompts.calibrate + prompts.test;
  const part = `a sample of ${formatCount(sampled)} of ${formatCount(all)} prompts`;
  const drawn =
    heads?.served === 'all'
      ? `Its features, and how its learners add up, come of ${part}, of which the other figures tell; its heads of success and choice were then fitted on ` +
        `${plural(heads.fit, 'prompt')} and calibrated on ${formatCount(heads.calibrate)}, where their log-loss is lower than that of the sample's heads (${losses(heads)}).`
      : `It was fitted on ${part}, of which the other figures tell.${
          heads === null
            ? ''
            : ` Heads that were fitted on ${plural(heads.fit, 'prompt')} are not served: on ${plural(heads.calibrate, 'other')} their log-loss is not lower (${losses(heads)}).`
        }`;
  if (test === null)
    return `${drawn} On the log's ${plural(prompts.test, 'test prompt')} together nothing is measured: the log does not say how likely each candidate was to be asked.`;
  const { bestSingle, difference, how, quality, rows } = test;
  const points = ({ high, low }: WholeFigure, format: typeof formatPoints) =>
    `${format(low)} to ${format(high)}`;
  const other = heads?.other.test ?? null;
  const [errorOfAll, errorOfSample] =
    linear === null ? [] : formatApart(linear.errorOfAll, linear.errorOfSample, precisely, 5);
  return (
    `${drawn} On ${rows === 1 ? 'the one test prompt' : `all ${formatCount(rows)} test prompts`} with an outcome its choices ${how === 'read' ? 'score' : 'are estimated to score'} ` +
    `${formatPoints(quality.estimate)} points (${points(quality, formatPoints)}), always using ${bestSingle.candidate} ${formatPoints(bestSingle.quality.estimate)}: ` +
    `a difference of ${formatSignedPoints(difference.estimate)} (${points(difference, formatSignedPoints)}).` +
    (heads === null || other === null
      ? ''
      : ` The heads that are not served score ${formatPoints(other.quality.estimate)} (${points(other.quality, formatPoints)}).`) +
    (linear === null
      ? ''
      : ` Of linear heads alone those fitted on all ${plural(linear.rows, 'prompt')} have a squared error of ${errorOfAll} there, ` +
        `those on the ${formatCount(linear.sampled)} drawn ${errorOfSample}.`)
  );
}

function losses({ lossOfAll, lossOfSample }: NonNullable<WholeReport['heads']>): string {
  return formatApart(lossOfAll.success, lossOfSample.success, precisely, 5).join(' against ');
}

function precisely(value: number, digits: number): string {
  return value.toPrecision(digits);
}
