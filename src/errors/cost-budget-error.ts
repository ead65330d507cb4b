import { ExecutionError, type TriedAttempt } from './execution-error.ts';

/** What is left of the budget is less than another attempt is expected to cost. */
export class CostBudgetError extends ExecutionError {
  readonly code = 'COST_BUDGET';
  readonly budgetUsd: number;
  readonly spentUsd: number;

  /** @param isBlind whether an answer was given whose cost nobody can tell. */
  constructor(budgetUsd: number, spentUsd: number, attempts: readonly TriedAttempt[], isBlind = false) {
    const unknown =
      ' at least, and what one of the answers cost is not known. Give `prices`, or a client that says';
    super(
      `The budget of $${budgetUsd} does not cover another attempt: $${spentUsd} is spent${isBlind ? `${unknown} \`costUsd\`.` : '.'} ` +
        'Give a larger `costBudgetUsd`, or let the policy choose cheaper candidates.',
      attempts,
    );
    this.budgetUsd = budgetUsd;
    this.spentUsd = spentUsd;
  }
}
