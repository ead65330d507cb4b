import type { Limits } from '../policy/limits.ts';
import type { QualityRequirement, Signals } from '../signals/signals.ts';

/** The success probability that each requirement asks for. */
const QUALITY_FLOORS: Readonly<Record<QualityRequirement, number>> = {
  draft: 0,
  standard: 0,
  high: 0.7,
  production: 0.85,
};

/** Budgets and requirement of the caller, as limits. */
export function signalLimits(signals: Partial<Signals>): Limits {
  const { latencyBudgetMs = null, costBudgetUsd = null, quality = 'standard' } = signals;
  const minSuccessProbability = QUALITY_FLOORS[quality];
  return {
    ...(latencyBudgetMs === null ? {} : { maxLatencyMs: latencyBudgetMs }),
    ...(costBudgetUsd === null ? {} : { maxCostUsd: costBudgetUsd }),
    ...(minSuccessProbability === 0 ? {} : { minSuccessProbability }),
  };
}
