import * as v from 'valibot';
import { normalBelow, softmaxInto } from '../../math.ts';
import { finiteNumber, share, strictObject } from '../../validate.ts';

import type { Plan } from '../plan.ts';
import {
  noUncertainty,
  type Policy,
  type PolicyContext,
  type PolicyKind,
  type PolicyParts,
} from '../policy.ts';
import { type ExplorePolicySpec, limited } from '../spec.ts';

const positive = v.pipe(finiteNumber, v.gtValue(0));

export const explore = {
  shape: ({ policy }) => {
    const around = { kind: v.literal('explore'), policy, ...limited };
    return v.variant('method', [
      strictObject({ ...around, method: v.literal('epsilon-greedy'), epsilon: share }),
      strictObject({ ...around, method: v.literal('softmax'), temperature: positive }),
      strictObject({
        ...around,
        method: v.literal('thompson'),
        observations: v.exactOptional(v.union([positive, v.literal('posterior')])),
      }),
    ]);
  },
  create: createExplorePolicy,
  readsUncertainty: isPosterior,
  misplaced: 'explore there: the propensity of what is called would not be known',
} satisfies PolicyKind<ExplorePolicySpec>;

const OBSERVATIONS = 100;

/** Points of the grid that Thompson probabilities are integrated on: error under 1e-3. */
const GRID = 64;

/** Standard deviations that the grid reaches to each side. */
const REACH = 4;

/** Whether a policy draws by how unsure the heads are. */
function isPosterior(spec: ExplorePolicySpec): boolean {
  return spec.method === 'thompson' && spec.observations === 'posterior';
}

/** Probability of each candidate of the plan's order, in that order; they sum to 1. */
function explorationProbabilities(
  spec: ExplorePolicySpec,
  { order, perSuccess = 1, utilities }: Plan,
  { predictions: { success }, uncertainty }: PolicyContext,
): Float64Array {
  const probabilities = new Float64Array(order.length);
  switch (spec.method) {
    case 'epsilon-greedy':
      probabilities.fill(spec.epsilon / order.length);
      probabilities[0] += 1 - spec.epsilon;
      return probabilities;
    case 'softmax':
      softmaxInto(
        order.map((c) => utilities[c]),
        probabilities,
        spec.temperature,
      );
      return probabilities;
    case 'thompson':
      // What cannot say how unsure it is has been refused when the policy was made.
      if (spec.observations === 'posterior') return uncertainty()!.shares(order, utilities, perSuccess);
      return thompson(order, utilities, success, spec.observations ?? OBSERVATIONS, probabilities);
  }
}

/**
 * Probability that each candidate's utility is the highest when every success probability is uncertain: normal
 * around the utility, with the variance of a share p of so many observations, p(1-p)/(n+1). That is what Thompson
 * sampling (Thompson 1933) draws with; the integral over f_c(x) · Π F_j(x) is taken on a grid.
 */
function thompson(
  order: readonly number[],
  utilities: Float64Array,
  success: Float64Array,
  observations: number,
  out: Float64Array,
): Float64Array {
  const n = out.length;
  const deviations = new Float64Array(n);
  let low = Infinity;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < n; i++) {
    const p = Math.min(0.999, Math.max(0.001, success[order[i]]));
    deviations[i] = Math.sqrt((p * (1 - p)) / (observations + 1));
    // Nobody wins below the highest of the low ends, nor above the highest of the high ends.
    const reach = REACH * deviations[i];
    const lowest = utilities[order[i]] - reach;
    low = i === 0 ? lowest : Math.max(low, lowest);
    high = Math.max(high, utilities[order[i]] + reach);
  }
  const width = (high - low) / GRID;
  const densities = new Float64Array(n);
  const below = new Float64Array(n);
  for (let g = 0; g < GRID; g++) {
    const x = low + (g + 0.5) * width;
    let zeros = 0;
    let product = 1;
    for (let i = 0; i < n; i++) {
      const z = (x - utilities[order[i]]) / deviations[i];
      // Most candidates are far from most points: there the normal is 0 or 1 to seven digits.
      const kernel = z > -5 && z < 5 ? Math.exp(-0.5 * z * z) : 0;
      densities[i] = kernel / deviations[i];
      below[i] = kernel === 0 ? (z > 0 ? 1 : 0) : normalBelow(z, kernel);
      if (below[i] === 0) zeros++;
      else product *= below[i];
    }
    for (let i = 0; i < n; i++) {
      if (zeros === 0) out[i] += (densities[i] * product) / below[i];
      else if (zeros === 1 && below[i] === 0) out[i] += densities[i] * product;
    }
  }
  return normalise(out);
}

function normalise(values: Float64Array): Float64Array {
  let sum = 0;
  for (const value of values) sum += value;
  for (let i = 0; i < values.length; i++) values[i] /= sum;
  return values;
}

/**
 * Draws the candidate to call from probabilities around the policy's first, and says with which. What is drawn is
 * drawn from those very numbers, with one random number, so the propensity is exact. The policy's first keeps its
 * whole plan; another candidate is called alone.
 */
function createExplorePolicy(spec: ExplorePolicySpec, parts: PolicyParts): Policy {
  const { candidates, calls } = parts;
  if (isPosterior(spec) && !parts.options.uncertainty) noUncertainty('observations: posterior');
  const policy = parts.make(spec.policy, 'policy');

  return {
    spec,
    decide(context) {
      const plan = policy.decide(context);
      if (context.overrides.explore === false) return { ...plan, path: ['explore:off', ...plan.path] };
      const { order } = plan;
      const probabilities = explorationProbabilities(spec, plan, context);
      const at = draw(probabilities, context.random());
      const path = [`explore:${spec.method}`, ...plan.path];
      const propensity = probabilities[at];
      const propensities = new Float64Array(candidates.length);
      for (let i = 0; i < order.length; i++) propensities[order[i]] = probabilities[i];
      if (at === 0) return { ...plan, path, propensity, propensities };
      const drawn = order[at];
      const rest = order.filter((c) => c !== drawn);
      return {
        ...plan,
        step: calls[drawn],
        order: [drawn, ...rest],
        reasons: [
          `${candidates[drawn].name} was drawn, with probability ${propensity.toPrecision(3)}, to explore; ` +
            `otherwise ${candidates[order[0]].name}.`,
          ...plan.reasons,
        ],
        path,
        propensity,
        propensities,
        changes: [],
      };
    },
  };
}

/** Where a uniform number falls; the last that is possible when rounding leaves a rest. */
function draw(probabilities: Float64Array, uniform: number): number {
  let sum = 0;
  let last = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (probabilities[i] <= 0) continue;
    last = i;
    sum += probabilities[i];
    if (uniform < sum) return i;
  }
  return last;
}
