import type { BrokenBound, Remaining } from './limit-filter.ts';
import type { Change } from './plan.ts';

/** For each candidate that one bound alone keeps from being first: what that bound would have to be. */
export function limitChanges(
  { removed, onlyBound }: Remaining,
  utilities: Float64Array,
  first: number,
  candidates: readonly { readonly name: string }[],
): Change[] {
  const kept: { readonly c: number; readonly bound: BrokenBound }[] = [];
  for (let c = 0; c < removed.length; c++) {
    if (removed[c] === undefined || !(utilities[c] > utilities[first])) continue;
    const bound = onlyBound(c);
    if (bound !== undefined && !Number.isNaN(bound.to)) kept.push({ c, bound });
  }
  // A bound that lets one in may let in another that is as good, who may be first instead.
  const isFirst = ({ c, bound }: (typeof kept)[number]) =>
    !kept.some(
      (other) =>
        other.c !== c &&
        other.bound.limit === bound.limit &&
        utilities[other.c] >= utilities[c] &&
        Math.abs(other.bound.to - bound.from) <= Math.abs(bound.to - bound.from),
    );
  return kept
    .filter(isFirst)
    .map(({ c, bound }) => ({ kind: 'limit', ...bound, candidate: candidates[c].name }));
}
