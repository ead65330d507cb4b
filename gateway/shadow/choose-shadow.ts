import type { ShadowRule } from '../config/schema.ts';

/** What is known of a candidate beside the one that answered. */
export interface ShadowOption {
  readonly candidate: string;
  /** What it is expected to be worth more than the one that answered, mostly below 0. */
  readonly difference: number;
  /** Standard error of the difference, of what was learned; null where the router does not know. */
  readonly error: number | null;
}

/** Of what is not chosen by what could be learned, so that no candidate is ever left out: its propensity is never 0. */
const UNIFORM_SHARE = 0.1;

/** Variance of one rating, of which one more says the less the larger it is. */
const RATING_VARIANCE = 0.2;

/** What one more answer of a candidate is worth, by a rule; only their proportions count. */
export function shadowValue({ difference, error }: ShadowOption, rule: ShadowRule): number {
  if (rule === 'uniform' || error === null || !(error > 0))
    return rule === 'uniform' || error === null ? 1 : 0;
  switch (rule) {
    // How little is known of the difference.
    case 'widest':
      return error;
    // The probability that it is the better one.
    case 'likeliest':
      return normalBelow(difference / error);
    // How much better it is expected to be where it is better.
    case 'improvement':
      return improvement(difference, error);
    // The same, of what would be known after one more rating: the knowledge gradient.
    case 'gradient':
      return improvement(difference, (error * error) / Math.sqrt(error * error + RATING_VARIANCE));
  }
}

/** Mean of max(0, X), or of max(0, -X) where X is above 0: what changes when it turns out to be on the other side. */
function improvement(difference: number, error: number): number {
  const z = -Math.abs(difference) / error;
  // So far out that numbers end; an error may be 0 by now, being squared.
  if (!(z > -FARTHEST)) return 0;
  return error * (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI) + z * normalBelow(z));
}

/** Standard errors, beyond which nothing is left of a normal distribution. */
const FARTHEST = 38;

/** The normal distribution's probability below `z`: Abramowitz and Stegun 1964, 7.1.26, off by 1.5e-7 at most. */
function normalBelow(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const half = 0.5 * poly * Math.exp(-x * x);
  return z < 0 ? half : 1 - half;
}

/**
 * Chooses so that about a share of requests is shadowed, and those most of which most could be learned: with a probability in proportion to
 * what the answers of all of their candidates would be worth, against the mean of the requests before.
 */
export class ShadowChoice {
  readonly #rule: ShadowRule;
  readonly #share: number;
  #mean = 0;
  #seen = 0;

  /** @param share of requests, 0 to 1. */
  constructor(rule: ShadowRule, share: number) {
    this.#rule = rule;
    this.#share = share;
  }

  /**
   * @returns the probability of each option: together, that this request is shadowed. They depend on nothing but what was known before, so that they can be logged.
   */
  probabilities(options: readonly ShadowOption[]): number[] {
    if (options.length === 0) return [];
    const values = options.map((option) => shadowValue(option, this.#rule));
    const total = values.reduce((sum, value) => sum + value, 0);
    const mean = this.#seen === 0 ? total : this.#mean;
    // The mean of about the last thousand.
    this.#seen = Math.min(this.#seen + 1, MEMORY);
    this.#mean += (total - this.#mean) / this.#seen;
    const chosen = this.#share * (1 - UNIFORM_SHARE);
    const uniform = (this.#share * UNIFORM_SHARE) / options.length;
    const own = values.map(
      (value) => Math.min(1, mean > 0 ? (chosen * value) / mean : chosen / options.length) + uniform,
    );
    const sum = own.reduce((all, value) => all + value, 0);
    return sum <= 1 ? own : own.map((value) => value / sum);
  }
}

const MEMORY = 1_000;

/** @param at uniform in [0, 1). @returns the index of an option; null where none is asked. */
export function drawShadow(probabilities: readonly number[], at: number): number | null {
  let below = 0;
  for (const [index, probability] of probabilities.entries()) {
    below += probability;
    if (at < below) return index;
  }
  return null;
}
