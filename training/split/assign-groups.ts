import { createRandom } from 'pointsman/math';

/**
 * Deals rows into parts of given sizes: whole groups only, each stratum spread over the parts as the sizes are,
 * seeded. Sizes are met exactly where single rows are left to fill up with, else as nearly as groups allow.
 * @param rows indices into `groups` and `strata`.
 * @param sizes rows wanted in each part; together as many as `rows`.
 * @returns the rows of each part, ascending.
 */
export function assignGroups(
  rows: Int32Array,
  groups: Int32Array,
  strata: readonly (string | null)[],
  sizes: readonly number[],
  seed: number,
): Int32Array[] {
  const members = new Map<number, number[]>();
  for (const row of rows) {
    const found = members.get(groups[row]);
    if (found === undefined) members.set(groups[row], [row]);
    else found.push(row);
  }
  // Large groups first, while there is room everywhere; then stratum by stratum, for ties only chance decides.
  const dealt = createRandom(seed)
    .shuffle([...members.values()])
    .map((held, drawn) => ({ held, drawn, stratum: strata[held[0]] ?? '' }))
    .sort(
      (a, b) =>
        b.held.length - a.held.length ||
        (a.stratum < b.stratum ? -1 : a.stratum > b.stratum ? 1 : a.drawn - b.drawn),
    );
  const parts: number[][] = sizes.map(() => []);
  const shares = sizes.map((size) => size / Math.max(1, rows.length));
  const perStratum = new Map<string, { seen: number; given: number[] }>();
  const tallyOf = (row: number): { seen: number; given: number[] } => {
    const stratum = strata[row] ?? '';
    let tally = perStratum.get(stratum);
    if (tally === undefined) {
      tally = { seen: 0, given: sizes.map(() => 0) };
      perStratum.set(stratum, tally);
    }
    return tally;
  };
  let seen = 0;
  for (const { held } of dealt) {
    seen += held.length;
    for (const row of held) tallyOf(row).seen++;
    let best = 0;
    let bestLack = Number.NEGATIVE_INFINITY;
    for (const part of sizes.keys()) {
      const room = sizes[part] - parts[part].length;
      // How far the part lags behind its share, over all rows and within the strata of this group.
      let lack = shares[part] * seen - parts[part].length;
      for (const row of held) {
        const tally = tallyOf(row);
        lack += (shares[part] * tally.seen - tally.given[part]) / held.length;
      }
      if (room < held.length) lack = room - 2 * rows.length - held.length;
      if (lack > bestLack) {
        best = part;
        bestLack = lack;
      }
    }
    for (const row of held) {
      parts[best].push(row);
      tallyOf(row).given[best]++;
    }
  }
  return parts.map((part) => Int32Array.from(part).sort());
}
