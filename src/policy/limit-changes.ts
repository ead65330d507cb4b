import type { Remaining } from './limit-filter.ts';
import type { Change } from './plan.ts';

/** For each candidate that one bound alone keeps from being first: what that bound would have to be. */
export function limitChanges(
  { removed, onlyBound }: Remaining,
  utilities: Float64Array,
  first: number,
  candidates: readonly { readonly name: string }[],
): Change[] {
  const changes: Change[] = [];
  for (let c = 0; c < removed.length; c++) {
    if (removed[c] === undefined || !(utilities[c] > utilities[first])) continue;
    const bound = onlyBound(c);
    if (bound === undefined || Number.isNaN(bound.to)) continue;
    changes.push({ kind: 'limit', ...bound, candidate: candidates[c].name });
  }
  return changes;
}
