/** The items an answer lists: split at commas, semicolons and "and", brackets and quotes dropped. */
export function splitList(answer: string): string[] {
  return answer
    .replaceAll(/[[\](){}"']/g, '')
    .split(/\s*(?:,|;|\n|\band\b)\s*/)
    .map((item) => item.trim().toLowerCase())
    .filter((item) => item !== '');
}

/**
 * Credit of a list, 0 to 1: ordered, the longest common subsequence over the longer length; unordered, the F1 of the
 * two multisets. Two empty lists agree.
 */
export function listCredit(expected: readonly string[], given: readonly string[], ordered: boolean): number {
  const right = expected.map((item) => item.toLowerCase());
  if (right.length === 0 || given.length === 0) return right.length === given.length ? 1 : 0;
  if (ordered) return commonSubsequence(right, given) / Math.max(right.length, given.length);
  const left = [...right];
  let hits = 0;
  for (const item of given) {
    const at = left.indexOf(item);
    if (at < 0) continue;
    left.splice(at, 1);
    hits++;
  }
  return (2 * hits) / (right.length + given.length);
}

function commonSubsequence(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const item of a) {
    const next = [0];
    for (let j = 0; j < b.length; j++) {
      next.push(item === b[j] ? row[j]! + 1 : Math.max(row[j + 1]!, next[j]!));
    }
    row = next;
  }
  return row[b.length]!;
}
