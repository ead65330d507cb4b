import { dayName, dayOf, type ScoredTraffic } from '../drift/index.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { checkCopies, checkRepeats } from './check-copies.ts';
import { checkLevels } from './check-levels.ts';
import { checkOrder } from './check-order.ts';
import { type ScoredCell, scoredCells } from './scored-cells.ts';
import type { BatchScreening } from './screening.ts';

export interface ScreenOptions {
  /** Batches with fewer scored prompts are too small to judge, and to harm. @default 30 */
  readonly fewestRows?: number;
  /** Standard errors by which a batch must stand out. @default 4 */
  readonly z?: number;
}

/** Fewer scored prompts than this are nothing to compare with. */
const FEWEST_REFERENCE = 100;

/** The batch of each prompt: its day and source. Prompts without a time are one batch a source. */
export function batchesOf({ prompts }: OutcomeMatrix): string[] {
  return prompts.map(({ source, timestampMs }) =>
    timestampMs === null ? `undated ${source}` : `${dayName(dayOf(timestampMs))} ${source}`,
  );
}

/**
 * Looks for batches whose scores cannot be what they say, before anything learns from them. A batch is compared with those of
 * the same or earlier days that are believed, through what the champion predicts. One candidate that gets worse is a
 * change of the candidate, and no reason to doubt the log; scores that turn the champion's order around, several candidates that
 * change at once, one that is suddenly praised beyond anything seen, floods of copies, and other scores for the very prompts
 * that were scored before are.
 *
 * @param traffic with the champion's predictions; NaN where there is no champion: then only copies are looked at
 * @param groups near-duplicate group of each prompt
 * @param asked batches to look at @param distrusted batches that are no reference
 */
export function screenBatches(
  traffic: ScoredTraffic,
  groups: Int32Array,
  asked: ReadonlySet<string>,
  distrusted: ReadonlySet<string>,
  { fewestRows = 30, z = 4 }: ScreenOptions = {},
): BatchScreening[] {
  const cellsOf = new Map<string, ScoredCell[]>();
  const batches = batchesOf(traffic.matrix);
  for (const cell of scoredCells(traffic, groups)) {
    const batch = batches[cell.row];
    const cells = cellsOf.get(batch);
    if (cells === undefined) cellsOf.set(batch, [cell]);
    else cells.push(cell);
  }
  const believed = new Map([...cellsOf].filter(([batch]) => !distrusted.has(batch)));
  const found: BatchScreening[] = [];
  // The oldest first: a batch that is not believed is no reference for those after it.
  for (const batch of [...cellsOf.keys()].filter((one) => asked.has(one)).sort()) {
    const cells = cellsOf.get(batch)!;
    const rows = countRows(cells);
    if (rows < fewestRows) continue;
    const others = [...believed]
      .filter(([other]) => other !== batch && other.slice(0, 10) <= batch.slice(0, 10))
      .map(([, theirs]) => theirs);
    const reference = others.flat();
    const compared = countRows(reference);
    const suspicions =
      compared < FEWEST_REFERENCE
        ? []
        : [
            ...checkOrder(cells, reference, z),
            ...checkLevels(cells, reference, traffic.matrix.candidates, z),
            ...checkCopies(cells, others),
            ...checkRepeats(cells, reference),
          ];
    if (suspicions.length > 0) believed.delete(batch);
    found.push({ batch, rows, reference: compared < FEWEST_REFERENCE ? 0 : compared, suspicions });
  }
  return found;
}

function countRows(cells: readonly ScoredCell[]): number {
  return new Set(cells.map(({ row }) => row)).size;
}
