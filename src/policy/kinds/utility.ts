import * as v from 'valibot';
import { strictObject } from '../../validate.ts';
import { limitChanges } from '../limit-filter.ts';
import { type BasicParts, type PolicyKind, rank } from '../parts.ts';
import type { Change } from '../plan.ts';
import type { Policy, PolicyCandidate } from '../policy.ts';
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

/**
 * The candidate of highest utility within the limits. Cost and latency are measured against the largest mean of
 * any candidate, so that the weights mean the same whatever the prices; where no mean is known, against the largest that is
 * expected of the request. What is not known counts nothing.
 */
function createUtilityPolicy(spec: UtilityPolicySpec, { candidates, calls, filter }: BasicParts): Policy {
  const ownWeights = resolveWeights(spec.weights ?? 'best');
  const ownPath = [pathName(spec.weights ?? 'best')];
  const costliest = largest(candidates.map(({ meanCostUsd }) => meanCostUsd));
  const slowest = largest(candidates.map(({ meanLatencyMs }) => meanLatencyMs));

  return {
    spec,
    decide(context) {
      const { predictions, overrides } = context;
      const weights = overrides.weights === undefined ? ownWeights : resolveWeights(overrides.weights);
      const path = overrides.weights === undefined ? ownPath : [pathName(overrides.weights)];
      const remaining = filter(context);
      const { success, costUsd, latencyMs } = predictions;
      const utilities = new Float64Array(success.length);
      const cost = new Float64Array(success.length);
      const latency = new Float64Array(success.length);
      let unknownCost = false;
      let unknownLatency = false;
      const costScale = costliest || largest(costUsd);
      const latencyScale = slowest || largest(latencyMs);
      for (let c = 0; c < utilities.length; c++) {
        if (!(costUsd[c] >= 0)) unknownCost = weights.cost !== 0;
        else if (costScale > 0) cost[c] = -Math.min(costUsd[c] / costScale, MOST);
        if (!(latencyMs[c] >= 0)) unknownLatency = weights.latency !== 0;
        else if (latencyScale > 0) latency[c] = -Math.min(latencyMs[c] / latencyScale, MOST);
        utilities[c] = weights.quality * success[c] + weights.cost * cost[c] + weights.latency * latency[c];
      }
      const order = rank(remaining.left, utilities, predictions);
      const reasons = [explain(order, utilities, candidates, success)];
      if (unknownCost) reasons.push('Where a cost is not known, it counted nothing.');
      if (unknownLatency) reasons.push('Where a latency is not known, it counted nothing.');
      if (remaining.note !== undefined) reasons.push(remaining.note);
      const changes = limitChanges(remaining, utilities, order[0], candidates);
      const parts = { quality: success, cost, latency };
      for (const change of weightChanges(order, utilities, weights, parts, candidates)) changes.push(change);
      return {
        step: calls[order[0]],
        order,
        reserve: remaining.reserve,
        utilities,
        perSuccess: weights.quality,
        removed: remaining.removed,
        reasons,
        path,
        propensity: 1,
        changes,
      };
    },
  };
}

function pathName(weights: string | UtilityWeights): string {
  return typeof weights === 'string' ? `utility:${weights}` : 'utility:custom';
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
  return found.sort((a, b) => Math.abs(a.to - a.from) - Math.abs(b.to - b.from));
}
