import type { CandidatePrediction } from '../decision.ts';
import type { PlanStep } from '../policy/plan.ts';

/** What is executed; a `Decision` is one. */
export interface PlannedExecution {
  readonly plan: PlanStep;
  /** Candidates to call, in order, when the plan fails. */
  readonly fallback: readonly string[];
  /** What each candidate is expected to cost; for the budget, and for bills that never come. @default unknown */
  readonly predictions?: readonly Pick<CandidatePrediction, 'candidate' | 'expectedCostUsd'>[];
  /** Milliseconds that deciding took. @default 0 */
  readonly routerMs?: number;
}
