/** An answer that may still be rated. */
export interface RatableAnswer {
  readonly router: string | null;
  /** Id of the artifact that decided. */
  readonly version: string;
  /** Who answered. */
  readonly candidate: string;
  readonly keyId: string | null;
  /** The conversation or user; null for a request by itself. */
  readonly unit: string | null;
  readonly task: string | null;
  /** The probability that was predicted of its being good; null where the candidate was not among those that were predicted. */
  readonly predicted: number | null;
  /** Null where somebody else answered than was decided. */
  readonly propensity: number | null;
}

/** What is needed of a decision when a rating of its answer comes: far less than its record, so that far more are kept. */
export interface RatableAnswers {
  add(id: string, answer: RatableAnswer): void;
  /**
   * The answer of a decision, once: undefined when it was rated already, or is too long ago.
   *
   * @param candidate whose answer is meant; undefined for who answered.
   */
  take(id: string, candidate: string | undefined): RatableAnswer | undefined;
}

/** @param capacity answers that are kept; the oldest make room. */
export function createRatableAnswers(capacity: number): RatableAnswers {
  const answers = new Map<string, RatableAnswer>();
  return {
    add(id, answer) {
      answers.set(id, answer);
      if (answers.size > capacity) answers.delete(answers.keys().next().value as string);
    },
    take(id, candidate) {
      const answer = answers.get(id);
      if (candidate !== undefined && candidate !== answer?.candidate) return undefined;
      answers.delete(id);
      return answer;
    },
  };
}
