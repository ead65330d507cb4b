/**
 * How a mean is known, at any time: the betting confidence sequences of Waudby-Smith and Ramdas 2024, "Estimating means of bounded
 * random variables by betting", for values from -1 to 1. For each mean that is asked about there are two gamblers: one gains where values
 * are above it, one where they are below. Of whoever bets against what is true, the capital is a supermartingale from 1, so that
 * it ever reaches 1 / alpha with a probability of at most alpha (Ville), however often and whenever somebody looks. Bets are
 * those of section B.3 (aGRAPA): nearly what would have been best for the values until then, held back where they could lose all.
 *
 * It needs no more than that each value's mean, given those before, is the same; or on the same side of what is asked about.
 */
export interface Evidence {
  readonly count: number;
  readonly sum: number;
  /** Of squares of each value's distance to the mean as it was known before it. */
  readonly squares: number;
  /** Per mean that is asked about, natural logs of the capital of who bets that values are above it. */
  readonly above: readonly number[];
  /** The same of who bets that they are below. */
  readonly below: readonly number[];
}

/** At most this share of the capital can be lost in one bet. */
const BOLDNESS = 0.75;

/** Takes values in, one after another. */
export class BettingTest {
  readonly #means: Float64Array;
  readonly #above: Float64Array;
  readonly #below: Float64Array;
  #count = 0;
  #sum = 0;
  #squares = 0;

  /** @param means that are asked about, each between -1 and 1. */
  constructor(means: readonly number[], before?: Evidence) {
    this.#means = Float64Array.from(means);
    this.#above = new Float64Array(means.length);
    this.#below = new Float64Array(means.length);
    if (before === undefined || before.above.length !== means.length) return;
    this.#above.set(before.above);
    this.#below.set(before.below);
    ({ count: this.#count, sum: this.#sum, squares: this.#squares } = before);
  }

  /** @param value -1 to 1. */
  add(value: number): void {
    // Of nothing that was seen, a mean of 0 and a variance of 1/4 are expected, as of one value.
    const mean = this.#sum / (this.#count + 1);
    const variance = (0.25 + this.#squares) / (this.#count + 1);
    for (let m = 0; m < this.#means.length; m++) {
      const distance = mean - this.#means[m];
      const bold = distance / (variance + distance * distance);
      // Whoever expects to lose bets nothing.
      if (bold > 0)
        this.#above[m] += Math.log1p(
          Math.min(bold, BOLDNESS / (1 + this.#means[m])) * (value - this.#means[m]),
        );
      else
        this.#below[m] += Math.log1p(
          Math.min(-bold, BOLDNESS / (1 - this.#means[m])) * (this.#means[m] - value),
        );
    }
    this.#count++;
    this.#sum += value;
    this.#squares += (value - mean) ** 2;
  }

  get evidence(): Evidence {
    return {
      count: this.#count,
      sum: this.#sum,
      squares: this.#squares,
      above: Array.from(this.#above),
      below: Array.from(this.#below),
    };
  }
}

/**
 * What several saw, of values apart: capitals multiply, since each factor is a fair bet on its own value.
 *
 * @param parts at least one, of the same means.
 */
export function joinEvidence(parts: readonly Evidence[]): Evidence {
  const added = (of: (part: Evidence) => readonly number[]) =>
    of(parts[0]).map((_, m) => parts.reduce((sum, part) => sum + of(part)[m], 0));
  const total = (of: (part: Evidence) => number) => parts.reduce((sum, part) => sum + of(part), 0);
  return {
    count: total(({ count }) => count),
    sum: total(({ sum }) => sum),
    squares: total(({ squares }) => squares),
    above: added(({ above }) => above),
    below: added(({ below }) => below),
  };
}

/** Whether the mean is above what is asked about, as far as alpha allows: wrong, ever, with that probability at most. */
export function isAbove({ above }: Evidence, m: number, alpha: number): boolean {
  return above[m] >= Math.log(1 / alpha);
}

export function isBelow({ below }: Evidence, m: number, alpha: number): boolean {
  return below[m] >= Math.log(1 / alpha);
}

/**
 * Bounds of the mean that hold at all times together with probability 1 - alpha, as fine as the means that were asked about lie.
 *
 * @param means in ascending order.
 */
export function boundsOf(
  evidence: Evidence,
  means: readonly number[],
  alpha: number,
): { readonly lower: number; readonly upper: number } {
  let [lower, upper] = [-1, 1];
  for (let m = 0; m < means.length && isAbove(evidence, m, alpha / 2); m++) lower = means[m];
  for (let m = means.length - 1; m >= 0 && isBelow(evidence, m, alpha / 2); m--) upper = means[m];
  return { lower, upper };
}
