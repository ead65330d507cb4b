import { Matrix as Square, solve } from 'ml-matrix';

/** Two candidates on one prompt, and what was preferred. */
export interface Comparison {
  /** Numbers of the candidates. */
  readonly a: number;
  readonly b: number;
  /** 1: the first was better, 0: the second; 1/2: a tie. Others are shares of votes. */
  readonly won: number;
}

/** How likely each candidate is to be preferred to each other one, whatever the prompt. */
export interface BradleyTerry {
  /** Logarithms; their mean is 0. `[candidates]` */
  readonly strengths: Float64Array;
  /** Davidson's ν: how often equals tie, against how often one of them wins. */
  readonly ties: number;
}

/** Strengths are drawn to 0 as by a normal prior of this precision: one who won everything is not infinitely strong. */
const PRECISION = 0.5;
const MOST_STEPS = 100;

/**
 * Bradley and Terry's model with ties, after Davidson (1970): a wins by e^a, b by e^b, and they tie by ν e^((a + b) / 2), each over their
 * sum. Newton's steps on the penalised likelihood, which is concave; the order of the comparisons, and which candidate of one comes first,
 * make no difference but for rounding.
 *
 * @param candidates how many there are; one without a comparison has strength 0
 */
export function fitBradleyTerry(comparisons: readonly Comparison[], candidates: number): BradleyTerry {
  const pairs = countPairs(comparisons, candidates);
  // The last is the logarithm of ν.
  const x = new Float64Array(candidates + 1);
  for (let step = 0; step < MOST_STEPS; step++) {
    const gradient = Square.zeros(candidates + 1, 1);
    const bend = Square.eye(candidates + 1).mul(PRECISION);
    for (let i = 0; i <= candidates; i++) gradient.set(i, 0, -PRECISION * x[i]);
    for (const { a, b, count, score, tied } of pairs) {
      const { expected, tie } = chances(x[a] - x[b], Math.exp(x[candidates]));
      const [spread, shared, ofTies] = [
        count * (expected * (1 - expected) - tie / 4),
        count * tie * (0.5 - expected),
        count * tie * (1 - tie),
      ];
      add(gradient, a, 0, score - count * expected);
      add(gradient, b, 0, count * expected - score);
      add(gradient, candidates, 0, tied - count * tie);
      add(bend, a, a, spread);
      add(bend, b, b, spread);
      add(bend, a, b, -spread);
      add(bend, b, a, -spread);
      for (const [i, value] of [
        [a, shared],
        [b, -shared],
      ]) {
        add(bend, i, candidates, value);
        add(bend, candidates, i, value);
      }
      add(bend, candidates, candidates, ofTies);
    }
    const move = solve(bend, gradient).to1DArray();
    const largest = move.reduce((most, by) => Math.max(most, Math.abs(by)), 0);
    // A full step may go too far where nearly everything is decided.
    const part = Math.min(1, 2 / largest);
    for (let i = 0; i <= candidates; i++) x[i] += part * move[i];
    if (largest < 1e-10) break;
  }
  const strengths = x.slice(0, candidates);
  const mean = strengths.reduce((sum, strength) => sum + strength, 0) / candidates;
  return { strengths: strengths.map((strength) => strength - mean), ties: Math.exp(x[candidates]) };
}

/** Expected score of a against b, a tie being half a win. */
export function expectedScore({ strengths, ties }: BradleyTerry, a: number, b: number): number {
  return chances(strengths[a] - strengths[b], ties).expected;
}

/** Expected score of each candidate against another one that is drawn at random: `[candidates]` */
export function fieldScores(model: BradleyTerry): Float64Array {
  const candidates = model.strengths.length;
  return model.strengths.map((_, a) => {
    let sum = 0;
    for (let b = 0; b < candidates; b++) if (b !== a) sum += expectedScore(model, a, b);
    return sum / (candidates - 1);
  });
}

function chances(difference: number, ties: number): { readonly expected: number; readonly tie: number } {
  // Both over e^|difference / 2|, so that nothing overflows.
  const [high, low] = [1, Math.exp(-Math.abs(difference))];
  const level = ties * Math.exp(-Math.abs(difference) / 2);
  const all = high + low + level;
  const tie = level / all;
  return { expected: (difference >= 0 ? high : low) / all + tie / 2, tie };
}

function add(matrix: Square, row: number, column: number, value: number): void {
  matrix.set(row, column, matrix.get(row, column) + value);
}

/** What was seen of two candidates. */
interface Pair {
  readonly a: number;
  readonly b: number;
  count: number;
  /** Wins of a, and half of the ties. */
  score: number;
  tied: number;
}

function countPairs(comparisons: readonly Comparison[], candidates: number): Pair[] {
  const pairs = new Map<number, Pair>();
  for (const { a, b, won } of comparisons) {
    const [first, second] = a < b ? [a, b] : [b, a];
    const key = first * candidates + second;
    const pair = pairs.get(key) ?? { a: first, b: second, count: 0, score: 0, tied: 0 };
    pair.count++;
    pair.score += a < b ? won : 1 - won;
    pair.tied += 1 - Math.abs(2 * won - 1);
    pairs.set(key, pair);
  }
  return [...pairs].sort(([one], [other]) => one - other).map(([, pair]) => pair);
}
