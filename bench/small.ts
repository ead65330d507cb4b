import { readPrompt } from 'pointsman';
import { argMax, largest, smallest } from 'pointsman/internal';
import { parseTrainConfig } from '../training/config.ts';
import { openEmbedder } from '../training/embed/embedders.ts';
import { fitFeatures } from '../training/features/fit-features.ts';
import { foldHead, joinedHead, joinedLayer } from '../training/fit/fold-head.ts';
import { type Matrix, predictRows, takeRows } from '../training/fit/rows.ts';
import { trainMeans } from '../training/learners/learner.ts';
import { takePrompts } from '../training/outcomes/matrix.ts';
import { nameSplits, splitOutcomes } from '../training/split/split.ts';
import { fitTuned, tuneQuality } from '../training/train/quality.ts';
import { learnerData, outcomes, startRun } from '../training/train/training-run.ts';
import { atLeast, type BenchLine, meanOf, shown, skipped } from './bench-line.ts';
import { embedPrompts, type OutcomeSet, readOutcomeSet } from './outcome-sets.ts';
import { type SmallSet, smallSets } from './small-sets.ts';

/** Of five prompts to learn from, four to fit and one to calibrate on. */
const FIT_SHARE = 0.8;

/** More prompts to test on than these take their time. */
const MOST_TESTED = 800;

const SEEDS = [0, 1, 2, 3, 4];

/** How far below best single a set may be, and the mean of all. */
const WORST = -0.01;
const MEAN = -0.002;

/**
 * With little data, a router must not be worse than always using the candidate that was best on the prompts to learn from. The
 * constants of the guard were chosen on every second set; the others are the test of that choice.
 */
export async function benchSmall(onProgress: (what: string) => void): Promise<BenchLine[]> {
  const [nine, mmlu, gsm8k] = await Promise.all(
    ['llmrouter9', 'routellm-mmlu', 'answers-gsm8k'].map(readOutcomeSet),
  );
  if (nine === null || mmlu === null || gsm8k === null)
    return [skipped('no harm on little data', 'the public sets are not there')];
  const embeddings = new Map<OutcomeSet, Matrix>();
  for (const set of [nine, mmlu, gsm8k]) embeddings.set(set, await embedPrompts(set.matrix));
  const sets = smallSets(nine, mmlu, gsm8k);
  const changes: number[] = [];
  const lines: BenchLine[] = [];
  for (const set of sets) {
    const runs: SmallRun[] = [];
    for (const seed of SEEDS) {
      onProgress(`little data: ${set.name}, seed ${seed}`);
      runs.push(await runSmall(set, embeddings.get(set.from)!, seed));
    }
    const change = meanOf(runs.map(({ routed, single }) => routed - single));
    const hindsight = meanOf(runs.map(({ routed, best }) => routed - best));
    changes.push(change);
    const seeds = shown(runs.map(({ routed, single }) => routed - single));
    const note = `to the best on test rows ${hindsight.toFixed(4)}; seeds ${seeds}`;
    lines.push(atLeast(`no harm on little data: ${set.name}`, change, '', WORST, note));
  }
  const unseen = changes.filter((_, i) => i % 2 === 1);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const name = `little data, change to best single, mean of ${sets.length} sets`;
  return [
    atLeast(
      name,
      meanOf(changes),
      '',
      MEAN,
      `gains ${sum(changes.filter((x) => x > 0)).toFixed(4)}, losses ${sum(changes.filter((x) => x < 0)).toFixed(4)} in all`,
    ),
    atLeast(
      '  of those that nothing was chosen by',
      meanOf(unseen),
      '',
      MEAN,
      `worst ${smallest(unseen).toFixed(4)}`,
    ),
    ...lines,
  ];
}

/** Mean quality on the test prompts of a small set. */
interface SmallRun {
  /** Of whom the router chooses. */
  readonly routed: number;
  /** Of the best single candidate by the prompts to learn from. */
  readonly single: number;
  /** Of the best single candidate by the test prompts. */
  readonly best: number;
}

/** Trains the quality head as training does by default, and chooses by it; what does not change who is chosen is left out. */
async function runSmall(set: SmallSet, embeddings: Matrix, seed: number): Promise<SmallRun> {
  const { matrix, rows, groups, splits } = drawPrompts(set, seed);
  const config = parseTrainConfig({ seed });
  const { embedder } = await openEmbedder(config.embedder);
  const features = fitFeatures(
    matrix.prompts.map(({ request }) => readPrompt(request)),
    takeRows(embeddings, rows),
    splits.fit,
    { embedder: embedder.id, dimensions: embedder.dimensions, ngrams: { ...config.ngrams, seed } },
  );
  const onStep = () => {};
  const run = await startRun({ config, matrix, splits, groups, features, onStep });
  const data = learnerData(run);
  const fitted = await fitTuned(data, await tuneQuality(data, config.heads, onStep), onStep);
  const outputs = new Map(Object.entries(fitted.chains).map(([name, chain]) => [name, joinedLayer(chain)]));
  const head = joinedHead(foldHead(fitted.spec, outputs)!, features.matrix.columns);
  const said = predictRows(head, takeRows(features.matrix, splits.test.rows));
  const quality = takeRows(outcomes(matrix, matrix.quality), splits.test.rows);
  const means = trainMeans(data);
  const columns = means.length;
  const choices = Array.from({ length: quality.rows }, (_, row) =>
    argMax(means.map((mean, c) => mean + said.values[row * columns + c])),
  );
  const meanQuality = (of: (row: number) => number) =>
    meanOf(choices.map((_, row) => quality.values[row * columns + of(row)]));
  return {
    routed: meanQuality((row) => choices[row]),
    single: meanQuality(() => argMax(means)),
    best: largest(means.map((_, c) => meanQuality(() => c))),
  };
}

/** The prompts of one seed, and theirs alone: to fit, to calibrate and to test on, in this order. */
function drawPrompts(set: SmallSet, seed: number) {
  const fit = Math.round(FIT_SHARE * set.size);
  const calibrate = set.size - fit;
  const test = Math.min(MOST_TESTED, set.rows.length - set.size);
  const groups = set.rows.map((row) => set.from.groups.groups[row]);
  const { splits } = splitOutcomes(set.matrix, {
    sizes: { fit, calibrate, test },
    seed,
    groups: { ...set.from.groups, groups },
  });
  const parts = [splits.fit.rows, splits.calibrate.rows, splits.test.rows];
  const used = Int32Array.from(parts.flatMap((part) => [...part]));
  const places = Int32Array.from(used.keys());
  const [fitted, calibrated] = [parts[0].length, parts[0].length + parts[1].length];
  return {
    matrix: takePrompts(set.matrix, used),
    rows: used.map((row) => set.rows[row]),
    groups: used.map((row) => groups[row]),
    splits: nameSplits(places.slice(0, fitted), places.slice(fitted, calibrated), places.slice(calibrated)),
  };
}
