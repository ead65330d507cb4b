import { limitChanges } from './limit-changes.ts';
import type { Policy, PolicyCandidate } from './policy.ts';
import type { BasicParts } from './policy-parts.ts';
import type { UtilityPolicySpec } from './policy-spec.ts';
import { rank } from './rank.ts';
import { weightChanges } from './weight-changes.ts';
import { resolveWeights, type UtilityWeights } from './weights.ts';

/** Ratios beyond this count as this, so that utilities stay finite. */
const MOST = 1e9;

/**
 * The candidate of highest utility within the limits. Cost and latency are measured against the largest mean of
 * any candidate, so that the weights mean the same whatever the prices. What is not known counts nothing.
 */
export function createUtilityPolicy(
  spec: UtilityPolicySpec,
  { candidates, calls, filter }: BasicParts,
): Policy {
  const ownWeights = resolveWeights(spec.weights ?? 'best');
  const ownPath = [pathName(spec.weights ?? 'best')];
  const costliest = largest(candidates, (candidate) => candidate.meanCostUsd);
  const slowest = largest(candidates, (candidate) => candidate.meanLatencyMs);

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
      for (let c = 0; c < utilities.length; c++) {
        const costRatio = Math.min(costUsd[c] / costliest, MOST);
        if (costRatio >= 0) cost[c] = -costRatio;
        else unknownCost = weights.cost !== 0;
        const latencyRatio = Math.min(latencyMs[c] / slowest, MOST);
        if (latencyRatio >= 0) latency[c] = -latencyRatio;
        else unknownLatency = weights.latency !== 0;
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

/** NaN when there is no mean above zero: then there is nothing to measure against. */
function largest(
  candidates: readonly PolicyCandidate[],
  mean: (candidate: PolicyCandidate) => number | null,
): number {
  let most = 0;
  for (const candidate of candidates) most = Math.max(most, mean(candidate) ?? 0);
  return most > 0 ? most : Number.NaN;
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
