/** A local program that answers prompts: it sees the text alone, never the family or the answer. */
export interface Solver {
  readonly name: string;
  /** Stated, not charged: US dollars per million tokens, see README.md. With `name` it makes a candidate. */
  readonly price: {
    readonly inputPricePerMillionTokens: number;
    readonly outputPricePerMillionTokens: number;
  };
  /**
   * The answer, or null when the solver has none. Never throws on content.
   * @param signal stops a solver between its steps; the promise then rejects with the signal's reason.
   */
  solve(text: string, signal?: AbortSignal): Promise<string | null>;
}
