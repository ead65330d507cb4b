import {
  createPolicy,
  type PolicyCandidate,
  type PolicyContext,
  type UtilityWeights,
} from 'pointsman/policy';

const STEPS_A_DECADE = 8;

/**
 * Weights of a utility policy from the highest quality to the lowest cost, the safest first. Fixed beforehand, as
 * testing them in this order needs; numbers of three digits, so that what is written down is what was tested.
 */
export const WEIGHT_SETTINGS: readonly UtilityWeights[] = [
  { quality: 1, cost: 0, latency: 0 },
  ...Array.from({ length: 6 * STEPS_A_DECADE + 1 }, (_, step) => ({
    quality: 1,
    cost: Number((10 ** (step / STEPS_A_DECADE - 3)).toPrecision(3)),
    latency: 0,
  })),
  { quality: 0, cost: 1, latency: 0 },
];

/** What a router says of some prompts, for policies of other weights. NaN: not known. */
export interface WeighedPredictions {
  readonly success: Float32Array; // [rows, candidates]
  readonly expectedCostUsd: Float32Array; // [rows, candidates]
  readonly expectedLatencyMs: Float32Array; // [rows, candidates]
  /** 1 where the policy's limits, or what the request needs, removed a candidate. Absent: nowhere. */
  readonly removed?: Uint8Array; // [rows, candidates]
}

/**
 * Whom a utility policy of these weights would choose, by the code that ships.
 * @param candidates in the order of the predictions' columns @returns `[rows]`
 */
export function chooseByWeights(
  candidates: readonly PolicyCandidate[],
  { expectedCostUsd, expectedLatencyMs, removed, success }: WeighedPredictions,
  weights: UtilityWeights,
): Int32Array {
  const columns = candidates.length;
  const policy = createPolicy({ kind: 'utility', weights }, candidates);
  const predictions = {
    choice: new Float64Array(columns),
    success: new Float64Array(columns),
    costUsd: new Float64Array(columns),
    latencyMs: new Float64Array(columns),
  };
  const context: PolicyContext = {
    predictions,
    needs: { tokens: 0, modalities: [], tools: false },
    overrides: {},
    signals: () => {
      throw new Error('A utility policy looks at no signals.');
    },
    novelty: () => null,
    random: () => 0,
  };
  const names = candidates.map(({ name }) => name);
  return Int32Array.from({ length: success.length / columns }, (_, row) => {
    const [from, to] = [row * columns, (row + 1) * columns];
    predictions.success.set(success.subarray(from, to));
    predictions.costUsd.set(expectedCostUsd.subarray(from, to));
    predictions.latencyMs.set(expectedLatencyMs.subarray(from, to));
    const out = removed?.subarray(from, to);
    const isLimited = out?.includes(1) && out.includes(0);
    const overrides = isLimited ? { limits: { allow: names.filter((_, c) => out![c] === 0) } } : {};
    return policy.decide({ ...context, overrides }).order[0];
  });
}
