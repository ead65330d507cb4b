import { chooseBest } from './choose-best.ts';

/**
 * Choices under quality - lambda * cost (RouterBench, Hu et al. 2024, arXiv 2403.12031, section 3) for lambda
 * from 0 (quality alone) to infinity (cost alone), in steps of the square root of 2 about 1 / mean cost.
 * Settings that choose the same on every row appear once.
 *
 * @param quality `[rows, candidates]` predicted, or true for the oracle @param costUsd the same, complete
 * @param allowed candidates that may be chosen
 * @returns choices `[rows]`, from the dearest setting to the cheapest
 */
export function utilitySweep(
  quality: ArrayLike<number>,
  costUsd: ArrayLike<number>,
  candidates: number,
  allowed: readonly number[],
): Int32Array[] {
  const rows = quality.length / candidates;
  let sum = 0;
  for (let row = 0; row < rows; row++) for (const c of allowed) sum += costUsd[row * candidates + c];
  const meanCost = sum / (rows * allowed.length);
  const lambdas = [0];
  if (meanCost > 0) for (let step = -20; step <= 28; step++) lambdas.push(2 ** (step / 2) / meanCost);
  lambdas.push(Number.POSITIVE_INFINITY);
  const settings: Int32Array[] = [];
  for (const lambda of lambdas) {
    const chosen = chooseAll(quality, costUsd, candidates, allowed, lambda);
    const previous = settings[settings.length - 1];
    if (!previous?.every((candidate, row) => candidate === chosen[row])) settings.push(chosen);
  }
  return settings;
}

function chooseAll(
  quality: ArrayLike<number>,
  costUsd: ArrayLike<number>,
  candidates: number,
  allowed: readonly number[],
  lambda: number,
): Int32Array {
  const rows = quality.length / candidates;
  const utility = new Float64Array(candidates);
  const tieBreak = new Float64Array(candidates);
  const costAlone = lambda === Number.POSITIVE_INFINITY;
  return Int32Array.from({ length: rows }, (_, row) => {
    for (const c of allowed) {
      const at = row * candidates + c;
      utility[c] = costAlone ? -costUsd[at] : quality[at] - lambda * costUsd[at];
      tieBreak[c] = costAlone ? -quality[at] : costUsd[at];
    }
    return chooseBest(utility, allowed, tieBreak);
  });
}
