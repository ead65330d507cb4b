import { createRandom } from 'pointsman/internal';
import { tuneForLoss } from '../training/tune/guarantee.ts';
import {
  cascadeFamily,
  measureSetting,
  type RoutingFamily,
  type TuningRows,
  thresholdFamily,
} from '../training/tune/settings.ts';
import { atLeast, type BenchLine, skipped } from './bench-line.ts';
import { type OutcomeSet, readOutcomeSet } from './outcome-sets.ts';
import { trainOnce } from './train-once.ts';

const LABELS = 4_000;
const SPLITS = 100;
const EPSILON = 0.02;
const DELTA = 0.1;

/** Whether a tuned quality loss is kept, and what it saves: a trained router, 100 random halves of unseen prompts. */
export async function benchGuarantee(onProgress: (what: string) => void = () => {}): Promise<BenchLine[]> {
  const set = await readOutcomeSet('routellm-mmlu');
  if (set === null)
    return [skipped('quality loss kept, routellm-mmlu', 'routellm-mmlu.jsonl.gz is not there')];
  onProgress(`routellm-mmlu, ${LABELS} labels`);
  const rows = await unseenRows(set);
  const strong = set.matrix.candidates.indexOf('gpt-4-1106-preview');
  const cheap = 1 - strong;
  return [
    ...simulate('threshold', thresholdFamily(cheap, strong), rows, onProgress),
    ...simulate('cascade', cascadeFamily([cheap, strong]), rows, onProgress),
  ];
}

/** What the router says of the prompts that it was neither fitted nor calibrated on. */
async function unseenRows({ matrix, groups }: OutcomeSet): Promise<TuningRows> {
  const sizes = { fit: LABELS * 0.8, calibrate: LABELS * 0.2 };
  const { trained, splits } = await trainOnce(matrix, groups, sizes, 0);
  const columns = matrix.candidates.length;
  const gather = (values: Float32Array) =>
    Float32Array.from(
      { length: splits.test.rows.length * columns },
      (_, i) => values[splits.test.rows[Math.floor(i / columns)] * columns + (i % columns)],
    );
  return {
    columns,
    quality: gather(matrix.quality),
    costUsd: gather(matrix.costUsd),
    success: Float32Array.from(trained.predictions.success),
    groups: splits.test.rows.map((row) => groups.groups[row]),
  };
}

function simulate(
  name: string,
  family: RoutingFamily,
  rows: TuningRows,
  onProgress: (what: string) => void,
): BenchLine[] {
  const count = rows.quality.length / rows.columns;
  const random = createRandom(1);
  const sums = { held: 0, saved: 0, ofHindsight: 0, loss: 0 };
  for (let split = 0; split < SPLITS; split++) {
    onProgress(`${name}, split ${split + 1} of ${SPLITS}`);
    const order = random.shuffle(Int32Array.from({ length: count }, (_, i) => i));
    const tune = take(rows, order.subarray(0, count >> 1));
    const check = take(rows, order.subarray(count >> 1));
    const dial = tuneForLoss(family, tune, { maxQualityLoss: EPSILON, delta: DELTA, seed: split });
    const { loss, strongShare } = measureSetting(family, dial ?? family.dials[0], check);
    if (loss <= EPSILON) sums.held++;
    sums.saved += 1 - strongShare;
    sums.loss += loss;
    sums.ofHindsight += (1 - strongShare) / bestSaving(family, check);
  }
  const note = `ε = ${EPSILON}, δ = ${DELTA}; ${LABELS} labels, tuned on ${count >> 1} others, checked on the rest`;
  const saved = { unit: '%', target: null, met: null, note: `mean loss ${(sums.loss / SPLITS).toFixed(4)}` };
  return [
    atLeast(`splits of 100 that keep to the loss, ${name}`, sums.held, '', 90, note),
    atLeast(
      `  saving, of the best setting's in hindsight`,
      sums.ofHindsight / SPLITS,
      '',
      0.7,
      'mean of the splits',
    ),
    { name: '  calls to the strong candidate saved', value: (100 * sums.saved) / SPLITS, ...saved },
  ];
}

/** The most that any setting saves on these very rows within the loss. */
function bestSaving(family: RoutingFamily, rows: TuningRows): number {
  let best = 0;
  for (const dial of family.dials) {
    const { loss, strongShare } = measureSetting(family, dial, rows);
    if (loss <= EPSILON) best = Math.max(best, 1 - strongShare);
  }
  return best;
}

function take({ columns, quality, costUsd, success, groups }: TuningRows, rows: Int32Array): TuningRows {
  const gather = (values: Float32Array) => {
    const out = new Float32Array(rows.length * columns);
    rows.forEach((row, i) => {
      out.set(values.subarray(row * columns, (row + 1) * columns), i * columns);
    });
    return out;
  };
  return {
    columns,
    quality: gather(quality),
    costUsd: gather(costUsd),
    success: gather(success),
    groups: rows.map((row) => groups[row]),
  };
}
