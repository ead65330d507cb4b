import * as v from 'valibot';
import { strictObject } from '../../validate.ts';
import { limitChanges } from '../limit-filter.ts';

import { type Change, nearestFirst, type Predictions } from '../plan.ts';
import { type BasicParts, type Policy, type PolicyCandidate, type PolicyKind, rank } from '../policy.ts';
import {
  limited,
  resolveWeights,
  type UtilityPolicySpec,
  type UtilityWeights,
  weightsSchema,
} from '../spec.ts';

export const utility = {
  shape: () =>
    strictObject({ kind: v.literal('utility'), weights: v.exactOptional(weightsSchema), ...limited }),
  create: createUtilityPolicy,
} satisfies PolicyKind<UtilityPolicySpec>;

/** Ratios beyond this count as this, so that utilities stay finite. */
const MOST = 1e9;

/** What candidates are worth by some weights: each part larger is better, `[candidates]`. */
interface Worth {
  readonly utilities: Float64Array;
  /** Minus the cost, and the latency, in their units of the weights. */
  readonly cost: Float64Array;
  readonly latency: Float64Array;
}

/**
 * Utilities of candidates. Cost and latency are measured against the largest mean of any candidate, so that the weights mean
 * the same whatever the prices; where no mean is known, against the largest that is expected of the request. What is not known
 * counts nothing.
 */
export function createWorth(
  candidates: readonly PolicyCandidate[],
): (weights: UtilityWeights, predictions: Predictions) => Worth {
  const costliest = largest(candidates.map(({ meanCostUsd }) => meanCostUsd));
  const slowest = largest(candidates.map(({ meanLatencyMs }) => meanLatencyMs));
  return (weights, { success, costUsd, latencyMs }) => {
    const mostUsd = costliest || largest(costUsd);
    const mostMs = slowest || largest(latencyMs);
    const utilities = success.slice();
    const cost = costUsd.slice();
    const latency = latencyMs.slice();
    // One by one: `map` of an array of numbers takes several times as long.
    for (let c = 0; c < cost.length; c++) {
      cost[c] = shareOf(cost[c], mostUsd);
      latency[c] = shareOf(latency[c], mostMs);
      utilities[c] = weights.quality * utilities[c] + weights.cost * cost[c] + weights.latency * latency[c];
    }
    return { utilities, cost, latency };
  };
}

/** Minus an amount, as a share of the most; 0 where it is not known. @param most 0 where no mean is known */
function shareOf(amount: number, most: number): number {
  return amount >= 0 && most > 0 ? -Math.min(amount / most, MOST) : 0;
}

/** The candidate of highest utility within the limits. */
function createUtilityPolicy(spec: UtilityPolicySpec, { candidates, calls, filter }: BasicParts): Policy {
  const worthOf = createWorth(candidates);

  return {
    spec,
    decide(context) {
      const { predictions, overrides } = context;
      const wanted = overrides.weights ?? spec.weights ?? 'best';
      const weights = resolveWeights(wanted);
      const remaining = filter(context);
      const { costUsd, latencyMs, success } = predictions;
      const { cost, latency, utilities } = worthOf(weights, predictions);
      const order = rank(remaining.left, utilities, predictions);
      const reasons = [explain(order, utilities, candidates, success)];
      const note = (name: 'cost' | 'latency', amounts: Float64Array) => {
        if (weights[name] !== 0 && amounts.some((amount) => !(amount >= 0)))
          reasons.push(`Where a ${name} is not known, it counted nothing.`);
      };
      note('cost', costUsd);
      note('latency', latencyMs);
      if (remaining.note !== undefined) reasons.push(remaining.note);
      return {
        step: calls[order[0]],
        order,
        reserve: remaining.reserve,
        utilities,
        perSuccess: weights.quality,
        removed: remaining.removed,
        reasons,
        path: [typeof wanted === 'string' ? `utility:${wanted}` : 'utility:custom'],
        propensity: 1,
        changes: [
          ...limitChanges(remaining, utilities, order[0], candidates),
          ...weightChanges(order, utilities, weights, { quality: success, cost, latency }, candidates),
        ],
      };
    },
  };
}

/** 0 when none is above it: then there is nothing to measure against. Unknown ones are passed over. */
function largest(amounts: ArrayLike<number | null>): number {
  let most = 0;
  for (let i = 0; i < amounts.length; i++) if (amounts[i]! > most) most = amounts[i]!;
  return most;
}

function explain(
  [first, second]: readonly number[],
  utilities: Float64Array,
  candidates: readonly PolicyCandidate[],
  success: Float64Array,
): string {
  const { name } = candidates[first];
  if (second === undefined) return `${name} is the only candidate left.`;
  const lead = utilities[first] - utilities[second];
  const stands = lead > 0 ? `has the highest utility, ${lead.toPrecision(2)} above` : 'ties on utility with';
  return `${name} ${stands} ${candidates[second].name}; it answers well with probability ${success[first].toPrecision(3)}.`;
}

const WEIGHTS = ['quality', 'cost', 'latency'] as const;

/** As in the schema of weights. */
const LARGEST = 1e6;

/** Weights this close are one: crossings come out of a division. */
const SMALLEST = 1e-9;

/**
 * For each weight, the nearest value at which another candidate of `order` draws level with the first; nearest
 * change first. A utility is linear in each weight, so the first crossing is the whole answer. Only past it is the
 * other first, so a crossing at 0 is none: there all that the weight says is gone, and they may be level for ever.
 *
 * @param parts per weight what it multiplies, larger is better, `[candidates]`: success, -cost, -latency.
 */
function weightChanges(
  order: readonly number[],
  utilities: Float64Array,
  weights: UtilityWeights,
  parts: Readonly<Record<(typeof WEIGHTS)[number], Float64Array>>,
  candidates: readonly { readonly name: string }[],
): Change[] {
  const first = order[0];
  const found: Change[] = [];
  for (const weight of WEIGHTS) {
    const values = parts[weight];
    const from = weights[weight];
    let nearest = Infinity;
    let candidate = -1;
    for (let i = 1; i < order.length; i++) {
      const other = order[i];
      const slope = values[other] - values[first];
      if (slope === 0) continue;
      const step = (utilities[first] - utilities[other]) / slope;
      const to = from + step;
      if (to > SMALLEST && to < LARGEST && Math.abs(step) < Math.abs(nearest)) {
        nearest = step;
        candidate = other;
      }
    }
    if (candidate === -1) continue;
    found.push({ kind: 'weight', weight, from, to: from + nearest, candidate: candidates[candidate].name });
  }
  return nearestFirst(found);
}
