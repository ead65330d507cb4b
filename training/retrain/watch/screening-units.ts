import { dayOf, type ScoredTraffic } from './candidate-shifts.ts';

/** What is judged as one: a batch, or several that are too small to be judged alone. */
export interface ScreeningUnit {
  /** The batch's own name, or what the batches have in common. */
  readonly name: string;
  readonly batches: readonly string[];
  readonly cells: readonly ScoredCell[];
  /** Prompts with a quality. */
  readonly rows: number;
  /** Its last day: "2026-11-25". */
  readonly lastDay: string;
}

const UNDATED = 'undated ';
const DAY_LENGTH = '2026-11-25'.length;

/** The batch of one day of a source; of prompts without a time, where `day` is null. */
export function batchName(day: string | null, source: string): string {
  return day === null ? `${UNDATED}${source}` : `${day} ${source}`;
}

export function dayOfBatch(batch: string): string {
  return batch.slice(0, DAY_LENGTH);
}

export function sourceOfBatch(batch: string): string {
  return batch.slice(batch.startsWith(UNDATED) ? UNDATED.length : DAY_LENGTH + 1);
}

/**
 * Parts batches into units of at least `fewestRows` prompts. Who sends little at a time, or under many names, is judged all
 * the same: small batches of one source are pooled over its days, what is still small over all sources of a day, and the rest
 * over all days. Sources that have been believed before are never pooled with new ones.
 *
 * @param cellsOf of each batch to be judged
 * @returns the units, and with them the few prompts that are not enough for one: they wait for more
 */
export function screeningUnits(
  cellsOf: ReadonlyMap<string, readonly ScoredCell[]>,
  isKnown: (source: string) => boolean,
  fewestRows: number,
): ScreeningUnit[] {
  const units: ScreeningUnit[] = [];
  /** Makes a unit of each group that is large enough. @returns batches of the others */
  const take = (
    batches: readonly string[],
    keyOf: (batch: string) => string,
    nameOf: (group: readonly string[]) => string,
  ): string[] => {
    const rest: string[] = [];
    for (const group of groupBy(batches, keyOf).values()) {
      const cells = group.flatMap((batch) => cellsOf.get(batch) ?? []);
      const rows = countRows(cells);
      if (rows < fewestRows) for (const batch of group) rest.push(batch);
      else
        units.push({
          name: nameOf(group),
          batches: group,
          cells,
          rows,
          lastDay: dayOfBatch(group[group.length - 1]),
        });
    }
    return rest;
  };
  const kind = (batch: string) => (isKnown(sourceOfBatch(batch)) ? 'known' : 'new');
  const sources = (group: readonly string[]) => new Set(group.map(sourceOfBatch)).size;
  const own = take(
    [...cellsOf.keys()].sort(),
    (batch) => batch,
    ([batch]) => batch,
  );
  // Prompts without a time neither teach nor judge.
  const dated = own.filter((batch) => !batch.startsWith(UNDATED));
  const bySource = take(dated, sourceOfBatch, (group) => `${daysOf(group)} ${sourceOfBatch(group[0])}`);
  const byDay = take(
    bySource,
    (batch) => `${dayOfBatch(batch)} ${kind(batch)}`,
    (group) => `${daysOf(group)} ${sources(group)} ${kind(group[0])} sources`,
  );
  take(byDay, kind, (group) => `${daysOf(group)} ${sources(group)} ${kind(group[0])} sources`);
  return units;
}

function daysOf(batches: readonly string[]): string {
  const days = batches.map(dayOfBatch);
  const [first, last] = [days[0], days[days.length - 1]];
  return first === last ? first : `${first} to ${last}`;
}

export function countRows(cells: readonly ScoredCell[]): number {
  return new Set(cells.map(({ row }) => row)).size;
}

/** An outcome with a quality, and what the champion expected of it. */
export interface ScoredCell {
  readonly row: number;
  readonly candidate: number;
  readonly day: number;
  readonly group: number;
  readonly quality: number;
  /** NaN where the champion does not know the candidate. */
  readonly predicted: number;
}

/** Every observed quality of the traffic. */
export function scoredCells({ matrix, success }: ScoredTraffic, groups: Int32Array): ScoredCell[] {
  const columns = matrix.candidates.length;
  const cells: ScoredCell[] = [];
  matrix.quality.forEach((quality, cell) => {
    if (Number.isNaN(quality)) return;
    const row = Math.floor(cell / columns);
    cells.push({
      row,
      candidate: cell % columns,
      day: dayOf(matrix.prompts[row].timestampMs),
      group: groups[row],
      quality,
      predicted: success[cell],
    });
  });
  return cells;
}

/** Lists of equal keys. */
export function groupBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const lists = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const list = lists.get(key);
    if (list === undefined) lists.set(key, [item]);
    else list.push(item);
  }
  return lists;
}
