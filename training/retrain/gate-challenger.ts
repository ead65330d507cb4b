import type { PolicySpec, Router } from 'pointsman';
import { largest, NAMED_WEIGHTS } from 'pointsman/internal';
import { type LoadOptions, loadRouter, readArtifactFolder } from 'pointsman/node';
import type { PlannedChoice } from '../evaluate/baselines.ts';
import { columnMeans, trainMeans } from '../evaluate/evaluation-input.ts';
import { takePlans } from '../evaluate/plan-outcomes.ts';
import type { Matrix } from '../fit/rows.ts';
import { highestWeight } from '../off-policy/estimate.ts';
import { type LoggingPropensities, loggingPropensities } from '../off-policy/propensities.ts';
import { type OutcomeMatrix, takeCells, takePrompts } from '../outcomes/matrix.ts';
import { predictTest, seenOfPrompts } from '../train/evaluate-router.ts';
import { withoutPropensities } from '../train/training-run.ts';
import type { RetrainConfig } from './config.ts';
import { runGate } from './gate/gate.ts';
import type { GateVerdict } from './gate/tests.ts';
import { valueTable, weightedCalibration } from './gate/values.ts';
import type { ScoredTraffic } from './watch/candidate-shifts.ts';
import { batchesOf } from './watch/screen.ts';

interface ChallengeInput {
  /** Whose candidates are those of both routers. */
  readonly matrix: OutcomeMatrix;
  readonly groups: Int32Array;
  readonly learn: Int32Array;
  readonly holdout: Int32Array;
  /** What the champion says of the whole matrix; null where there is none. */
  readonly champion: ScoredTraffic | null;
  /** The champion's own policy. @default not known */
  readonly championPolicy?: unknown;
  readonly challenger: Router;
  /** By the challenger's embedder: `[prompts, dimensions]`. */
  readonly embeddings: Matrix;
  /** Of the tolerance that all nights share, what earlier promotions have spent; null where that is not known. */
  readonly spent: number | null;
  /** Whether a candidate was found to have changed. */
  readonly drifted: boolean;
  readonly config: RetrainConfig;
}

/** Puts a challenger before the gate, on the prompts that judge. */
export async function gateChallenger(input: ChallengeInput): Promise<GateVerdict> {
  const { challenger, champion, config, drifted, groups, holdout, learn, matrix, spent } = input;
  const { clip: _, fewestPrompts, qualityPerUsd, slicePrompts, ...thresholds } = config.gate;
  const columns = matrix.candidates.length;
  const judged = takePrompts(matrix, holdout);
  const theirs = await scoreTraffic(challenger, judged, takeMatrix(input.embeddings, holdout));
  const own = champion && takeScored(champion, holdout);
  const { judged: found, learned } = await findPropensities(input);
  const propensities = found.values;
  const clip = config.gate.clip ?? highestWeight(found.values, found.source, found.policy);
  // The champion's expectations come first: of the two it is the one that is trusted. Each fills the other's gaps.
  const expected = firstKnown(own?.success, theirs.success, fallbackMeans(matrix, learn, 'quality'), columns);
  const expectedCostUsd = firstKnown(
    theirs.costUsd,
    own?.costUsd,
    fallbackMeans(matrix, learn, 'costUsd'),
    columns,
  );
  const told = plansTold(judged, [own, theirs]);
  const plans = told && {
    groups: Int32Array.from(told.rows, (i) => groups[holdout[i]]),
    of: holdout.length,
    lacking: told.lacking,
  };
  // Where too few prompts say it, that is what the gate says, of all of them.
  const isRead = plans !== null && new Set(plans.groups).size >= fewestPrompts;
  const rows = isRead ? told!.rows : Int32Array.from(holdout.keys());
  const table = valueTable({
    matrix,
    rows: Int32Array.from(rows, (i) => holdout[i]),
    groups,
    batches: batchesOf(matrix),
    propensities,
    policy: found.policy ?? null,
    expected: takeCells(expected, columns, rows),
    expectedCostUsd: takeCells(expectedCostUsd, columns, rows),
    clip,
    ...(isRead ? { readOff: true } : {}),
  });
  const weights = takeCells(propensities, columns, holdout).map((propensity) =>
    Math.min(clip, 1 / propensity),
  );
  const cellGroups = Int32Array.from(weights, (_, cell) => groups[holdout[Math.floor(cell / columns)]]);
  const calibration = (success: Float64Array) =>
    weightedCalibration(success, judged.quality, weights, cellGroups);
  return runGate(
    {
      table,
      champion: own && choiceOf(own, rows),
      explores: input.championPolicy == null ? null : explores(input.championPolicy),
      challenger: choiceOf(theirs, rows),
      plans,
      means: trainMeans(matrix, learn, learned, config.gate.clip),
      calibration: { champion: own && calibration(own.success), challenger: calibration(theirs.success) },
      qualityPerUsd: qualityPerUsd ?? rateOf(challenger),
      spent,
      drifted,
    },
    { ...thresholds, sliceGroups: slicePrompts, fewestGroups: fewestPrompts },
  );
}

/** What a router would do on the prompts that judge. */
type JudgedRouter = Pick<ScoredTraffic, 'chosen' | 'plans'>;

/** On some of the prompts that judge. @param rows their positions */
function choiceOf({ chosen, plans }: JudgedRouter, rows: Int32Array): PlannedChoice {
  if (!plans) return { chosen: rows.map((row) => chosen[row]) };
  const taken = takePlans(plans, rows);
  return { chosen: taken.answers, plans: taken };
}

/**
 * The prompts, by position, on which all candidates with outcomes were seen, and it is known what comes of the plans of each router.
 * @returns null where none of them may ask several candidates
 */
function plansTold({ candidates, quality }: OutcomeMatrix, routers: readonly (JudgedRouter | null)[]) {
  const all = routers.flatMap((router) => (router?.plans ? [router.plans] : []));
  if (all.length === 0) return null;
  const columns = candidates.length;
  const seen = new Set<number>();
  quality.forEach((value, cell) => {
    if (!Number.isNaN(value)) seen.add(cell % columns);
  });
  const isMissing = (row: number) => [...seen].some((c) => Number.isNaN(quality[row * columns + c]));
  const positions = Int32Array.from({ length: quality.length / columns }, (_, row) => row);
  const whole = positions.filter((row) => !isMissing(row));
  const rows = whole.filter((row) => all.every(({ answers }) => answers[row] !== -1));
  const unknown = all.find((plans) => plans.unknown !== null)?.unknown ?? null;
  const lacking =
    positions.length - whole.length > whole.length - rows.length ? 'the outcome of a candidate' : unknown;
  return { rows, lacking };
}

/**
 * Propensities of the prompts that judge and of those that teach, `[prompts, candidates]` each. What the log does not say is
 * estimated from all that is seen of a prompt. More prompts estimate better, if the same policy served them: both sets together
 * are used where they foretell the judging prompts better, held out, than those do alone.
 */
async function findPropensities({ config, embeddings, groups, holdout, learn, matrix }: ChallengeInput) {
  const { folds, offPolicy, seed } = config.train;
  const asked = offPolicy.propensities === 'fitted' ? withoutPropensities(matrix) : matrix;
  const propensitiesOf = (rows: Int32Array) =>
    loggingPropensities(asked, {
      features: () => seenOfPrompts(matrix, embeddings, rows),
      rows,
      groups,
      folds,
      seed,
    });
  const alone = await propensitiesOf(holdout);
  const learned = await propensitiesOf(learn);
  if (alone.source === 'logged') return { judged: alone, learned };
  const together = await propensitiesOf(Int32Array.from([...learn, ...holdout]));
  const surprise = ({ values }: LoggingPropensities) =>
    takeCells(values, matrix.candidates.length, holdout).reduce(
      (sum, propensity) => (Number.isNaN(propensity) ? sum : sum - Math.log(propensity)),
      0,
    );
  return { judged: surprise(together) < surprise(alone) ? together : alone, learned };
}

function takeScored({ chosen, costUsd, matrix, plans, success }: ScoredTraffic, rows: Int32Array) {
  const columns = matrix.candidates.length;
  return {
    success: takeCells(success, columns, rows),
    costUsd: takeCells(costUsd, columns, rows),
    chosen: rows.map((row) => chosen[row]),
    plans: plans ? takePlans(plans, rows) : null,
  };
}

function takeMatrix({ columns, values }: Matrix, rows: Int32Array): Matrix {
  return { rows: rows.length, columns, values: takeCells(values, columns, rows) };
}

function fallbackMeans(matrix: OutcomeMatrix, learn: Int32Array, what: 'quality' | 'costUsd'): Float64Array {
  return columnMeans(matrix[what], matrix.candidates.length, learn);
}

function firstKnown(
  first: Float64Array | undefined,
  second: Float64Array | undefined,
  means: Float64Array,
  columns: number,
): Float64Array {
  const length = (first ?? second)!.length;
  return Float64Array.from({ length }, (_, cell) => {
    const known = [first?.[cell], second?.[cell], means[cell % columns]].find(
      (value) => value !== undefined && !Number.isNaN(value),
    );
    return known ?? Number.NaN;
  });
}

/** What a dollar is worth in quality by the weights of a utility policy; other policies count quality alone. */
function rateOf({ manifest }: Router): number {
  const policy: PolicySpec = withoutExploring(manifest.policy);
  if (policy.kind !== 'utility') return 0;
  const given = policy.weights ?? 'best';
  const weights = typeof given === 'string' ? NAMED_WEIGHTS[given] : given;
  const dearest = Math.max(0, largest(manifest.candidates.map(({ meanCostUsd }) => meanCostUsd ?? 0)));
  return weights.quality > 0 && dearest > 0 ? weights.cost / weights.quality / dearest : 0;
}

/** The policy without its exploring: what it would choose when it is not out to learn. */
export function withoutExploring(policy: unknown): PolicySpec {
  const spec = policy as PolicySpec;
  return spec.kind === 'explore' ? withoutExploring(spec.policy) : spec;
}

/** Whether a policy explores, itself or anywhere inside it. */
function explores(policy: unknown): boolean {
  if (policy === null || typeof policy !== 'object') return false;
  return ('kind' in policy && policy.kind === 'explore') || Object.values(policy).some(explores);
}

/** Loads one version to be judged: it chooses by its policy, but explores nothing. */
export async function loadForGate(folder: string, options: LoadOptions = {}): Promise<Router> {
  const { manifest } = await readArtifactFolder(folder);
  return loadRouter(folder, { ...options, policy: withoutExploring(manifest.policy) });
}

/**
 * Lets a router look at every prompt.
 * @param matrix the router's candidates must be among the columns; others stay NaN
 * @param embeddings of every prompt, by the router's embedder; null lets it embed them
 */
export async function scoreTraffic(
  router: Router,
  matrix: OutcomeMatrix,
  embeddings: Matrix | null,
): Promise<ScoredTraffic> {
  const rows = Int32Array.from(matrix.prompts.keys());
  const said = await predictTest(router, matrix, { role: 'test', rows }, embeddings);
  return {
    matrix,
    success: Float64Array.from(said.success),
    costUsd: Float64Array.from(said.expectedCostUsd),
    latencyMs: Float64Array.from(said.expectedLatencyMs),
    chosen: said.chosen,
    plans: said.plans ?? null,
  };
}
