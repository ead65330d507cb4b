import type { Router } from 'pointsman';
import { largest } from 'pointsman/math';
import { NAMED_WEIGHTS, type PolicySpec } from 'pointsman/policy';
import type { ScoredTraffic } from '../drift/scored-traffic.ts';
import { columnMeans, trainMeans } from '../evaluation/train-means.ts';
import type { GateVerdict } from '../gate/gate-verdict.ts';
import { weightedCalibration } from '../gate/weighted-calibration.ts';
import type { Matrix } from '../head/matrix.ts';
import { highestWeight } from '../off-policy/clip-weights.ts';
import { type LoggingPropensities, loggingPropensities } from '../off-policy/propensities.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { takeCells, takeRows } from '../outcomes/take-rows.ts';
import { seenOfPrompts } from '../pipeline/seen-of-prompts.ts';
import { withoutPropensities } from '../pipeline/traffic-propensities.ts';
import type { RetrainConfig } from './config.ts';
import { judgeChallenger } from './gate/gate.ts';
import { valueTable } from './gate/values.ts';
import { explores, scoreTraffic, withoutExploring } from './score-traffic.ts';
import { batchesOf } from './watch/screen.ts';

interface ChallengeInput {
  /** Whose candidates are those of both routers. */
  readonly matrix: OutcomeMatrix;
  readonly groups: Int32Array;
  readonly learn: Int32Array;
  readonly judge: Int32Array;
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
  const { challenger, champion, config, drifted, groups, judge, learn, matrix, spent } = input;
  const { clip: _, fewestPrompts, qualityPerUsd, slicePrompts, ...thresholds } = config.gate;
  const columns = matrix.candidates.length;
  const judged = takeRows(matrix, judge);
  const theirs = await scoreTraffic(challenger, judged, takeMatrix(input.embeddings, judge));
  const own = champion && takeScored(champion, judge);
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
  const table = valueTable({
    matrix,
    rows: judge,
    groups,
    batches: batchesOf(matrix),
    propensities,
    policy: found.policy ?? null,
    expected,
    expectedCostUsd,
    clip,
  });
  const weights = takeCells(propensities, columns, judge).map((propensity) => Math.min(clip, 1 / propensity));
  const cellGroups = Int32Array.from(weights, (_, cell) => table.groups[Math.floor(cell / columns)]);
  const calibration = (success: Float64Array) =>
    weightedCalibration(success, judged.quality, weights, cellGroups);
  return judgeChallenger(
    {
      table,
      champion: own?.chosen ?? null,
      explores: input.championPolicy == null ? null : explores(input.championPolicy),
      challenger: theirs.chosen,
      means: trainMeans(matrix, learn, learned, config.gate.clip),
      calibration: { champion: own && calibration(own.success), challenger: calibration(theirs.success) },
      qualityPerUsd: qualityPerUsd ?? rateOf(challenger),
      spent,
      drifted,
    },
    { ...thresholds, sliceGroups: slicePrompts, fewestGroups: fewestPrompts },
  );
}

/**
 * Propensities of the prompts that judge and of those that teach, `[prompts, candidates]` each. What the log does not say is
 * estimated from all that is seen of a prompt. More prompts estimate better, if the same policy served them: both sets together
 * are used where they foretell the judging prompts better, held out, than those do alone.
 */
async function findPropensities({ config, embeddings, groups, judge, learn, matrix }: ChallengeInput) {
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
  const alone = await propensitiesOf(judge);
  const learned = await propensitiesOf(learn);
  if (alone.source === 'logged') return { judged: alone, learned };
  const together = await propensitiesOf(Int32Array.from([...learn, ...judge]));
  const surprise = ({ values }: LoggingPropensities) =>
    takeCells(values, matrix.candidates.length, judge).reduce(
      (sum, propensity) => (Number.isNaN(propensity) ? sum : sum - Math.log(propensity)),
      0,
    );
  return { judged: surprise(together) < surprise(alone) ? together : alone, learned };
}

function takeScored({ chosen, costUsd, matrix, success }: ScoredTraffic, rows: Int32Array) {
  const columns = matrix.candidates.length;
  return {
    success: takeCells(success, columns, rows),
    costUsd: takeCells(costUsd, columns, rows),
    chosen: rows.map((row) => chosen[row]),
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
