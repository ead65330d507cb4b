import { ExecutionError, type TriedAttempt } from './execution-error.ts';

/** What is left of the budget is less than another attempt is expected to cost. */
export class CostBudgetError extends ExecutionError {
  readonly code = 'COST_BUDGET';
  readonly budgetUsd: number;
  readonly spentUsd: number;

  constructor(budgetUsd: number, spentUsd: number, attempts: readonly TriedAttempt[]) {
    super(
      `The budget of $${budgetUsd} does not cover another attempt: $${spentUsd} is spent. ` +
        'Give a larger `costBudgetUsd`, or let the policy choose cheaper candidates.',
      attempts,
    );
    this.budgetUsd = budgetUsd;
    this.spentUsd = spentUsd;
  }
}
