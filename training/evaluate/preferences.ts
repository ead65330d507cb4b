import { type BradleyTerry, expectedScore, fitBradleyTerry } from '../fit/bradley-terry.ts';
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
