import { createRandom, mean, softmaxInto } from 'pointsman/internal';
import { type Matrix, takeRows } from '../training/fit/rows.ts';
import {
  ESTIMATORS,
  type EstimatorId,
  type LoggedTable,
  policyScores,
  type TargetPolicy,
} from '../training/off-policy/estimate.ts';
import { loggingPropensities } from '../training/off-policy/propensities.ts';
import { doubtTable, scoreDoubt, scoreInterval } from '../training/off-policy/score-interval.ts';
import { type OutcomeMatrix, takeCells, takePrompts as takePromptRows } from '../training/outcomes/matrix.ts';
import { toBanditLog } from './bandit-log.ts';
import { atLeast, type BenchLine, skipped } from './bench-line.ts';
import { embedPrompts, type OutcomeSet, readOutcomeSet } from './outcome-sets.ts';
import { trainOnce } from './train-once.ts';

const LOGS = 100;
/** How strongly the logging policies other than the uniform one prefer what seems good: e to this for a quality of 1 over 0. */
const PREFERENCE = 4;
/** Probability that they give to every candidate at least. */
const FLOOR = 0.02;

const NAMES = { ips: 'IPS', snips: 'SNIPS', dr: 'DR', 'switch-dr': 'switch-DR' } as const;
/** The one with a target first. */
const ORDER: readonly EstimatorId[] = ['dr', ...ESTIMATORS.filter((estimator) => estimator !== 'dr')];

/** Prompts that the target policy was not trained on, and all that is known of them. */
interface HeldOut {
  readonly matrix: OutcomeMatrix;
  readonly groups: Int32Array;
  /** What the router expects: `[rows, candidates]` */
  readonly expected: Float64Array;
  readonly router: TargetPolicy;
  readonly bestSingle: TargetPolicy;
  readonly embeddings: Matrix;
  /** Logging policies other than the uniform one: `[rows, candidates]` each. */
  readonly logging: Readonly<Record<'task' | 'prompt', Float64Array>>;
}

interface Setting {
  readonly name: string;
  readonly logging: 'uniform' | 'task' | 'prompt';
  readonly propensities: 'known' | 'fitted';
  /** Whether each log has its own prompts, drawn from those held out; else each has all of them. */
  readonly isSampled: boolean;
}

const SETTINGS: readonly Setting[] = [
  { name: 'uniform', logging: 'uniform', propensities: 'known', isSampled: false },
  { name: 'uniform, prompts drawn anew', logging: 'uniform', propensities: 'known', isSampled: true },
  { name: 'by task, known', logging: 'task', propensities: 'known', isSampled: false },
  { name: 'by task, fitted', logging: 'task', propensities: 'fitted', isSampled: false },
  { name: 'by prompt, known', logging: 'prompt', propensities: 'known', isSampled: false },
  { name: 'by prompt, fitted', logging: 'prompt', propensities: 'fitted', isSampled: false },
];

/**
 * How often 95 % intervals of off-policy estimates cover the truth, which full information gives: a router trained once
 * on half of `llmrouter9`, valued on 100 bandit logs of the other half.
 */
export async function benchOffPolicy(onProgress: (what: string) => void = () => {}): Promise<BenchLine[]> {
  const set = await readOutcomeSet('llmrouter9');
  if (set === null) return [skipped('off-policy coverage, llmrouter9', 'llmrouter9.jsonl.gz is not there')];
  onProgress('off-policy: training the target policy');
  const held = await holdOut(set);
  const lines: BenchLine[] = [];
  for (const setting of SETTINGS) lines.push(...(await simulate(held, setting, onProgress)));
  return lines;
}

async function holdOut({ matrix, groups }: OutcomeSet): Promise<HeldOut> {
  const { trained, splits } = await trainOnce(matrix, groups, { fit: 0.4, calibrate: 0.1, test: 0.5 }, 0);
  const { predictions, evaluation } = trained;
  const columns = matrix.candidates.length;
  const test = splits.test.rows;
  const train = [...splits.fit.rows, ...splits.calibrate.rows];
  const best = matrix.candidates.indexOf(evaluation.verdict.bestSingle ?? '');
  return {
    matrix: takePromptRows(matrix, test),
    groups: test.map((row) => groups.groups[row]),
    expected: Float64Array.from(predictions.success),
    router: { chosen: predictions.chosen },
    bestSingle: { chosen: new Int32Array(test.length).fill(best) },
    embeddings: takeRows(await embedPrompts(matrix), test),
    logging: {
      task: preferring(taskMeans(matrix, train, test, columns), columns),
      prompt: preferring(Float64Array.from(predictions.success), columns),
    },
  };
}

/** Softmax of how good each candidate seems, mixed with the floor. @param quality `[rows, candidates]` */
function preferring(quality: Float64Array, columns: number): Float64Array {
  const out = new Float64Array(quality.length);
  for (let from = 0; from < quality.length; from += columns)
    softmaxInto(quality.subarray(from, from + columns), out.subarray(from, from + columns), 1 / PREFERENCE);
  return out.map((share) => FLOOR + (1 - columns * FLOOR) * share);
}

/** Each candidate's mean quality on the training prompts of the row's task. `[rows, candidates]` */
function taskMeans(
  matrix: OutcomeMatrix,
  train: readonly number[],
  test: Int32Array,
  columns: number,
): Float64Array {
  const taskOf = (row: number) => matrix.prompts[row].task ?? '';
  const sums = new Map<string, Float64Array>();
  for (const row of train) {
    const entry = sums.get(taskOf(row)) ?? new Float64Array(columns + 1);
    for (let c = 0; c < columns; c++) entry[c] += matrix.quality[row * columns + c];
    entry[columns]++;
    sums.set(taskOf(row), entry);
  }
  return Float64Array.from({ length: test.length * columns }, (_, i) => {
    const entry = sums.get(taskOf(test[Math.floor(i / columns)])) ?? new Float64Array(columns + 1).fill(1);
    return entry[i % columns] / entry[columns];
  });
}

/** One figure of one log. */
interface Measured {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

async function simulate(
  held: HeldOut,
  setting: Setting,
  onProgress: (what: string) => void,
): Promise<BenchLine[]> {
  const columns = held.matrix.candidates.length;
  const truths = {
    value: trueValue(held, held.router),
    gain: trueValue(held, held.router) - trueValue(held, held.bestSingle),
  };
  const found = new Map<string, Measured[]>();
  const keep = (key: string, { estimate, low, high }: ReturnType<typeof scoreInterval>) =>
    found.set(key, [...(found.get(key) ?? []), { estimate: estimate!, low: low!, high: high! }]);
  for (let seed = 0; seed < LOGS; seed++) {
    if (seed % 10 === 0) onProgress(`off-policy: ${setting.name}, log ${seed + 1} of ${LOGS}`);
    const { table, of } = await drawLog(held, setting, seed, columns);
    const [own, other] = [of(held.router), of(held.bestSingle)];
    const doubt = doubtTable(table);
    for (const estimator of ESTIMATORS) {
      const router = policyScores(estimator, table, own).scores;
      const single = policyScores(estimator, table, other).scores;
      keep(`${estimator} value`, scoreInterval(router, table.clusters, { doubt: scoreDoubt(doubt, own) }));
      keep(
        `${estimator} gain`,
        scoreInterval(
          router.map((score, row) => score - single[row]),
          table.clusters,
          { doubt: scoreDoubt(doubt, own, other) },
        ),
      );
    }
  }
  return ORDER.flatMap((estimator) => [
    line(setting, estimator, 'value', found.get(`${estimator} value`)!, truths.value),
    line(setting, estimator, 'gain', found.get(`${estimator} gain`)!, truths.gain),
  ]);
}

function line(
  { name }: Setting,
  estimator: EstimatorId,
  what: 'value' | 'gain',
  measured: readonly Measured[],
  truth: number,
): BenchLine {
  const covered = measured.filter(({ low, high }) => low <= truth && truth <= high).length;
  const width = mean(measured.map(({ low, high }) => high - low));
  const rmse = Math.sqrt(mean(measured.map(({ estimate }) => (estimate - truth) ** 2)));
  const bias = mean(measured.map(({ estimate }) => estimate - truth));
  const note = `truth ${truth.toFixed(4)}, mean width ${width.toFixed(4)}, RMSE ${rmse.toFixed(4)}, bias ${bias.toFixed(4)}`;
  const subject = what === 'gain' ? 'gain over best single' : 'routed quality';
  const title = `${estimator === 'dr' ? '' : '  '}logs of ${LOGS} whose truth ${NAMES[estimator]} covers: ${subject}, logging ${name}`;
  return estimator === 'dr'
    ? atLeast(title, covered, '', 90, note)
    : { name: title, value: covered, unit: '', target: null, met: null, note };
}

async function drawLog(held: HeldOut, setting: Setting, seed: number, columns: number) {
  const count = held.matrix.prompts.length;
  const random = createRandom(1000 + seed);
  const logging = setting.logging === 'uniform' ? null : held.logging[setting.logging];
  const rows = Int32Array.from({ length: count }, (_, i) => (setting.isSampled ? random.integer(count) : i));
  const log = toBanditLog(takePromptRows(held.matrix, rows), {
    seed,
    keepPropensities: setting.propensities === 'known',
    ...(logging === null
      ? {}
      : { policy: (i: number) => logging.subarray(rows[i] * columns, (rows[i] + 1) * columns) }),
  });
  const groups = setting.isSampled ? rows.map((_, i) => i) : held.groups;
  const propensities = await loggingPropensities(log, {
    features: takeRows(held.embeddings, rows),
    groups,
    seed,
  });
  const table: LoggedTable = {
    candidates: columns,
    quality: Float64Array.from(log.quality),
    propensities: propensities.values,
    source: propensities.source,
    policy: propensities.policy ?? null,
    expected: takeCells(held.expected, columns, rows),
    clusters: groups,
  };
  const of = (policy: TargetPolicy): TargetPolicy =>
    'chosen' in policy ? { chosen: rows.map((row) => policy.chosen[row]) } : policy;
  return { table, of };
}

function trueValue({ matrix }: HeldOut, policy: TargetPolicy): number {
  const columns = matrix.candidates.length;
  if (!('chosen' in policy)) return Number.NaN;
  return mean(Float64Array.from(policy.chosen, (c, row) => matrix.quality[row * columns + c]));
}
