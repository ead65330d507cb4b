/** Penalties are looked for among these, strong to weak. */
const LADDER = [
  100, 30, 10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001, 0.00003, 0.00001,
] as const;

type Penalty = (typeof LADDER)[number];

interface PenaltyRange {
  /** Tried at first, as shares of what penalties are measured by. */
  readonly from: Penalty;
  readonly to: Penalty;
  /** None weaker is tried. @default 0.00001, the weakest there is */
  readonly weakest?: Penalty;
}

/** Penalties that were tried, strong to weak, and what each gave. */
interface TriedPenalties<Tried> {
  readonly shares: readonly number[];
  readonly tried: readonly Tried[];
}

/**
 * Tries a range of penalties, and further ones for as long as the best stands at an end of it: a best one at an end says only
 * that the range was too short. At 100 next to nothing is left of what is fitted, so that end is none.
 *
 * @param attempt what each of some penalties gives, in their order
 * @param best index of the best one for each thing that is asked
 */
export async function searchPenalties<Tried>(
  { from, to, weakest = 0.00001 }: PenaltyRange,
  attempt: (shares: readonly number[]) => Promise<readonly Tried[]>,
  best: (tried: readonly Tried[]) => readonly number[],
): Promise<TriedPenalties<Tried>> {
  let [first, last] = [LADDER.indexOf(from), LADDER.indexOf(to)];
  let tried = await attempt(LADDER.slice(first, last + 1));
  for (;;) {
    const found = best(tried);
    const stronger = found.includes(0) && first > 0;
    const weaker = found.includes(tried.length - 1) && LADDER[last] > weakest;
    if (!stronger && !weaker) return { shares: LADDER.slice(first, last + 1), tried };
    if (weaker) tried = [...tried, ...(await attempt([LADDER[++last]]))];
    if (stronger) tried = [...(await attempt([LADDER[--first]])), ...tried];
  }
}
