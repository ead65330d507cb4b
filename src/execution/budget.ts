import { untilAborted } from './until-aborted.ts';

/** What may be spent, and what is. Attempts under way count with what they are expected to cost. */
export interface Budget {
  readonly spentUsd: number;
  /** Whether an answer was given whose cost nobody can tell: what is left is unknown, and counts as nothing. */
  readonly isBlind: boolean;
  /**
   * Asks for the money of an attempt before it is sent. One whose cost nobody can tell is sent while no other such is
   * under way, and the others wait for its bill: sent all at once, none of them would have been covered.
   *
   * @param expectedUsd null where nothing is known.
   * @returns to be called with the cost, null when it is not known even then; undefined when the budget does not cover it.
   */
  reserve(
    candidate: string,
    expectedUsd: number | null,
    signal: AbortSignal,
  ): Promise<((costUsd: number | null) => void) | undefined>;
  /** For what is billed without being asked first. */
  spend(costUsd: number): void;
}

/** @param limitUsd Infinity for none. */
export function createBudget(limitUsd: number): Budget {
  /** The dearest answer so far of each candidate: what the next one is expected to cost at least. */
  const seenUsd = new Map<string, number>();
  let spentUsd = 0;
  let reservedUsd = 0;
  let isBlind = false;
  /** Settles when the attempt of unknown cost that is under way has its bill. */
  let unknown: Promise<void> | undefined;
  return {
    get spentUsd() {
      return spentUsd;
    },
    get isBlind() {
      return isBlind;
    },
    spend(costUsd) {
      spentUsd += costUsd;
    },
    async reserve(candidate, expectedUsd, signal) {
      if (limitUsd === Number.POSITIVE_INFINITY) {
        return (costUsd) => {
          spentUsd += costUsd ?? 0;
        };
      }
      while (unknown !== undefined) await untilAborted(unknown, signal);
      const seen = seenUsd.get(candidate);
      const expected =
        expectedUsd === null && seen === undefined ? null : Math.max(expectedUsd ?? 0, seen ?? 0);
      const taken = spentUsd + reservedUsd;
      // With nothing left even a call of unknown cost is one too many.
      if (isBlind || taken + (expected ?? 0) > limitUsd || (taken > 0 && taken >= limitUsd)) return undefined;
      let known = () => {};
      if (expected === null) {
        unknown = new Promise((resolve) => {
          known = () => {
            // In a turn of its own: whoever waits may not be needed any more, now that this one has answered.
            setTimeout(() => {
              unknown = undefined;
              resolve();
            }, 0);
          };
        });
      }
      reservedUsd += expected ?? 0;
      return (costUsd) => {
        reservedUsd -= expected ?? 0;
        spentUsd += costUsd ?? expected ?? 0;
        isBlind ||= costUsd === null && expected === null;
        if (costUsd) seenUsd.set(candidate, Math.max(seenUsd.get(candidate) ?? 0, costUsd));
        known();
      };
    },
  };
}
