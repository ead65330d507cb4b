import type { CandidatePrediction, Decision } from '../decision.ts';
import type { Plan } from '../policy/plan.ts';
import type { Predictions } from '../policy/predictions.ts';
import type { Signals } from '../signals/signals.ts';

const SMALLEST_CHANGE = 1e-9;

/**
 * A plan and its predictions, as plain data under the candidates' names.
 *
 * @param names the candidates, in the order of the predictions.
 */
export function createDecision(
  names: readonly string[],
  plan: Plan,
  predictions: Predictions,
  signals: Partial<Signals>,
  artifactId: string,
  routerMs: number,
): Decision {
  const { order, reserve = [], utilities, removed, propensities } = plan;
  const chosen = order[0];
  const usable = reserve.length === 0 ? order : [...order, ...reserve];
  const rows: [CandidatePrediction, ...CandidatePrediction[]] = [row(names, chosen, plan, predictions)];
  for (let i = 1; i < usable.length; i++) rows.push(row(names, usable[i], plan, predictions));
  if (usable.length < names.length) {
    for (let c = 0; c < names.length; c++) {
      const reason = removed[c];
      if (reason === undefined || reserve.includes(c)) continue;
      rows.push({ ...row(names, c, plan, predictions), removedBy: reason });
    }
  }
  let runnerUp = Number.NEGATIVE_INFINITY;
  for (let i = 1; i < order.length; i++) runnerUp = Math.max(runnerUp, utilities[order[i]]);
  return {
    candidate: names[chosen],
    confidence: predictions.success[chosen],
    probabilities: byName(names, predictions.choice),
    predictions: rows,
    margin: order.length === 1 ? null : utilities[chosen] - runnerUp,
    plan: plan.step,
    fallback: usable.slice(1).map((c) => names[c]),
    propensity: plan.propensity,
    ...(propensities === undefined ? {} : { propensities: byName(names, propensities) }),
    // What would change nothing, or is so already, is no change: a tie, a policy inside that names the same candidate.
    whatWouldChangeIt: plan.changes.filter(
      ({ candidate, from, to }) =>
        candidate !== names[chosen] && Math.abs(to - from) > SMALLEST_CHANGE * Math.abs(from),
    ),
    signals,
    reasons: plan.reasons,
    policyPath: plan.path,
    artifactId,
    routerMs,
  };
}

function row(names: readonly string[], c: number, plan: Plan, predictions: Predictions): CandidatePrediction {
  return {
    candidate: names[c],
    successProbability: predictions.success[c],
    expectedCostUsd: nullable(predictions.costUsd[c]),
    expectedLatencyMs: nullable(predictions.latencyMs[c]),
    utility: plan.utilities[c],
  };
}

function nullable(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

/** Own properties whatever the name: assignment would make `__proto__` something else. */
function byName(names: readonly string[], values: Float64Array): Record<string, number> {
  const record: Record<string, number> = {};
  for (let c = 0; c < names.length; c++) {
    if (names[c] !== '__proto__') record[names[c]] = values[c];
    else Object.defineProperty(record, '__proto__', { value: values[c], enumerable: true });
  }
  return record;
}
