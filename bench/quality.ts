import { largest } from 'pointsman/internal';
import { bootstrapMeans } from '../training/evaluate/compare.ts';
import type { Evaluation } from '../training/evaluate/evaluation.ts';
import { atLeast, atMost, type BenchLine, meanOf, plain, shown, skipped } from './bench-line.ts';
import { type OutcomeSet, readOutcomeFile, readOutcomeSet } from './outcome-sets.ts';
import { type TrainedOnce, trainOnce } from './train-once.ts';

const SEEDS = [0, 1, 2, 3, 4];

export interface QualityOptions {
  /** Another table in the same shape, to be measured as `llmrouter9` is. */
  readonly file?: string;
  readonly onProgress?: (what: string) => void;
}

/** Quality on the public sets: five seeds each, the mean of the five. */
export async function benchQuality({
  file,
  onProgress = () => {},
}: QualityOptions = {}): Promise<BenchLine[]> {
  if (file !== undefined) return routedLines(await readOutcomeFile(file, file), onProgress, null);
  const lines: BenchLine[] = [];
  const mmlu = await readOutcomeSet('routellm-mmlu');
  if (mmlu === null) lines.push(skipped('APGR, routellm-mmlu', 'routellm-mmlu.jsonl.gz is not there'));
  else
    for (const [fit, calibrate, apgr, ece] of [
      [1500, 375, 0.65, 0.03],
      [7000, 1750, 0.71, 0.02],
      [1200, 300, null, null],
    ] as const)
      lines.push(...(await gapLines(mmlu, { fit, calibrate }, apgr, ece, onProgress)));
  const nine = await readOutcomeSet('llmrouter9');
  if (nine === null) lines.push(skipped('routed quality, llmrouter9', 'llmrouter9.jsonl.gz is not there'));
  else lines.push(...(await routedLines(nine, onProgress, 0.655)));
  return lines;
}

/** APGR and calibration of the two candidates of `routellm-mmlu`, with so many prompts to fit and to calibrate. */
async function gapLines(
  { name, matrix, groups }: OutcomeSet,
  sizes: { readonly fit: number; readonly calibrate: number },
  apgrTarget: number | null,
  eceTarget: number | null,
  onProgress: (what: string) => void,
): Promise<BenchLine[]> {
  const evaluations: Evaluation[] = [];
  for (const seed of SEEDS) {
    onProgress(`${name}, ${sizes.fit} to fit, seed ${seed}`);
    evaluations.push((await trainOnce(matrix, groups, sizes, seed)).trained.evaluation);
  }
  const seeds = (read: (evaluation: Evaluation) => number | null | undefined) =>
    evaluations.map((evaluation) => read(evaluation) ?? Number.NaN);
  const apgr = seeds((e) => e.strongWeak?.router.apgr.estimate);
  const task = seeds((e) => e.strongWeak?.task?.apgr.estimate);
  const share = seeds((e) => e.strongWeak?.router.shareFor95.estimate);
  const note = `${sizes.calibrate} to calibrate, the rest to test; seeds ${shown(apgr)}`;
  const title = `APGR, ${name}, ${sizes.fit} rows to fit`;
  const lines = [
    apgrTarget === null
      ? plain(title, meanOf(apgr), '', note)
      : atLeast(title, meanOf(apgr), '', apgrTarget, note),
    plain(`  ranking by the true subject's mean gap`, meanOf(task), '', `seeds ${shown(task)}`),
    plain('  strong share that reaches 95 % of its quality', meanOf(share), '', `seeds ${shown(share)}`),
    plain('  50 % of the gap: CPT(50)', meanOf(seeds((e) => e.strongWeak?.router.cpt50.estimate)), '', ''),
    plain('  80 % of the gap: CPT(80)', meanOf(seeds((e) => e.strongWeak?.router.cpt80.estimate)), '', ''),
  ];
  matrix.candidates.forEach((candidate, c) => {
    const ece = seeds((e) => e.calibration.success[c]?.ece10);
    const [what, how] = [`  ECE of ${candidate}`, `ten bins of equal mass, seeds ${shown(ece)}`];
    lines.push(
      eceTarget === null ? plain(what, meanOf(ece), '', how) : atMost(what, meanOf(ece), '', eceTarget, how),
    );
  });
  return lines;
}

/** Routed quality beside best single and kNN, 70 / 30; fit and calibrate together are the 70. */
async function routedLines(
  { name, matrix, groups }: OutcomeSet,
  onProgress: (what: string) => void,
  target: number | null,
): Promise<BenchLine[]> {
  const runs: TrainedOnce[] = [];
  for (const seed of SEEDS) {
    onProgress(`${name}, seed ${seed}`);
    runs.push(await trainOnce(matrix, groups, { fit: 0.56, calibrate: 0.14, test: 0.3 }, seed));
  }
  const quality = (id: string) =>
    runs.map(
      ({ trained }) => trained.evaluation.strategies.find((c) => c.id === id)?.quality.estimate ?? Number.NaN,
    );
  const routed = quality('router');
  const lines = [
    target === null
      ? plain(`routed quality, ${name}`, meanOf(routed), '', `seeds ${shown(routed)}`)
      : atLeast(
          `routed quality, ${name}`,
          meanOf(routed),
          '',
          target,
          `56 / 14 / 30 %, seeds ${shown(routed)}`,
        ),
  ];
  for (const [id, label] of [
    ['bestSingle', 'best single'],
    ['nearest', 'kNN, k = 40'],
    ['told', 'told the task'],
    ['task', 'best per task, which is told it, too'],
    ['oracle', 'oracle'],
  ] as const)
    lines.push(plain(`  ${label}`, meanOf(quality(id)), '', `seeds ${shown(quality(id))}`));
  const [low, estimate, high] = pooledDifference(runs, groups.groups);
  lines.push({
    name: '  difference to kNN, low end of its 95 % interval',
    value: low,
    unit: '',
    target: target === null ? null : '> 0',
    met: target === null ? null : low > 0,
    note: `${estimate.toFixed(4)}, to ${high.toFixed(4)}; five seeds pooled, resampled by prompt group`,
  });
  const eces = matrix.candidates.map((_, c) =>
    meanOf(runs.map(({ trained }) => trained.evaluation.calibration.success[c]?.ece10 ?? Number.NaN)),
  );
  lines.push(
    plain('  ECE, mean over candidates', meanOf(eces), '', `worst ${largest(eces).toFixed(4)}, ten bins`),
  );
  return lines;
}

/** Router minus kNN on every test row of every seed; rows of one near-duplicate group are resampled together. */
function pooledDifference(runs: readonly TrainedOnce[], groups: Int32Array): [number, number, number] {
  const differences: number[] = [];
  const clusters: number[] = [];
  for (const { differenceToNearest, splits } of runs) {
    splits.test.rows.forEach((row, i) => {
      differences.push(differenceToNearest[i]);
      clusters.push(groups[row]);
    });
  }
  const [interval] = bootstrapMeans([differences], { clusters: Int32Array.from(clusters), seed: 0 });
  return [interval.low ?? Number.NaN, interval.estimate ?? Number.NaN, interval.high ?? Number.NaN];
}
