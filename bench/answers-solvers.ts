import { costQualityHull, mixAtCost } from '../training/evaluate/metrics.ts';
import { splitOutcomes } from '../training/split/split.ts';
import { type AnsweredSet, calibrate, fitOnAnswers, sampleAnswers } from './answered-set.ts';
import { atLeast, type BenchLine } from './bench-line.ts';

const PROMPTS = 2_000;
const SIZES = { fit: 0.56, calibrate: 0.14, test: 0.3 };
const SEEDS = [0, 1, 2];
/** Thresholds of what is expected before a candidate is asked, and of its answer after. */
const DIALS = Array.from({ length: 41 }, (_, i) => i / 40);
const COSTS = 40;

/** Prompts' worth of a thousandth of a US dollar, from one that buys nothing to one that buys all. */
const WORTHS = Array.from({ length: 61 }, (_, i) => 10 ** (-3 + i / 10));

/** Mean cost and quality of a way to ask, over some prompts. */
type Way = (rows: Int32Array) => { readonly cost: number; readonly quality: number };

/**
 * The sample traffic's eight programs, asked by what the prompt says alone, and by what answers say too: as cascades, and by
 * expected gains. For each of 40 costs up to that of always asking the dearest, both are set on the prompts that were learned from, by what was said of them out of
 * fold, and measured on the others.
 */
export async function benchSolvers(): Promise<BenchLine[]> {
  const set = await sampleAnswers(PROMPTS);
  const runs: { gains: number[]; most: number }[] = [];
  for (const seed of SEEDS) runs.push(await gainsOf(set, seed));
  const gains = runs[0].gains.map((_, i) => runs.reduce((sum, run) => sum + run.gains[i], 0) / runs.length);
  const most = runs.map((run) => (1000 * run.most).toFixed(3)).join(', ');
  const note = `${COSTS} costs up to USD ${most} a 1,000 prompts; ${PROMPTS} prompts of the sample traffic, mean of ${SEEDS.length} splits`;
  const beaten = gains.filter((gain) => gain > 0).length;
  return [
    atLeast('costs at which asking by answers beats asking by prompts', beaten, '', COSTS, note),
    {
      name: '  mean gain in quality',
      value: gains.reduce((a, b) => a + b) / COSTS,
      unit: '',
      target: null,
      met: null,
      note: `from the lowest cost to the highest: ${gains.map((gain) => gain.toFixed(4)).join(' ')}`,
    },
  ];
}

/** Gain in quality at each cost, on the test prompts of one split; the highest cost is that of always asking the dearest. */
async function gainsOf(set: AnsweredSet, seed: number): Promise<{ gains: number[]; most: number }> {
  const order = byCost(set);
  const { splits } = splitOutcomes(set.matrix, { sizes: SIZES, seed, groups: set.groups });
  const read = await fitOnAnswers(set, splits.fit.rows, seed);
  const expected = calibrate(set, read.promptLogits, splits.calibrate.rows, seed);
  const calibrator = calibrate(set, read.logits, splits.calibrate.rows, seed);
  const success = read.promptLogits.map((logit) => expected.probability(logit));
  // By themselves: who was asked before depends on the setting.
  const scores = read.logits.map((logit, cell) =>
    set.answers[cell] === null ? 0 : calibrator.probability(logit),
  );
  const known: Known = { set, order, success, scores };
  const byPrompt: Way[] = [
    ...DIALS.map(
      (dial): Way =>
        (rows) =>
          cascade(known, rows, dial, 0),
    ),
    ...WORTHS.map(
      (worth): Way =>
        (rows) =>
          byGain(known, rows, worth, 1),
    ),
  ];
  // Whoever reads answers may leave them unread.
  const byAnswer: Way[] = [
    ...byPrompt,
    ...DIALS.flatMap((skip) =>
      DIALS.map(
        (accept): Way =>
          (rows) =>
            cascade(known, rows, skip, accept),
      ),
    ),
    ...WORTHS.map(
      (worth): Way =>
        (rows) =>
          byGain(known, rows, worth, order.length),
    ),
  ];
  const [prompt, answer] = [byPrompt, byAnswer].map((ways) =>
    costQualityHull(ways.map((way) => ({ way, ...way(splits.fit.rows) }))),
  );
  // A threshold above any probability leaves the last.
  const most = cascade(known, splits.fit.rows, 2, 0).cost;
  const gains = Array.from({ length: COSTS }, (_, i) => {
    const budget = (most * (i + 1)) / COSTS;
    return qualityAt(answer, budget, splits.test.rows) - qualityAt(prompt, budget, splits.test.rows);
  });
  return { gains, most };
}

/** Quality of the mixture of ways that was best at this cost on the prompts learned from. */
function qualityAt(
  hull: readonly { readonly way: Way; readonly cost: number; readonly quality: number }[],
  budget: number,
  rows: Int32Array,
): number {
  const shares = mixAtCost(hull, budget);
  return hull.reduce((sum, { way }, i) => sum + (shares[i] > 0 ? shares[i] * way(rows).quality : 0), 0);
}

/** Probabilities by the prompt, and by the answer: `[prompts, candidates]`. */
interface Known {
  readonly set: AnsweredSet;
  /** Candidates, cheapest first. */
  readonly order: readonly number[];
  readonly success: Float32Array;
  readonly scores: Float32Array;
}

function byCost({ matrix: { candidates, costUsd } }: AnsweredSet): number[] {
  const sums = candidates.map(() => 0);
  costUsd.forEach((cost, cell) => {
    sums[cell % candidates.length] += cost;
  });
  return [...sums.keys()].sort((a, b) => sums[a] - sums[b]);
}

/** The first that is likely enough to be asked, and whose answer is likely enough to be good; else the last. */
function cascade({ order, scores, set, success }: Known, rows: Int32Array, skip: number, accept: number) {
  const { candidates, costUsd, quality } = set.matrix;
  const last = order[order.length - 1];
  const sums = { cost: 0, quality: 0 };
  for (const row of rows)
    for (const c of order) {
      const cell = row * candidates.length + c;
      if (c !== last && success[cell] < skip) continue;
      sums.cost += costUsd[cell] / rows.length;
      if (c !== last && scores[cell] < accept) continue;
      sums.quality += quality[cell] / rows.length;
      break;
    }
  return sums;
}

/**
 * Asks whoever promises most for the cost, given the best answer there is, until nobody promises enough (cascade routing:
 * Dekoninck et al. 2025, arXiv 2410.10347). The best answer counts. @param times how many may be asked
 */
function byGain({ order, scores, set, success }: Known, rows: Int32Array, worth: number, times: number) {
  const { candidates, costUsd, quality } = set.matrix;
  const sums = { cost: 0, quality: 0 };
  for (const row of rows) {
    const at = row * candidates.length;
    const left = new Set(order);
    let [best, answer] = [0, -1];
    for (let asked = 0; asked < times; asked++) {
      let [next, gain] = [-1, asked === 0 ? Number.NEGATIVE_INFINITY : 0];
      for (const c of left) {
        const promised = success[at + c] * (1 - best) - (1000 * costUsd[at + c]) / worth;
        if (promised > gain) [next, gain] = [c, promised];
      }
      if (next === -1) break;
      left.delete(next);
      sums.cost += costUsd[at + next] / rows.length;
      if (answer === -1 || scores[at + next] > best) [best, answer] = [scores[at + next], next];
    }
    sums.quality += quality[at + answer] / rows.length;
  }
  return sums;
}
