import { mean, quantile } from 'pointsman/math';
import { formatPercent, formatTimes } from '../words/format-number.ts';
import { groupBy, type ScoredCell } from './scored-cells.ts';
import type { Suspicion } from './screening.ts';

/** Near-duplicates in one batch from which on they are copies. */
const MANY = 5;
const MOST_COPIES = 0.5;

/** How much more a batch must hold than others do, to be a flood. */
const FLOOD = 2;
const FEWEST_REPEATS = 20;
const MOST_DISAGREEMENT = 0.5;

/** A flood: a batch much larger than others, half of it copies of a few prompts, where others have few. */
export function checkCopies(
  cells: readonly ScoredCell[],
  others: readonly (readonly ScoredCell[])[],
): Suspicion[] {
  const share = copiesIn(cells);
  const usual = mean(others.map(copiesIn));
  const size = quantile(
    others.map((other) => other.length),
    0.5,
  );
  if (share < MOST_COPIES || usual > MOST_COPIES / 2 || cells.length < FLOOD * size) return [];
  return [
    {
      kind: 'copies',
      sentence:
        `${formatPercent(share, 0)} of it are copies of a few prompts (elsewhere ${formatPercent(usual, 0)}), and it is ` +
        `${formatTimes(cells.length / size)} times as large as the usual batch`,
    },
  ];
}

function copiesIn(cells: readonly ScoredCell[]): number {
  const copies = [...groupBy(cells, ({ group }) => group).values()].filter((own) => own.length > MANY);
  return copies.reduce((sum, own) => sum + own.length, 0) / Math.max(1, cells.length);
}

/** The same candidate on the same prompts as before must score as before. */
export function checkRepeats(cells: readonly ScoredCell[], reference: readonly ScoredCell[]): Suspicion[] {
  const keyOf = ({ candidate, group }: ScoredCell) => `${group} ${candidate}`;
  const before = groupBy(reference, keyOf);
  const disagreements = cells.flatMap((cell) => {
    const scored = before.get(keyOf(cell));
    return scored === undefined ? [] : [Math.abs(cell.quality - mean(scored.map(({ quality }) => quality)))];
  });
  const disagreement = mean(disagreements);
  if (disagreements.length < FEWEST_REPEATS || disagreement < MOST_DISAGREEMENT) return [];
  return [
    {
      kind: 'repeats',
      sentence: `on ${disagreements.length} prompts that were scored before, its scores are off by ${disagreement.toFixed(2)} on average`,
    },
  ];
}
