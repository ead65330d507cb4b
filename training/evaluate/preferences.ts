import { Matrix as Square, solve } from 'ml-matrix';
import { comparisonsOf, isByPreference, type OutcomeMatrix } from '../outcomes/matrix.ts';
import { formatDecimal, formatPercent, formatShareNumber, plural } from '../words.ts';
import { bootstrapMeans } from './compare.ts';
import type { PreferenceFigures } from './evaluation.ts';
import { type EvaluationInput, trainRows } from './evaluation-input.ts';

/**
 * How well a router foretells which of two answers is preferred. Beside quality, which says how good its choices are.
 * @param best number of the best single candidate; null where there is none
 * @returns null where the test split compares nothing, or the router has no choice head
 */
export function measurePreferences(
  { groups, matrix, predictions, splits }: EvaluationInput,
  best: number | null,
  options: { readonly seed: number; readonly resamples: number },
): PreferenceFigures | null {
  const { candidates } = matrix;
  const { choice, chosen } = predictions;
  const positions = new Map(Array.from(splits.test.rows, (row, i) => [row, i]));
  const compared = comparisonsOf(matrix, splits.test.rows);
  if (compared.length === 0 || choice === null) return null;
  const columns = candidates.length;
  const train = comparisonsOf(matrix, trainRows(splits));
  const model: BradleyTerry | null = train.length === 0 ? null : fitBradleyTerry(train, columns);
  const [own, others, won] = [0, 1, 2].map(() => new Float64Array(compared.length).fill(Number.NaN));
  compared.forEach((one, i) => {
    const { a, b } = one;
    const at = positions.get(one.row)!;
    const [oddsA, oddsB] = [choice[at * columns + a], choice[at * columns + b]];
    own[i] = lossOf(oddsA + oddsB > 0 ? oddsA / (oddsA + oddsB) : 0.5, one.won);
    if (model !== null) others[i] = lossOf(expectedScore(model, a, b), one.won);
    if (best === null || chosen[at] === best) return;
    if (chosen[at] === a && best === b) won[i] = one.won;
    else if (chosen[at] === b && best === a) won[i] = 1 - one.won;
  });
  const clusters = Int32Array.from(compared, ({ row }) => groups[row]);
  const [logLoss, ofStrengths, saved, share] = bootstrapMeans(
    [own, others, others.map((loss, i) => loss - own[i]), won],
    { ...options, clusters },
  );
  return {
    comparisons: compared.length,
    ties: compared.filter((one) => one.won === 0.5).length / compared.length,
    logLoss,
    logLossOfStrengths: model && ofStrengths,
    saved: model && saved,
    againstBestSingle:
      best === null || won.every(Number.isNaN) ? null : { candidate: candidates[best], won: share },
  };
}

/** A probability is taken as at least this: one sure mistake must not outweigh all else. */
const LEAST = 1e-6;

function lossOf(probability: number, won: number): number {
  const p = Math.min(1 - LEAST, Math.max(LEAST, probability));
  return -won * Math.log(p) - (1 - won) * Math.log(1 - p);
}

/** The figures in sentences, for whoever reads a report or a terminal. */
export function sayPreferences({
  againstBestSingle,
  comparisons,
  logLoss,
  logLossOfStrengths,
  saved,
  ties,
}: PreferenceFigures): string[] {
  const said = [
    `Of ${plural(comparisons, 'comparison')} in the test split, ${formatPercent(ties)} tie. Which answer is preferred, the router foretells with a log-loss of ` +
      `${formatDecimal(logLoss.estimate)} (chance: ${formatDecimal(Math.LN2)}${
        logLossOfStrengths === null
          ? ''
          : `; strengths that are the same for every prompt: ${formatDecimal(logLossOfStrengths.estimate)}`
      }).`,
  ];
  if (saved !== null && saved.low !== null && saved.high !== null && saved.low <= 0 && saved.high >= 0)
    said.push(
      'Whether prompts tell anything about which answer is preferred, these comparisons do not show.',
    );
  if (againstBestSingle !== null) {
    const { candidate, won } = againstBestSingle;
    said.push(
      `Where the router chooses another candidate than ${candidate}, and the two were compared (${plural(won.rows, 'time')}), its choice's share of wins ` +
        `in per cent is ${formatShareNumber(won)}, a tie counting half.`,
    );
  }
  return said;
}

/** What "quality" means where the traffic has comparisons. */
export function preferenceCaveats(matrix: OutcomeMatrix): string[] {
  if (isByPreference(matrix))
    return [
      'Quality is here the share of comparisons won against the other candidates, a tie counting half: the traffic has preferences and no scores.',
    ];
  const compared = comparisonsOf(matrix).length;
  return compared === 0
    ? []
    : [
        `Quality is measured on scores alone; ${plural(compared, 'comparison')} of the traffic have no part in it.`,
      ];
}

/** Two candidates on one prompt, and what was preferred. */
export interface Comparison {
  /** Numbers of the candidates. */
  readonly a: number;
  readonly b: number;
  /** 1: the first was better, 0: the second; 1/2: a tie. Others are shares of votes. */
  readonly won: number;
}

/** How likely each candidate is to be preferred to each other one, whatever the prompt. */
interface BradleyTerry {
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
