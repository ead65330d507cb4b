import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { createRouter, memoryFiles, type PolicySpec, type Router, readArtifact } from 'pointsman';
import { largest, NAMED_WEIGHTS } from 'pointsman/internal';
import { readArtifactFolder } from 'pointsman/node';
import type { BuiltArtifact } from '../artifact/build-artifact.ts';
import type { TrainConfig } from '../config.ts';
import type { RouterEmbedder } from '../embed/embedders.ts';
import type { PlannedChoice } from '../evaluate/baselines.ts';
import { columnMeans, trainMeans } from '../evaluate/evaluation-input.ts';
import { takePlans } from '../evaluate/plan-outcomes.ts';
import type { Matrix } from '../fit/rows.ts';
import { checkSplits, checkTraffic, scoresOf } from '../ingest/report.ts';
import { highestWeight } from '../off-policy/estimate.ts';
import { type LoggingPropensities, loggingPropensities } from '../off-policy/propensities.ts';
import { type OutcomeMatrix, takeCells, takePrompts } from '../outcomes/matrix.ts';
import { assignGroups, nameSplits } from '../split/split.ts';
import { alignCandidates, seenOfPrompts } from '../train/evaluate-router.ts';
import { type TrainedRouter, trainRouter, tunedBefore } from '../train/train-router.ts';
import { type TrainInput, withoutPropensities } from '../train/training-run.ts';
import { workPart } from '../work/run-folder.ts';
import type { RetrainConfig } from './config.ts';
import { runGate } from './gate/gate.ts';
import type { GateVerdict } from './gate/tests.ts';
import { valueTable, weightedCalibration } from './gate/values.ts';
import { type RetrainOptions, readNightsSpent, type StoredTraffic } from './run.ts';
import { explores, type ScoredTraffic, scoreTraffic, withoutExploring } from './watch/candidate-shifts.ts';
import { batchesOf } from './watch/screen.ts';
import type { WatchedTraffic } from './watch-traffic.ts';

interface Challenge {
  readonly version: string;
  /** Null where the challenger is the champion itself. */
  readonly trained: {
    readonly sealed: BuiltArtifact;
    readonly verdict: GateVerdict;
    /** What must be said of it beside the verdict. */
    readonly note: string | null;
  } | null;
}

/** Trains a challenger and puts it before the gate. @throws InvalidInputError where none can be trained */
export async function challenge({
  embedder,
  name,
  options: { config, onProgress = () => {} },
  stored,
  watched,
}: {
  readonly options: RetrainOptions;
  readonly name: string;
  readonly embedder: RouterEmbedder;
  readonly stored: StoredTraffic;
  readonly watched: WatchedTraffic;
}): Promise<Challenge> {
  const { championVersion } = watched;
  const trainConfig = await stillRetired(config.train, config.router, championVersion);
  if (championVersion !== null && hasLearnedThis(watched, stored, trainConfig))
    return { version: championVersion, trained: null };
  const learnedFrom = trainConfig.offPolicy.memory > 0 ? withChampionPrior(watched) : watched.matrix;
  const { artifact: sealed, answers } = await trainChallenger(
    { ...watched, matrix: learnedFrom },
    {
      name,
      config: trainConfig,
      dataFingerprint: stored.fingerprint,
      thresholds: await tunedBefore(trainConfig.policy, config.router, championVersion),
      embedder,
      cacheFolder: await workPart(config.work, 'embeddings'),
      source: 'its own traffic, retrained on schedule',
      onProgress,
    },
  );
  const challenger = createRouter(await readArtifact(memoryFiles(sealed.files)), {
    embedder: embedder.embedder,
    policy: withoutExploring(config.train.policy),
  });
  onProgress({ kind: 'step', what: 'judging the challenger', folds: null });
  const verdict = await gateChallenger({
    matrix: watched.matrix,
    groups: watched.groups,
    learn: watched.learn,
    holdout: watched.holdout,
    champion: watched.champion,
    championPolicy: watched.championPolicy,
    challenger,
    embeddings: watched.embeddings,
    spent: await readNightsSpent(config.router),
    drifted: watched.found.drift?.candidates.some(({ alarm }) => alarm) ?? false,
    config,
  });
  return { version: sealed.version, trained: { sealed, verdict, note: answers?.carriedOver ?? null } };
}

/** Whether the champion was made of this very traffic, by this very config: to learn from it again would only blur what it remembers. */
function hasLearnedThis(
  { championProvenance, holdout, learn }: WatchedTraffic,
  { fingerprint }: StoredTraffic,
  trainConfig: TrainConfig,
): boolean {
  if (championProvenance === null) return false;
  const { config, dataFingerprint, prompts } = championProvenance;
  const { chosen, ...own } = config as Record<string, unknown>;
  return (
    dataFingerprint === fingerprint &&
    // What is in quarantine may have changed since.
    prompts.fit + prompts.calibrate === learn.length &&
    prompts.test === holdout.length &&
    isDeepStrictEqual(own, JSON.parse(JSON.stringify(trainConfig)))
  );
}

/** The matrix with what the champion expects of it, brought up to date as the outcomes were. */
function withChampionPrior({ champion, found: { restated }, matrix }: WatchedTraffic): OutcomeMatrix {
  if (champion === null) return matrix;
  const factors = matrix.candidates.map(
    (name) =>
      restated.find(({ candidate, measure }) => candidate === name && measure === 'quality')?.factor ?? 1,
  );
  return {
    ...matrix,
    expected: Float32Array.from(champion.success, (value, i) => value * factors[i % factors.length]),
  };
}

/**
 * The config of a training in which candidates that the champion has retired stay so: traffic of theirs is still
 * there to learn from, and nobody should have to say it twice.
 *
 * @param folder of the router @param champion its version in use; null where there is none
 */
export async function stillRetired(
  config: TrainConfig,
  folder: string,
  champion: string | null,
): Promise<TrainConfig> {
  if (champion === null) return config;
  const { manifest } = await readArtifactFolder(join(folder, champion));
  const candidates = { ...config.candidates };
  for (const { name, retired } of manifest.candidates) {
    // What the config says of it counts.
    if (retired === true) candidates[name] = { retired, ...candidates[name] };
  }
  return { ...config, candidates };
}

/** With fewer scores to learn from, a candidate is left out. */
export const FEWEST_SCORES = 10;

/**
 * Trains on what is older and reports on what is newest.
 * @throws InvalidInputError where a router cannot be learned from it
 */
async function trainChallenger(
  watched: Pick<WatchedTraffic, 'groups' | 'holdout' | 'learn' | 'matrix'>,
  input: Omit<TrainInput, 'groups' | 'matrix' | 'splits'>,
): Promise<TrainedRouter> {
  const { holdout, learn } = watched;
  const { seed, split } = input.config;
  const learned = takePrompts(watched.matrix, learn);
  checkTraffic(learned);
  const scores = scoresOf(learned.quality, learned.candidates.length);
  const known = learned.candidates.filter((_, c) => scores[c] >= FEWEST_SCORES);
  const rows = Int32Array.from([...learn, ...holdout]);
  const matrix = alignCandidates(takePrompts(watched.matrix, rows), known);
  const groups = rows.map((row) => watched.groups[row]);
  const own = Int32Array.from(learn.keys());
  const calibrateRows = Math.round((learn.length * split.calibrate) / (split.fit + split.calibrate));
  const [fit, calibrate] = assignGroups(
    own,
    groups,
    matrix.prompts.map(({ task }) => task),
    [learn.length - calibrateRows, calibrateRows],
    seed,
  );
  const splits = nameSplits(
    fit,
    calibrate,
    Int32Array.from(holdout, (_, i) => learn.length + i),
  );
  checkSplits(splits, groups);
  return trainRouter({ ...input, matrix, splits, groups });
}

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
