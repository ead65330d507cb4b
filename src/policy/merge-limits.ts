import type { Limits } from './limits.ts';

/** Both at once: allowed by both, denied by either, and of two bounds the tighter. */
export function mergeLimits(outer: Limits | undefined, inner: Limits | undefined): Limits {
  if (outer === undefined) return inner ?? {};
  if (inner === undefined) return outer;
  const { allow } = inner;
  const bounds = {
    maxCostUsd: Math.min(outer.maxCostUsd ?? Infinity, inner.maxCostUsd ?? Infinity),
    maxLatencyMs: Math.min(outer.maxLatencyMs ?? Infinity, inner.maxLatencyMs ?? Infinity),
    minSuccessProbability: Math.max(outer.minSuccessProbability ?? 0, inner.minSuccessProbability ?? 0),
  };
  return {
    ...(allow === undefined
      ? outer.allow === undefined
        ? {}
        : { allow: outer.allow }
      : { allow: outer.allow === undefined ? allow : allow.filter((name) => outer.allow?.includes(name)) }),
    deny: [...(outer.deny ?? []), ...(inner.deny ?? [])],
    ...(bounds.maxCostUsd === Infinity ? {} : { maxCostUsd: bounds.maxCostUsd }),
    ...(bounds.maxLatencyMs === Infinity ? {} : { maxLatencyMs: bounds.maxLatencyMs }),
    ...(bounds.minSuccessProbability === 0 ? {} : { minSuccessProbability: bounds.minSuccessProbability }),
  };
}
