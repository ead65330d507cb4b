import { largest } from 'pointsman/math';
import type { Evaluation } from '../evaluate/evaluation.ts';

/** The few figures that the manifest and the command line show. Null is "not measured". */
export function headlineMetrics(evaluation: Evaluation): Record<string, number | null> {
  const { calibration, contenders, costQuality, decisionMicroseconds, strongWeak, verdict } = evaluation;
  const contender = (id: string) => contenders.find((one) => one.id === id);
  const router = contender('router');
  const eces = calibration.success.map(({ ece10 }) => ece10).filter((ece) => ece !== null);
  return {
    testPrompts: evaluation.prompts.test,
    comparedPrompts: evaluation.coverage.comparedRows,
    // Null where qualities were seen, not estimated.
    effectiveSampleSize: evaluation.offPolicy?.overlap.router.effectiveSampleSize ?? null,
    routedQuality: router?.quality.estimate ?? null,
    bestSingleQuality: contender('bestSingle')?.quality.estimate ?? null,
    nearestQuality: contender('nearest')?.quality.estimate ?? null,
    oracleQuality: contender('oracle')?.quality.estimate ?? null,
    gainOverBestSingle: verdict.againstBestSingle?.estimate ?? null,
    gainOverBestSingleLow: verdict.againstBestSingle?.low ?? null,
    gainOverBestSingleHigh: verdict.againstBestSingle?.high ?? null,
    gainOverFixedMix: verdict.againstFixedMix?.estimate ?? null,
    gainOverFixedMixLow: verdict.againstFixedMix?.low ?? null,
    gainOverFixedMixHigh: verdict.againstFixedMix?.high ?? null,
    routedCostUsd: router?.costUsd?.estimate ?? null,
    bestSingleCostUsd: contender('bestSingle')?.costUsd?.estimate ?? null,
    routedLatencyMs: router?.latencyMs?.estimate ?? null,
    apgr: strongWeak?.router.apgr.estimate ?? null,
    aiq: costQuality?.aiq?.router.estimate ?? null,
    worstEce: eces.length > 0 ? largest(eces) : null,
    decisionP50Microseconds: decisionMicroseconds?.p50 ?? null,
    decisionP99Microseconds: decisionMicroseconds?.p99 ?? null,
  };
}
