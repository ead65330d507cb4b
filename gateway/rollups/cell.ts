import { DDSketch } from '@datadog/sketches-js';
import type { Expected, Quantiles, RatingSums, RollupLabels, RollupRow } from './rollup.ts';

/** What is summed, in the order in which it is written down: what is added comes last. */
const SUMS = [
  'answered',
  'failed',
  'left',
  'refused',
  'degraded',
  'fallbacks',
  'attempts',
  'retries',
  'costUsd',
  'unusedCostUsd',
  'unknownCosts',
  'inputTokens',
  'cachedInputTokens',
  'outputTokens',
  'decisions',
  'decidedQuality',
  'decidedCostUsd',
  'decidedUnknownCosts',
  'looks',
  'consideredQuality',
  'consideredCostUsd',
  'consideredUnknownCosts',
  'explored',
  'exploredCostUsd',
  'inverse',
  'inverseSquared',
  'weightedRating',
  'ratings',
  'rated',
  'ratedSquared',
  'predicted',
  'shadowAnswers',
  'shadowFailed',
  'shadowCostUsd',
  'judgeCostUsd',
  'preferred',
  'judged',
] as const;
export type SumName = (typeof SUMS)[number];

const INDEX = Object.fromEntries(SUMS.map((name, at) => [name, at])) as Readonly<Record<SumName, number>>;

const SPREADS = ['latencyMs', 'firstByteMs', 'overheadMs'] as const;
export type SpreadName = (typeof SPREADS)[number];

/** Of a quantile, relative: Masson et al. 2019, "DDSketch". */
const ACCURACY = 0.01;

const BINS = 10;

/** Codes of errors that a cell tells apart; further ones are `other`. */
const MOST_ERRORS = 20;

/** For which there was no room. */
export const OTHER = 'other';

/** What happened to requests of one kind in one bucket; cells can be added to one another. */
export class Cell {
  readonly #sums = new Float64Array(SUMS.length);
  readonly #errors = new Map<string, number>();
  /** Per bin: ratings, their sum, and that of what was predicted; made by the first rating. */
  #bins: Float64Array | undefined;
  readonly #spreads: Partial<Record<SpreadName, DDSketch>> = {};

  add(name: SumName, amount = 1): void {
    this.#sums[INDEX[name]] += amount;
  }

  observe(name: SpreadName, value: number): void {
    this.#spread(name).accept(value);
  }

  error(code: string, count = 1): void {
    const kept = this.#errors.has(code) || this.#errors.size < MOST_ERRORS ? code : OTHER;
    this.#errors.set(kept, (this.#errors.get(kept) ?? 0) + count);
  }

  /** @param predicted the probability that the answer is good; null where none was predicted, and there is nothing to compare. */
  rating(rated: number, predicted: number | null, propensity: number | null): void {
    this.add('ratings');
    this.add('rated', rated);
    this.add('ratedSquared', rated * rated);
    if (propensity !== null) this.add('weightedRating', rated / propensity);
    if (predicted === null) return;
    this.add('predicted', predicted);
    this.#bins ??= new Float64Array(3 * BINS);
    const bin = 3 * Math.min(BINS - 1, Math.floor(predicted * BINS));
    this.#bins[bin] += 1;
    this.#bins[bin + 1] += rated;
    this.#bins[bin + 2] += predicted;
  }

  addCell(other: Cell): void {
    for (let at = 0; at < SUMS.length; at++) this.#sums[at] += other.#sums[at];
    for (const [code, count] of other.#errors) this.error(code, count);
    if (other.#bins !== undefined) {
      this.#bins ??= new Float64Array(3 * BINS);
      for (let at = 0; at < this.#bins.length; at++) this.#bins[at] += other.#bins[at];
    }
    for (const name of SPREADS) {
      const spread = other.#spreads[name];
      if (spread !== undefined) this.#spread(name).merge(spread);
    }
  }

  encode(): string {
    let last = SUMS.length;
    while (last > 0 && this.#sums[last - 1] === 0) last--;
    const spreads = SPREADS.map((name) => encodeSpread(this.#spreads[name]));
    return JSON.stringify([
      Array.from(this.#sums.subarray(0, last)),
      Object.fromEntries(this.#errors),
      this.#bins === undefined ? 0 : Array.from(this.#bins),
      ...spreads,
    ]);
  }

  static decode(text: string): Cell {
    const [sums, errors, bins, ...spreads] = JSON.parse(text) as [
      number[],
      Record<string, number>,
      number[] | 0,
      ...(number[] | 0)[],
    ];
    const cell = new Cell();
    cell.#sums.set(sums.slice(0, SUMS.length));
    for (const [code, count] of Object.entries(errors)) cell.#errors.set(code, count);
    if (bins !== 0) cell.#bins = Float64Array.from(bins);
    SPREADS.forEach((name, s) => {
      const spread = spreads[s];
      if (spread !== 0 && spread !== undefined) cell.#spreads[name] = decodeSpread(spread);
    });
    return cell;
  }

  row(at: string, labels: RollupLabels): RollupRow {
    const of = (name: SumName) => this.#sums[INDEX[name]];
    const expected = (
      decisions: SumName,
      quality: SumName,
      costUsd: SumName,
      unknownCosts: SumName,
    ): Expected => ({
      decisions: of(decisions),
      quality: of(quality),
      costUsd: of(costUsd),
      unknownCosts: of(unknownCosts),
    });
    return {
      at,
      ...labels,
      requests: of('answered') + of('failed') + of('left') + of('refused'),
      answered: of('answered'),
      failed: of('failed'),
      left: of('left'),
      refused: of('refused'),
      degraded: of('degraded'),
      fallbacks: of('fallbacks'),
      errors: Object.fromEntries(this.#errors),
      attempts: of('attempts'),
      retries: of('retries'),
      costUsd: of('costUsd'),
      unusedCostUsd: of('unusedCostUsd'),
      unknownCosts: of('unknownCosts'),
      inputTokens: of('inputTokens'),
      cachedInputTokens: of('cachedInputTokens'),
      outputTokens: of('outputTokens'),
      latencyMs: quantilesOf(this.#spreads.latencyMs),
      firstByteMs: quantilesOf(this.#spreads.firstByteMs),
      overheadMs: quantilesOf(this.#spreads.overheadMs),
      decided: expected('decisions', 'decidedQuality', 'decidedCostUsd', 'decidedUnknownCosts'),
      considered: expected('looks', 'consideredQuality', 'consideredCostUsd', 'consideredUnknownCosts'),
      propensity: {
        explored: of('explored'),
        exploredCostUsd: of('exploredCostUsd'),
        inverse: of('inverse'),
        inverseSquared: of('inverseSquared'),
        weightedRating: of('weightedRating'),
      },
      ratings: {
        count: of('ratings'),
        rated: of('rated'),
        ratedSquared: of('ratedSquared'),
        predicted: of('predicted'),
        bins: binsOf(this.#bins),
      },
      shadow: {
        answers: of('shadowAnswers'),
        failed: of('shadowFailed'),
        costUsd: of('shadowCostUsd'),
        judgeCostUsd: of('judgeCostUsd'),
        preferred: of('preferred'),
        judged: of('judged'),
      },
    };
  }

  #spread(name: SpreadName): DDSketch {
    this.#spreads[name] ??= new DDSketch({ relativeAccuracy: ACCURACY });
    return this.#spreads[name];
  }
}

function binsOf(bins: Float64Array | undefined): RatingSums['bins'] {
  if (bins === undefined) return [];
  const all = Array.from({ length: BINS }, (_, bin) => ({
    from: bin / BINS,
    count: bins[3 * bin],
    predicted: bins[3 * bin + 2],
    rated: bins[3 * bin + 1],
  }));
  return all.filter(({ count }) => count > 0);
}

function quantilesOf(spread: DDSketch | undefined): Quantiles | null {
  if (spread === undefined || spread.count === 0) return null;
  const { count, max, min, sum } = spread;
  // What a sketch says may be 1 % beyond what there was.
  const at = (quantile: number) => Math.min(max, Math.max(min, spread.getValueAtQuantile(quantile)));
  return { count, sum, min, p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99), max };
}

/**
 * A sketch in numbers: values that are 0, their sum, the least and the greatest, and how many fell into each bin that is not empty, as
 * the distance from the bin before and a count. (The library's own form in bytes loses the first three.)
 */
function encodeSpread(spread: DDSketch | undefined): number[] | 0 {
  if (spread === undefined) return 0;
  const { max, min, store, sum, zeroCount } = spread;
  const numbers = [zeroCount, sum, min, max];
  let last = 0;
  for (let key = store.minKey; key <= store.maxKey; key++) {
    const count = store.bins[key - store.offset];
    if (!(count > 0)) continue;
    numbers.push(key - last, count);
    last = key;
  }
  return numbers;
}

function decodeSpread([zeroCount, sum, min, max, ...bins]: readonly number[]): DDSketch {
  const spread = new DDSketch({ relativeAccuracy: ACCURACY });
  let key = 0;
  for (let at = 0; at < bins.length; at += 2) {
    key += bins[at];
    spread.store.add(key, bins[at + 1]);
  }
  spread.zeroCount = zeroCount;
  spread.count = zeroCount + spread.store.count;
  Object.assign(spread, { sum, min, max });
  return spread;
}
