import type { Remaining } from './limit-filter.ts';
import type { Predictions } from './predictions.ts';
import { rank } from './rank.ts';

/** An order with some candidates put first, and who is removed. */
interface ComposedOrder {
  readonly order: readonly number[];
  readonly removed: readonly (string | undefined)[];
  readonly reserve: readonly number[];
}

/**
 * Puts `firsts` first, then all others that are left, by utility. A policy inside may have kept a candidate that
 * the limits around it removed, where its own `relax` says so: then it counts as left.
 */
export function composeOrder(
  firsts: readonly number[],
  { left, removed, reserve }: Remaining,
  utilities: Float64Array,
  predictions: Predictions,
): ComposedOrder {
  const order: number[] = [];
  let kept = removed;
  for (const c of firsts) {
    if (order.includes(c)) continue;
    order.push(c);
    if (kept[c] === undefined) continue;
    const copy = kept.slice();
    copy[c] = undefined;
    kept = copy;
  }
  const ranked = rank(left, utilities, predictions);
  for (const c of ranked) if (!order.includes(c)) order.push(c);
  return { order, removed: kept, reserve: reserve.filter((c) => !order.includes(c)) };
}
