import { costQualityHull, mixAtCost } from '../training/evaluate/metrics.ts';
import { splitOutcomes } from '../training/split/split.ts';
import { type AnsweredSet, calibrate, fitOnAnswers, sampleAnswers } from './answered-set.ts';
import type { BenchLine } from './bench-line.ts';

const PROMPTS = 2_000;
const SIZES = { fit: 0.56, calibrate: 0.14, test: 0.3 };
const SEED = 0;
/** Thresholds of what is expected before a candidate is asked, and of its answer after. */
const DIALS = Array.from({ length: 41 }, (_, i) => i / 40);
const COSTS = 20;

/** A cascade: whom to skip, and whose answer to accept. */
interface Setting {
  readonly minSuccess: number;
  readonly accept: number;
}

/**
 * Cascades over the sample traffic's eight programs that judge by the prompt alone, and that judge answers too. For each of
 * 20 costs both are set on the prompts that were learned from, by what was said of them out of fold, and measured on the others.
 */
export async function benchSolvers(): Promise<BenchLine[]> {
  const set = await sampleAnswers(PROMPTS);
  const { matrix } = set;
  const order = byCost(set);
  const { splits } = splitOutcomes(matrix, { sizes: SIZES, seed: SEED, groups: set.groups });
  const read = await fitOnAnswers(set, splits.fit.rows, order, SEED);
  const expected = calibrate(set, read.promptLogits, splits.calibrate.rows, SEED);
  const calibrator = calibrate(set, read.logits, splits.calibrate.rows, SEED);
  const success = read.promptLogits.map((logit) => expected.probability(logit));
  // By themselves: who was asked before depends on the setting.
  const scores = read.logits.map((logit, cell) =>
    set.answers[cell] === null ? 0 : calibrator.probability(logit),
  );
  const ask = (rows: Int32Array, setting: Setting) => cascade(set, rows, order, success, scores, setting);
  const byPrompt = DIALS.map((minSuccess) => ({ minSuccess, accept: 0 }));
  const byAnswer = DIALS.flatMap((minSuccess) => DIALS.map((accept) => ({ minSuccess, accept })));
  const measure = (settings: readonly Setting[]) =>
    settings.map((setting) => ({ setting, ...ask(splits.fit.rows, setting) }));
  const [prompt, answer] = [measure(byPrompt), measure(byAnswer)];
  const [least, most] = [prompt[0].cost, prompt[prompt.length - 1].cost].sort((a, b) => a - b);
  const gains = Array.from({ length: COSTS }, (_, i) => {
    const budget = least + ((most - least) * (i + 1)) / COSTS;
    return qualityAt(answer, budget) - qualityAt(prompt, budget);
  });
  const note = `quality, at ${COSTS} costs up to USD ${(1000 * most).toFixed(3)} a 1,000 prompts; ${PROMPTS} prompts of the sample traffic`;
  const lowest = gains.reduce((a, b) => Math.min(a, b));
  return [
    {
      name: 'cascade on answers less cascade on prompts, lowest gain',
      value: lowest,
      unit: '',
      target: '≥ 0',
      met: lowest >= 0,
      note,
    },
    {
      name: '  mean gain',
      value: gains.reduce((a, b) => a + b) / COSTS,
      unit: '',
      target: null,
      met: null,
      note: gains.map((gain) => gain.toFixed(3)).join(' '),
    },
  ];

  /** Quality on the test prompts of the mixture of settings that was best at this cost on the others. */
  function qualityAt(measured: ReturnType<typeof measure>, budget: number): number {
    const hull = costQualityHull(measured);
    const shares = mixAtCost(hull, budget);
    return hull.reduce(
      (sum, { setting }, i) => sum + shares[i] * (shares[i] > 0 ? ask(splits.test.rows, setting).quality : 0),
      0,
    );
  }
}

function byCost({ matrix: { candidates, costUsd } }: AnsweredSet): number[] {
  const sums = candidates.map(() => 0);
  costUsd.forEach((cost, cell) => {
    sums[cell % candidates.length] += cost;
  });
  return [...sums.keys()].sort((a, b) => sums[a] - sums[b]);
}

/** Mean cost and quality. The last candidate is asked where nobody else will do. */
function cascade(
  { matrix }: AnsweredSet,
  rows: Int32Array,
  order: readonly number[],
  success: Float32Array,
  scores: Float32Array,
  { accept, minSuccess }: Setting,
): { cost: number; quality: number } {
  const columns = matrix.candidates.length;
  const last = order[order.length - 1];
  let [cost, quality] = [0, 0];
  for (const row of rows)
    for (const c of order) {
      const cell = row * columns + c;
      if (c !== last && success[cell] < minSuccess) continue;
      cost += matrix.costUsd[cell];
      if (c !== last && scores[cell] < accept) continue;
      quality += matrix.quality[cell];
      break;
    }
  return { cost: cost / rows.length, quality: quality / rows.length };
}
