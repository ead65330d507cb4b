import { createRouter, memoryFiles, type Router, readArtifact, readPrompt } from 'pointsman';
import {
  argMax,
  readFeatures,
  readUncertainty,
  type SyncEmbedder,
  sigmoid,
  type UncertaintySpec,
} from 'pointsman/internal';
import { parseTrainConfig } from '../training/config.ts';
import { openEmbedder } from '../training/embed/embedders.ts';
import { type Splits, splitOutcomes } from '../training/split/split.ts';
import type { TrainedRouter } from '../training/train/train-router.ts';
import { type BenchLine, meanOf, plain, shown, skipped } from './bench-line.ts';
import { type OutcomeSet, readOutcomeSet } from './outcome-sets.ts';
import { trainOn } from './train-once.ts';

const SEEDS = [0, 1, 2];

/** Half the width of a 90 % interval, in standard errors. */
const Z90 = 1.6449;

/** Rows of the part that is learned from first, and of the whole. */
const SETS = [
  { name: 'llmrouter9', part: { fit: 800, calibrate: 200 }, whole: { fit: 3140, calibrate: 785 } },
  { name: 'routellm-mmlu', part: { fit: 1500, calibrate: 375 }, whole: { fit: 7000, calibrate: 1750 } },
] as const;

/**
 * How often 90 % intervals hold what they are about. A fit on a part says where a fit on the whole will be: of posterior means the
 * later one is normal around the earlier one, with the difference of their variances, both by what the part says of the prior: the later
 * fit has found another one, and the difference of two priors says nothing. And both say what groups of test prompts will score on
 * average, by tasks and by tenths of what was expected, with the noise of the outcomes on top.
 */
export async function benchUncertainty(onProgress: (what: string) => void): Promise<BenchLine[]> {
  const lines: BenchLine[] = [];
  for (const { name, part, whole } of SETS) {
    const set = await readOutcomeSet(name);
    if (set === null) {
      lines.push(skipped(`90 % intervals, ${name}`, `${name}.jsonl.gz is not there`));
      continue;
    }
    const seeds: SeedCoverage[] = [];
    for (const seed of SEEDS) {
      onProgress(`${name}, seed ${seed}`);
      seeds.push(await coverageOfSeed(set, part, whole, seed));
    }
    const line = (what: string, read: (coverage: SeedCoverage) => number, note = '') =>
      lines.push(plain(what, meanOf(seeds.map(read)), '', `seeds ${shown(seeds.map(read))}${note}`));
    const rows = `${part.fit} rows to fit, then ${whole.fit}`;
    line(`coverage of 90 % intervals, ${name}: a later fit`, (c) => c.refit, `; ${rows}`);
    line('  difference between two candidates', (c) => c.difference);
    line('  mean outcome of a task', (c) => c.tasks, '; each candidate, tasks of 20 test prompts or more');
    line('  the same without standard errors, by noise alone', (c) => c.tasksByNoise);
    line('  mean outcome of a tenth of the test prompts', (c) => c.tenths, '; by what was expected');
    line('  mean standard error of a success probability', (c) => c.standardError);
    line('  mean standard error of a difference', (c) => c.differenceError);
    line('  scale of the variance: difficulty', (c) => c.scales.difficulty);
    line('  scale of the variance: advantage', (c) => c.scales.advantage);
    line('  bytes of the file', (c) => c.bytes);
  }
  return lines;
}

interface SeedCoverage {
  readonly refit: number;
  readonly difference: number;
  readonly tasks: number;
  readonly tasksByNoise: number;
  readonly tenths: number;
  readonly standardError: number;
  readonly differenceError: number;
  readonly scales: { readonly difficulty: number; readonly advantage: number };
  readonly bytes: number;
}

interface Sizes {
  readonly fit: number;
  readonly calibrate: number;
}

async function coverageOfSeed(
  { matrix, groups }: OutcomeSet,
  part: Sizes,
  whole: Sizes,
  seed: number,
): Promise<SeedCoverage> {
  const { splits } = splitOutcomes(matrix, { sizes: whole, seed, groups });
  const share = (rows: Int32Array, count: number) => rows.filter((_, i) => (i * count) % rows.length < count);
  const smaller: Splits = {
    ...splits,
    fit: { ...splits.fit, rows: share(splits.fit.rows, part.fit) },
    calibrate: { ...splits.calibrate, rows: share(splits.calibrate.rows, part.calibrate) },
  };
  const config = { uncertainty: true };
  const early = await unsureRows(
    await trainOn(matrix, groups, smaller, seed, config),
    matrix,
    splits.test.rows,
    whole.fit / part.fit,
  );
  const late = (await trainOn(matrix, groups, splits, seed)).predictions.success;
  const columns = matrix.candidates.length;
  const [refit, difference] = [new Share(), new Share()];
  let [errors, differenceErrors] = [0, 0];
  early.rows.forEach((before, i) => {
    const after = late.subarray(i * columns, (i + 1) * columns);
    const single = argMax(matrix.candidates.map((_, c) => early.means[c]));
    for (let c = 0; c < columns; c++) {
      const left = before.variances[c] - before.later.variances[c];
      if (left > 0) refit.add(Math.abs(after[c] - before.success[c]) <= Z90 * Math.sqrt(left));
      errors += Math.sqrt(before.variances[c]);
      if (c === single) continue;
      const apart = before.differences[c] - before.later.differences[c];
      const moved = after[c] - after[single] - (before.success[c] - before.success[single]);
      if (apart > 0) difference.add(Math.abs(moved) <= Z90 * Math.sqrt(apart));
      differenceErrors += Math.sqrt(before.differences[c]) / (columns - 1);
    }
  });
  const tasks = new Share();
  const byNoise = new Share();
  const tenths = new Share();
  for (let c = 0; c < columns; c++) {
    const outcome = (i: number) => matrix.quality[splits.test.rows[i] * columns + c];
    const known = early.rows.map((_, i) => i).filter((i) => !Number.isNaN(outcome(i)));
    const isInside = (some: readonly number[], withErrors: boolean) => {
      const [expected, seen] = [meanOf(some.map((i) => early.rows[i].success[c])), meanOf(some.map(outcome))];
      const noise = some.reduce(
        (sum, i) => sum + early.rows[i].success[c] * (1 - early.rows[i].success[c]),
        0,
      );
      const variance = noise / some.length ** 2 + (withErrors ? early.varianceOfMean(some, c) : 0);
      return Math.abs(seen - expected) <= Z90 * Math.sqrt(variance);
    };
    const taskOf = (i: number) => matrix.prompts[splits.test.rows[i]].task;
    for (const task of new Set(known.map(taskOf))) {
      const some = known.filter((i) => taskOf(i) === task);
      if (task === null || some.length < 20) continue;
      tasks.add(isInside(some, true));
      byNoise.add(isInside(some, false));
    }
    const sorted = known.sort((a, b) => early.rows[a].success[c] - early.rows[b].success[c]);
    for (let tenth = 0; tenth < 10; tenth++) {
      const at = (share: number) => Math.floor((share * sorted.length) / 10);
      tenths.add(isInside(sorted.slice(at(tenth), at(tenth + 1)), true));
    }
  }
  return {
    refit: refit.value,
    difference: difference.value,
    tasks: tasks.value,
    tasksByNoise: byNoise.value,
    tenths: tenths.value,
    standardError: errors / (early.rows.length * columns),
    differenceError: differenceErrors / early.rows.length,
    scales: early.scales,
    bytes: early.bytes,
  };
}

/** Counts how often. */
class Share {
  #inside = 0;
  #all = 0;

  add(isInside: boolean): void {
    this.#all++;
    if (isInside) this.#inside++;
  }

  get value(): number {
    return this.#inside / this.#all;
  }
}

interface Variances {
  readonly variances: readonly number[];
  readonly differences: readonly number[];
}

/** What a router says of prompts, and how unsure it is. @param times as many outcomes would leave it as unsure as `later` says */
async function unsureRows(
  { artifact: { files, manifest } }: TrainedRouter,
  matrix: OutcomeSet['matrix'],
  rows: Int32Array,
  times = 1,
) {
  const artifact = await readArtifact(memoryFiles(files), { uncertainty: true });
  const { embedder } = await openEmbedder(parseTrainConfig({}).embedder);
  const spec = manifest.uncertainty!;
  const { advantage, difficulty } = spec;
  const withMore: UncertaintySpec = {
    ...spec,
    difficulty: { ...difficulty, outcomes: times * difficulty.outcomes },
    advantage: { ...advantage, outcomes: advantage.outcomes.map((outcomes) => times * outcomes) },
  };
  const reader = readUncertainty(
    withMore,
    manifest.features.length,
    manifest.candidates.length,
    artifact.file(spec.file),
  );
  const router = createRouter(artifact, { embedder });
  const later = createRouter({ ...artifact, uncertainty: reader }, { embedder });
  const extractor = readFeatures(manifest.features, artifact.file);
  const vector = new Float32Array(embedder.dimensions);
  const columns = matrix.candidates.length;
  const features: Float32Array[] = [];
  const found: (Variances & { readonly success: Float64Array; readonly later: Variances })[] = [];
  const names = manifest.candidates.map(({ name }) => name);
  const means = manifest.candidates.map(({ meanQuality }) => meanQuality ?? Number.NaN);
  const single = names[argMax(means)];
  for (const row of rows) {
    const { request } = matrix.prompts[row];
    const prompt = readPrompt(request);
    (embedder as SyncEmbedder).embedInto(prompt.text, vector);
    const extracted = new Float32Array(manifest.features.length);
    extractor.extractInto(prompt, vector, extracted);
    features.push(extracted);
    // The errors of differences are those to the first, which is to be the same at every row.
    const limits = { allow: [single] };
    const ask = (one: Router) => {
      const { predictions } = one.routeEmbedding(vector, request, { uncertainty: true, limits });
      const byName = new Map(predictions.map((prediction) => [prediction.candidate, prediction]));
      const each = names.map((name) => byName.get(name)!);
      return {
        success: Float64Array.from(each, ({ successProbability }) => successProbability),
        variances: each.map(({ standardError }) => standardError! ** 2),
        differences: each.map(({ differenceError }) => differenceError! ** 2),
      };
    };
    found.push({ ...ask(router), later: ask(later) });
  }
  const plainly = {
    scores: new Float64Array(columns),
    calibrators: names.map(() => ({ probability: sigmoid })),
  };
  const { uncertainty } = (manifest.provenance.config as { chosen: { uncertainty: SeedCoverage['scales'] } })
    .chosen;
  return {
    rows: found,
    means,
    scales: uncertainty,
    bytes: files.get(manifest.uncertainty!.file)!.length,
    /** The mean of predictions is that for the mean of the features. */
    varianceOfMean(some: readonly number[], candidate: number): number {
      const middle = new Float32Array(manifest.features.length);
      for (const i of some) for (let k = 0; k < middle.length; k++) middle[k] += features[i][k] / some.length;
      return artifact.uncertainty!.read(middle, plainly).standardError(candidate) ** 2;
    },
  };
}
