/** Votes for keys, in the order of the voters. */
export interface Tally {
  /** The voter, by its index, whose key has most weight; of several, the first listed. -1 without votes. */
  readonly winner: number;
  /** Weight of the winning key. */
  readonly weight: number;
  /** Whether no voter that has yet to vote can change the winner. */
  readonly decided: boolean;
}

/**
 * Counts votes.
 *
 * @param keys one for each voter; undefined for one that has not voted yet, null for one that will not.
 * @param weights one for each voter, ≥ 0.
 */
export function tallyVotes(keys: readonly (string | null | undefined)[], weights: readonly number[]): Tally {
  const sums = new Map<string, { first: number; weight: number }>();
  let [waiting, open] = [0, 0];
  keys.forEach((key, voter) => {
    if (key === undefined) {
      waiting++;
      open += weights[voter];
    }
    if (typeof key !== 'string') return;
    const sum = sums.get(key) ?? { first: voter, weight: 0 };
    sum.weight += weights[voter];
    sums.set(key, sum);
  });
  let best = { first: -1, weight: -1 };
  for (const sum of sums.values()) if (sum.weight > best.weight) best = sum;
  let second = 0;
  for (const sum of sums.values()) if (sum !== best) second = Math.max(second, sum.weight);
  // Strictly more: with a draw in reach, the order in which voters are listed would still count.
  const decided = best.first !== -1 && (waiting === 0 || best.weight > second + open);
  return { winner: best.first, weight: Math.max(0, best.weight), decided };
}
