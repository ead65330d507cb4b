import { dayOf, type ScoredTraffic } from '../drift/scored-traffic.ts';

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
