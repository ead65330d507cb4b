import { InvalidInputError, type Router } from 'pointsman';
import { bestSingleCandidate } from '../evaluate/baselines.ts';
import { compareRows } from '../evaluate/compare.ts';
import type { EvaluationInput } from '../evaluate/evaluation-input.ts';
import { type WeighedRows, weighRows } from '../evaluate/setting-worth.ts';
import { isReadOff } from '../evaluation/is-read-off.ts';
import { unknownCosts } from '../evaluation/off-policy-verdict.ts';
import type { TrainMeans } from '../evaluation/train-means.ts';
import { valueRows } from '../evaluation/valued-rows.ts';
import { routerPropensities } from '../train/evaluate-router.ts';
import type { PreparedTraffic } from '../train/prepare-traffic.ts';
import type { TuningParts } from '../train/tuning-traffic.ts';
import { alignCandidates } from './align-candidates.ts';
import { predictTest } from './predict-test.ts';

/** Traffic on which weights of a router can be found and measured. */
export interface WeighedTraffic {
  /** Of the router's candidates, in the order of the tables. */
  readonly names: readonly string[];
  /** Number of the candidate that settings are compared with. */
  readonly single: number;
  /** What weights are found on. */
  readonly tune: WeighedRows;
  /** What they are measured on; null where that is the same. */
  readonly test: WeighedRows | null;
}

interface WeighOptions {
  /** The rows that weights are found on, and others that they are measured on. */
  readonly parts: Pick<TuningParts, 'tune' | 'test'>;
  /** The candidate that settings are compared with. @default the best single candidate in training */
  readonly against?: string;
  readonly resamples: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * What a router says of traffic, and what its choices are worth there: as they were seen, or estimated off-policy where the
 * traffic holds one candidate's answer a prompt.
 *
 * @throws InvalidInputError saying what the traffic lacks.
 */
export async function weighTraffic(
  router: Router,
  { groups, matrix: traffic }: Pick<PreparedTraffic, 'groups' | 'matrix'>,
  { against, onProgress, parts, resamples }: WeighOptions,
): Promise<WeighedTraffic> {
  const { manifest } = router;
  const names = manifest.candidates.map(({ name }) => name);
  const matrix = alignCandidates(traffic, names);
  const means: TrainMeans = {
    quality: Float64Array.from(manifest.candidates, ({ meanQuality, retired }) =>
      retired === true ? Number.NaN : meanQuality,
    ),
    costUsd: Float64Array.from(manifest.candidates, ({ meanCostUsd }) => meanCostUsd ?? Number.NaN),
  };
  const { seed } = manifest.provenance;
  const none = new Int32Array();
  const inputs: EvaluationInput[] = [];
  for (const rows of parts.test === null ? [parts.tune] : [parts.tune, parts.test]) {
    const test = { role: 'test', rows } as const;
    inputs.push({
      matrix,
      splits: { fit: { role: 'fit', rows: none }, calibrate: { role: 'calibrate', rows: none }, test },
      predictions: await predictTest(router, matrix, test, null, onProgress),
      artifactId: manifest.id,
      policy: '',
      groups,
    });
  }
  const isSeen = inputs.every((input) =>
    isReadOff(matrix, input.splits.test.rows, compareRows(input, means).coverage),
  );
  const propensities = isSeen ? null : await routerPropensities(traffic, names, groups, seed);
  const [tune, test = null] = inputs.map((input) => {
    const valued = valueRows({ ...input, propensities }, means, { seed, resamples });
    if (typeof valued === 'string')
      throw new InvalidInputError(`Weights cannot be found on this traffic. ${valued}`);
    if (valued.comparison.costUsd === null) throw new InvalidInputError(unknownCosts(valued));
    return weighRows(valued, input.predictions, manifest.candidates);
  });
  const { compared } = tune.valued.comparison;
  const single =
    against === undefined ? bestSingleCandidate(tune.valued.comparison, means) : names.indexOf(against);
  if (compared.includes(single)) return { names, single, tune, test };
  throw new InvalidInputError(
    `\`--against\` must name a candidate with enough outcomes in the traffic, among ${compared.map((c) => names[c]).join(', ')}. Got "${against}".`,
  );
}
