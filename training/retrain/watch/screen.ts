import { dayName, dayOf, type ScoredTraffic } from '../../drift/scored-traffic.ts';
import type { OutcomeMatrix } from '../../outcomes/outcome-matrix.ts';
import { checkCopies, checkRepeats } from '../../screening/check-copies.ts';
import { checkLevels } from '../../screening/check-levels.ts';
import { checkOrder, checkUpsideDown } from '../../screening/check-order.ts';
import { groupBy, type ScoredCell, scoredCells } from '../../screening/scored-cells.ts';
import type { BatchScreening } from '../../screening/screening.ts';
import {
  batchName,
  countRows,
  dayOfBatch,
  type ScreeningUnit,
  screeningUnits,
  sourceOfBatch,
} from './screening-units.ts';

export interface ScreenOptions {
  /** Smaller batches are pooled until they have so many scored prompts. @default 30 */
  readonly fewestRows?: number;
  /** Standard errors by which a batch must stand out. @default 4 */
  readonly z?: number;
  /**
   * When each source was first believed, as a text that sorts: others are compared with the oldest ones, as long as these
   * are enough. A source that is not there is new. @default all are new
   */
  readonly believedSince?: Readonly<Record<string, string>>;
}

/** Fewer scored prompts than this are nothing to compare with. */
const FEWEST_REFERENCE = 100;

/** With so many scored prompts of older sources, younger ones have no say. */
const ENOUGH_REFERENCE = 300;

/** The batch of each prompt: its day and source. Prompts without a time are one batch a source. */
export function batchesOf({ prompts }: OutcomeMatrix): string[] {
  return prompts.map(({ source, timestampMs }) =>
    batchName(timestampMs === null ? null : dayName(dayOf(timestampMs)), source),
  );
}

/**
 * Looks for batches whose scores cannot be what they say, before anything learns from them. A batch is compared with those of
 * the same or earlier days that were judged and are believed, through what the champion predicts. One candidate that gets worse
 * is a change of the candidate, and no reason to doubt the log; scores that turn the champion's order around, several candidates
 * that change at once, one that is suddenly praised beyond anything seen, floods of copies, and other scores for the very prompts
 * that were scored before are.
 *
 * Anybody can be many sources, and send little under each name. So small batches are judged together, and what was not
 * judged is no reference; the sources that were believed first are the reference for all others, however many these are.
 *
 * @param traffic with the champion's predictions; NaN where there is no champion: then only copies are looked at
 * @param groups near-duplicate group of each prompt
 * @param asked batches to look at; of all others what was found before still holds
 * @param distrusted batches that are no reference
 * @returns of each batch, or pool of batches, that could be judged
 */
export function screenBatches(
  traffic: ScoredTraffic,
  groups: Int32Array,
  asked: ReadonlySet<string>,
  distrusted: ReadonlySet<string>,
  { fewestRows = 30, z = 4, believedSince = {} }: ScreenOptions = {},
): BatchScreening[] {
  const batches = batchesOf(traffic.matrix);
  const cellsOf = groupBy(scoredCells(traffic, groups), ({ row }) => batches[row]);
  const isKnown = (source: string) => Object.hasOwn(believedSince, source);
  const ageOf = (batch: string) => {
    const source = sourceOfBatch(batch);
    return isKnown(source) ? believedSince[source] : YOUNGEST;
  };
  const believed = new Map([...cellsOf].filter(([batch]) => !asked.has(batch) && !distrusted.has(batch)));
  const units = screeningUnits(
    new Map([...cellsOf].filter(([batch]) => asked.has(batch))),
    isKnown,
    fewestRows,
  );
  const ageOfUnit = ({ batches: [first] }: ScreeningUnit) => ageOf(first);
  // The oldest first: what is not believed is no reference for those after it.
  units.sort(
    (a, b) => compare(a.lastDay, b.lastDay) || compare(ageOfUnit(a), ageOfUnit(b)) || b.rows - a.rows,
  );
  return units.map((unit) => {
    const others = referenceOf(believed, unit.lastDay, ageOf);
    const reference = others.flat();
    const compared = countRows(reference);
    const suspicions =
      compared < FEWEST_REFERENCE
        ? checkUpsideDown(unit.cells, z)
        : [
            ...checkOrder(unit.cells, reference, z),
            ...checkLevels(unit.cells, reference, traffic.matrix.candidates, z),
            ...checkCopies(unit.cells, others),
            ...checkRepeats(unit.cells, reference),
          ];
    if (suspicions.length === 0)
      for (const batch of unit.batches) believed.set(batch, cellsOf.get(batch) ?? []);
    return {
      batch: unit.name,
      rows: unit.rows,
      reference: compared < FEWEST_REFERENCE ? 0 : compared,
      suspicions,
      ...(unit.batches.length > 1 ? { batches: unit.batches } : {}),
    };
  });
}

/** Sorts after every time. */
const YOUNGEST = '\uffff';

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Believed batches up to a day, those of the oldest sources first, and of younger ones only where those are not enough;
 * of later days, where there are too few before.
 */
function referenceOf(
  believed: ReadonlyMap<string, readonly ScoredCell[]>,
  lastDay: string,
  ageOf: (batch: string) => string,
): (readonly ScoredCell[])[] {
  const byAge = [...groupBy([...believed.keys()], ageOf)].sort(([a], [b]) => compare(a, b));
  const takeFrom = (isIn: (batch: string) => boolean) => {
    const taken: (readonly ScoredCell[])[] = [];
    let rows = 0;
    for (const [, batches] of byAge) {
      if (rows >= ENOUGH_REFERENCE) break;
      for (const batch of batches.filter(isIn)) {
        const cells = believed.get(batch) ?? [];
        taken.push(cells);
        rows += countRows(cells);
      }
    }
    return { taken, rows };
  };
  const before = takeFrom((batch) => dayOfBatch(batch) <= lastDay);
  return before.rows >= FEWEST_REFERENCE ? before.taken : takeFrom(() => true).taken;
}
