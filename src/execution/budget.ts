/** What may be spent, and what is. Attempts under way count with what they are expected to cost. */
export interface Budget {
  readonly spentUsd: number;
  /** @returns to be called with the real cost; undefined when the budget does not cover it. */
  reserve(expectedUsd: number): ((costUsd: number) => void) | undefined;
  /** For what is billed without being asked first. */
  spend(costUsd: number): void;
}

/** @param limitUsd Infinity for none. */
export function createBudget(limitUsd: number): Budget {
  let spentUsd = 0;
  let reservedUsd = 0;
  return {
    get spentUsd() {
      return spentUsd;
    },
    spend(costUsd) {
      spentUsd += costUsd;
    },
    reserve(expectedUsd) {
      const taken = spentUsd + reservedUsd;
      // With nothing left even a call of unknown cost is one too many.
      if (taken + expectedUsd > limitUsd || (taken > 0 && taken >= limitUsd)) return undefined;
      reservedUsd += expectedUsd;
      return (costUsd) => {
        reservedUsd -= expectedUsd;
        spentUsd += costUsd;
      };
    },
  };
}
