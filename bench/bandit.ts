import { readPrompt } from 'pointsman';
import {
  argMax,
  createCalibrator,
  createHead,
  createRandom,
  mean,
  readKnnHead,
  readLayersModel,
} from 'pointsman/internal';
import { parseTrainConfig, type TrainConfig, type TrainConfigInput } from '../training/config.ts';
import { openEmbedder } from '../training/embed/embedders.ts';
import { type FittedFeatures, fitFeatures } from '../training/features/fit-features.ts';
import { predictRows, takeRows } from '../training/fit/rows.ts';
import type { OutcomeMatrix } from '../training/outcomes/matrix.ts';
import { nameSplits, type Splits, splitOutcomes } from '../training/split/split.ts';
import { finishHeads, learnHeads } from '../training/train/heads.ts';
import type { LogReport } from '../training/train/logged.ts';
import { startRun } from '../training/train/training-run.ts';
import { toBanditLog } from './bandit-log.ts';
import { atLeast, type BenchLine, plain, shown, skipped } from './bench-line.ts';
import { byHardness, byLength, severalAnswers } from './logging-policies.ts';
import { embedPrompts, type OutcomeSet, readOutcomeSet } from './outcome-sets.ts';

const SEEDS = [0, 1, 2, 3, 4];
const SIZES = { fit: 0.56, calibrate: 0.14, test: 0.3 };
/** Of the gain over best single that the whole table gives. */
const TARGET_SHARE = 0.9;

/** One seed: its split, and features features on it, whoever answers. */
export interface Prepared {
  readonly seed: number;
  readonly splits: Splits;
  readonly features: FittedFeatures;
}

/** What the table is turned into before it is learned from. */
interface Setting {
  readonly name: string;
  readonly log: (matrix: OutcomeMatrix, seed: number) => OutcomeMatrix;
  readonly thin?: boolean;
  /** Whether every way to learn from it is shown, beside the one that chooses itself. */
  readonly compare?: boolean;
}

const SETTINGS: readonly Setting[] = [
  { name: 'one candidate a prompt, uniform', log: (matrix, seed) => toBanditLog(matrix, { seed }) },
  { name: 'as many outcomes, of a ninth of the prompts', log: (matrix) => matrix, thin: true },
  { name: 'three candidates a prompt, uniform', log: (matrix, seed) => severalAnswers(matrix, 3, seed) },
  { name: 'five candidates a prompt, uniform', log: (matrix, seed) => severalAnswers(matrix, 5, seed) },
  {
    name: 'one, longer prompts to better candidates',
    log: (matrix, seed) => toBanditLog(matrix, { seed, policy: byLength(matrix) }),
    compare: true,
  },
  {
    name: 'one, harder prompts to better candidates',
    log: (matrix, seed) => toBanditLog(matrix, { seed, policy: byHardness(matrix) }),
    compare: true,
  },
  {
    name: 'the same, propensities not logged',
    log: (matrix, seed) => toBanditLog(matrix, { seed, policy: byHardness(matrix), keepPropensities: false }),
  },
];

type Method = Exclude<TrainConfig['offPolicy']['weights'], 'auto'>;

const METHODS: Readonly<Record<Method, string>> = {
  none: 'all outcomes alike',
  ipw: 'inverse propensity weights',
  doublyRobust: 'doubly robust scores',
};

/**
 * What is learned from a log with one candidate a prompt, beside what is learned from the whole table: quality on the
 * test prompts of `llmrouter9`, of which everything is known, routed to the candidate of highest expected quality.
 */
export async function benchBandit({
  onProgress = () => {},
}: {
  readonly onProgress?: (what: string) => void;
} = {}): Promise<BenchLine[]> {
  const set = await readOutcomeSet('llmrouter9');
  if (set === null) return [skipped('bandit log', 'llmrouter9.jsonl.gz is not there')];
  const prepared = await prepare(set);
  const single = prepared.map(({ splits }) => bestSingle(set.matrix, splits));
  const full: number[] = [];
  for (const one of prepared) {
    full.push((await learn(set, set.matrix, one, {})).quality);
    onProgress(`bandit: the whole table, seed ${one.seed}: ${full.at(-1)!.toFixed(4)}`);
  }
  const share = (qualities: readonly number[]) =>
    (mean(qualities) - mean(single)) / (mean(full) - mean(single));
  const lines = [
    plain(
      'bandit: best single, by the whole table',
      mean(single),
      '',
      `56 / 14 / 30 %, seeds ${shown(single)}`,
    ),
    plain('bandit: routed quality, the whole table', mean(full), '', `seeds ${shown(full)}`),
  ];
  for (const setting of SETTINGS) {
    const runs = await learnAll(set, prepared, setting, onProgress);
    for (const [method, { qualities, logs }] of runs) {
      const value = share(qualities);
      const note = `share of the gain; quality ${mean(qualities).toFixed(4)}, seeds ${shown(qualities)}${told(logs)}`;
      if (setting === SETTINGS[0])
        lines.push(atLeast(`bandit: ${setting.name}`, value, '', TARGET_SHARE, note));
      else
        lines.push(
          plain(method === 'auto' ? `bandit: ${setting.name}` : `  ${METHODS[method]}`, value, '', note),
        );
    }
  }
  return lines;
}

export async function prepare({ matrix, groups }: OutcomeSet): Promise<Prepared[]> {
  const config = parseTrainConfig({});
  const { embedder } = await openEmbedder(config.embedder);
  const prompts = matrix.prompts.map(({ request }) => readPrompt(request));
  const embeddings = await embedPrompts(matrix);
  return SEEDS.map((seed) => {
    const { splits } = splitOutcomes(matrix, { sizes: SIZES, seed, groups });
    const features = fitFeatures(prompts, embeddings, splits.fit, {
      embedder: embedder.id,
      dimensions: embedder.dimensions,
      ngrams: { ...config.ngrams, seed },
    });
    return { seed, splits, features };
  });
}

interface Runs {
  readonly qualities: number[];
  readonly logs: LogReport[];
}

/** Learns from a setting by the method that chooses itself, and by every other where they are to be compared. */
async function learnAll(
  set: OutcomeSet,
  prepared: readonly Prepared[],
  { name, log, thin = false, compare = false }: Setting,
  onProgress: (what: string) => void,
): Promise<ReadonlyMap<Method | 'auto', Runs>> {
  const methods = compare ? (['auto', 'none', 'ipw', 'doublyRobust'] as const) : (['auto'] as const);
  const runs = new Map<Method | 'auto', Runs>(methods.map((method) => [method, { qualities: [], logs: [] }]));
  for (const one of prepared) {
    const own = thin ? { ...one, splits: thinned(one.splits, set.matrix.candidates.length, one.seed) } : one;
    const table = log(set.matrix, one.seed);
    let chosen: Awaited<ReturnType<typeof learn>> | undefined;
    for (const method of methods) {
      // The method that chose itself has been run.
      const learned =
        chosen?.log?.method === method
          ? chosen
          : await learn(set, table, own, { offPolicy: { weights: method } });
      if (method === 'auto') chosen = learned;
      runs.get(method)!.qualities.push(learned.quality);
      onProgress(`bandit: ${name}, ${method}, seed ${one.seed}: ${learned.quality.toFixed(4)}`);
      if (learned.log !== null) runs.get(method)!.logs.push(learned.log);
    }
  }
  return runs;
}

/**
 * Fits and calibrates the heads on what the log holds, and measures on the whole table.
 * @param truth row of the table for each test prompt @default the same
 */
export async function learn(
  { matrix, groups }: Pick<OutcomeSet, 'groups' | 'matrix'>,
  log: OutcomeMatrix,
  { seed, splits, features }: Prepared,
  input: TrainConfigInput,
  truth = splits.test.rows,
): Promise<{ quality: number; log: LogReport | null }> {
  const run = await startRun({
    config: { ...parseTrainConfig(input), seed },
    matrix: log,
    splits,
    groups: groups.groups,
    features,
    onStep: () => {},
  });
  const { heads, model, files, ...learned } = await finishHeads(run, await learnHeads(run));
  const head = createHead(heads.success.head, {
    layers: readLayersModel(
      JSON.parse(new TextDecoder().decode(files.get(model.topology))),
      files.get(model.weights)!,
    ),
    file: (path) => files.get(path)!,
    knn: readKnnHead,
  });
  const calibrators = heads.success.calibrators.map(createCalibrator);
  const logits = predictRows(head, takeRows(features.matrix, splits.test.rows));
  const { columns } = logits;
  const qualities = Array.from(truth, (row, i) => {
    const own = logits.values.subarray(i * columns, (i + 1) * columns);
    return matrix.quality[row * columns + argMax(calibrators.map((c, k) => c.probability(own[k])))];
  });
  return { quality: mean(qualities), log: learned.log };
}

/** Quality on the test rows of the candidate that is best on all others. */
export function bestSingle({ candidates, quality }: OutcomeMatrix, { fit, calibrate, test }: Splits): number {
  const meanOf = (rows: ArrayLike<number>, c: number) =>
    mean(Array.from(rows, (row) => quality[row * candidates.length + c]));
  const known = [...fit.rows, ...calibrate.rows];
  return meanOf(test.rows, argMax(candidates.map((_, c) => meanOf(known, c))));
}

/** One row in `parts` of those to fit and of those to calibrate, by chance. */
function thinned({ fit, calibrate, test }: Splits, parts: number, seed: number): Splits {
  const random = createRandom(seed);
  const some = (rows: Int32Array) => {
    const order = random.shuffle(rows.slice());
    return order.slice(0, Math.round(rows.length / parts)).sort();
  };
  return nameSplits(some(fit.rows), some(calibrate.rows), test.rows);
}

function told(logs: readonly LogReport[]): string {
  if (logs.length === 0) return '';
  const methods = [...new Set(logs.map(({ method }) => method))].join(', ');
  const [outcomes, effective] = [
    mean(logs.map((log) => log.outcomes)),
    mean(logs.map((log) => log.effectiveOutcomes)),
  ];
  return `; ${methods}; ${outcomes.toFixed(0)} outcomes, worth ${effective.toFixed(0)} by inverse propensity`;
}
