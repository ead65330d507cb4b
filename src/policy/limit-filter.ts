import { NoCandidateError } from '../errors.ts';
import { candidateIndex } from './candidate-index.ts';
import { type Bounds, compareExcess, type Excess, excessOf, reads } from './limit-excess.ts';
import { DEFAULT_RELAX, type Limits, type RelaxableLimit } from './limits.ts';
import type { PolicyCandidate, PolicyContext } from './policy.ts';
import { printNumber } from './print-number.ts';

/** Who is left under hard limits, and why the others are not. */
export interface Remaining {
  /**
   * Indices of the candidates that are left, in the manifest's order. Never empty. Where a limit gave way, those that
   * break it least.
   */
  readonly left: readonly number[];
  /** Per candidate; undefined for those that are left. */
  readonly removed: readonly (string | undefined)[];
  /** Those that break by more what gave way, and could answer all the same: to fall back on last, nearest first. */
  readonly reserve: readonly number[];
  /** A sentence where a limit gave way. */
  readonly note: string | undefined;
  /** The limit to blame, where one bound alone removed the candidate; undefined elsewhere. */
  onlyBound(candidate: number): BrokenBound | undefined;
}

/** A bound that a candidate breaks, and what it would have to be. */
interface BrokenBound {
  readonly limit: 'maxCostUsd' | 'maxLatencyMs' | 'minSuccessProbability';
  readonly from: number;
  /** NaN where the candidate's amount is not known. */
  readonly to: number;
}

export type LimitFilter = (context: PolicyContext) => Remaining;

/** One bit a limit, so that "who is left if these give way" is one comparison a candidate. */
const BIT = {
  allow: 1,
  deny: 2,
  minSuccessProbability: 4,
  maxLatencyMs: 8,
  maxCostUsd: 16,
  tools: 32,
  modalities: 64,
  contextWindow: 128,
  retired: 256,
  client: 512,
} as const satisfies Record<RelaxableLimit | 'allow' | 'deny' | 'retired' | 'client', number>;

/**
 * @param limits the policy's own; those of a request are added, and of two the tighter counts.
 * @param relax limits that give way when none is left, in order. Only as many as it takes: one that turns out not
 * to matter stays in force.
 */
export function createLimitFilter(
  candidates: readonly PolicyCandidate[],
  limits: Limits = {},
  relax: readonly RelaxableLimit[] = DEFAULT_RELAX,
): LimitFilter {
  const own = namedBits(candidates, limits);
  const everyone = candidates.map((_, i) => i);
  const nobody: undefined[] = candidates.map(() => undefined);

  return (context) => {
    const asked = context.overrides.limits;
    const bits = new Uint16Array(own);
    if (asked !== undefined) {
      const named = namedBits(candidates, asked);
      for (let c = 0; c < bits.length; c++) bits[c] |= named[c];
    }
    const bounds = tighter(limits, asked);
    let any = 0;
    for (let c = 0; c < bits.length; c++) {
      bits[c] |= brokenLimits(candidates[c], c, context, bounds);
      any |= bits[c];
    }
    if (any === 0)
      return { left: everyone, removed: nobody, reserve: [], note: undefined, onlyBound: noBound };

    const relaxed = relaxedLimits(bits, context.overrides.strict === true ? [] : relax);
    const reason = (c: number, mask: number) => describe(candidates[c], c, bits[c] & ~mask, context, bounds);
    const excess = (c: number) =>
      excessOf(candidates[c], c, (limit) => (bits[c] & BIT[limit]) !== 0, context, bounds);
    if (relaxed === undefined) throw noCandidate(candidates, bits, (c) => reason(c, 0), excess);
    const mask = maskOf(relaxed);
    const onlyBound = (c: number) => brokenBound(bits[c] & ~mask, c, context, bounds);
    const allowed = everyone.filter((c) => (bits[c] & ~mask) === 0);
    const removed = everyone.map((c) => ((bits[c] & ~mask) === 0 ? undefined : reason(c, mask)));
    if (relaxed.length === 0) return { left: allowed, removed, reserve: [], note: undefined, onlyBound };

    const over = new Map(allowed.map((c) => [c, excess(c)]));
    const [least, ...others] = byExcess(allowed, over);
    const isLeast = (c: number) => compareExcess(over.get(c)!, over.get(least)!) === 0;
    for (const c of others) {
      if (!isLeast(c)) removed[c] = `${reason(c, 0)}; ${candidates[least].name} comes closer`;
    }
    return {
      left: allowed.filter(isLeast),
      removed,
      // What it cannot do, it cannot do as a fallback either.
      reserve: others.filter((c) => !isLeast(c) && over.get(c)!.hard === over.get(least)!.hard),
      note: `No candidate met every limit, so ${relaxed.join(', ')} gave way.`,
      onlyBound,
    };
  };
}

const noBound = () => undefined;

/** The smallest excess first; of equals the one listed first. */
function byExcess(some: readonly number[], excess: ReadonlyMap<number, Excess>): number[] {
  return [...some].sort((a, b) => compareExcess(excess.get(a)!, excess.get(b)!) || a - b);
}

/** Limits whose breach no loosening of bounds would heal. */
const FINAL = BIT.allow | BIT.deny | BIT.retired | BIT.client;

function noCandidate(
  candidates: readonly PolicyCandidate[],
  bits: Uint16Array,
  reason: (c: number) => string,
  excess: (c: number) => Excess,
): NoCandidateError {
  const possible = [...bits.keys()].filter((c) => (bits[c] & FINAL) === 0);
  const [nearest] = byExcess(possible, new Map(possible.map((c) => [c, excess(c)])));
  return new NoCandidateError(
    new Map(candidates.map((candidate, c) => [candidate.name, reason(c)])),
    nearest === undefined
      ? null
      : {
          candidate: candidates[nearest].name,
          limits: DEFAULT_RELAX.filter((limit) => (bits[nearest] & BIT[limit]) !== 0),
        },
  );
}

/** What each bound is on. */
const BOUNDED = [
  ['maxCostUsd', 'costUsd'],
  ['maxLatencyMs', 'latencyMs'],
  ['minSuccessProbability', 'success'],
] as const;

function brokenBound(
  bits: number,
  c: number,
  { predictions }: PolicyContext,
  bounds: Bounds,
): BrokenBound | undefined {
  for (const [limit, what] of BOUNDED)
    if (bits === BIT[limit]) return { limit, from: bounds[limit], to: predictions[what][c] };
  return undefined;
}

function tighter(own: Limits, asked: Limits = {}): Bounds {
  return {
    maxCostUsd: Math.min(own.maxCostUsd ?? Infinity, asked.maxCostUsd ?? Infinity),
    maxLatencyMs: Math.min(own.maxLatencyMs ?? Infinity, asked.maxLatencyMs ?? Infinity),
    minSuccessProbability: Math.max(own.minSuccessProbability ?? 0, asked.minSuccessProbability ?? 0),
  };
}

function namedBits(candidates: readonly PolicyCandidate[], limits: Limits): Uint16Array {
  const bits = new Uint16Array(candidates.length);
  if (limits.allow !== undefined) {
    bits.fill(BIT.allow);
    for (const name of limits.allow) bits[candidateIndex(candidates, name, 'limits.allow')] = 0;
  }
  for (const name of limits.deny ?? []) bits[candidateIndex(candidates, name, 'limits.deny')] |= BIT.deny;
  return bits;
}

function brokenLimits(candidate: PolicyCandidate, c: number, context: PolicyContext, bounds: Bounds): number {
  const { predictions, needs, overrides } = context;
  let bits = candidate.retired ? BIT.retired : 0;
  if (overrides.callable !== undefined && !overrides.callable.includes(candidate.name)) bits |= BIT.client;
  if (predictions.success[c] < bounds.minSuccessProbability) bits |= BIT.minSuccessProbability;
  // Written so that NaN, "not known", breaks a bound that is set.
  if (bounds.maxCostUsd !== Infinity && !(predictions.costUsd[c] <= bounds.maxCostUsd))
    bits |= BIT.maxCostUsd;
  if (bounds.maxLatencyMs !== Infinity && !(predictions.latencyMs[c] <= bounds.maxLatencyMs)) {
    bits |= BIT.maxLatencyMs;
  }
  if (needs.tools && candidate.supportsTools === false) bits |= BIT.tools;
  for (const modality of needs.modalities) if (!reads(candidate, modality)) bits |= BIT.modalities;
  if (needs.tokens > (candidate.contextWindowTokens ?? Infinity)) bits |= BIT.contextWindow;
  return bits;
}

/** The fewest limits, taken in order, that must give way for somebody to be left; undefined if that is not enough. */
function relaxedLimits(bits: Uint16Array, relax: readonly RelaxableLimit[]): RelaxableLimit[] | undefined {
  const leaves = (limits: readonly RelaxableLimit[]) => {
    const mask = maskOf(limits);
    return bits.some((broken) => (broken & ~mask) === 0);
  };
  let relaxed: RelaxableLimit[] = [];
  for (let i = 0; !leaves(relaxed); i++) {
    if (i === relax.length) return undefined;
    relaxed.push(relax[i]);
  }
  for (const limit of [...relaxed]) {
    const without = relaxed.filter((other) => other !== limit);
    if (leaves(without)) relaxed = without;
  }
  return relaxed;
}

function maskOf(limits: readonly RelaxableLimit[]): number {
  let mask = 0;
  for (const limit of limits) mask |= BIT[limit];
  return mask;
}

function describe(
  candidate: PolicyCandidate,
  c: number,
  bits: number,
  { predictions, needs }: PolicyContext,
  bounds: Bounds,
): string {
  const reasons: string[] = [];
  const add = (bit: number, reason: string) => {
    if (bits & bit) reasons.push(reason);
  };
  add(BIT.retired, 'it is retired');
  add(BIT.client, 'it has no client');
  add(BIT.allow, 'not in `allow`');
  add(BIT.deny, 'in `deny`');
  add(
    BIT.minSuccessProbability,
    `success probability ${printNumber(predictions.success[c], bounds.minSuccessProbability)} is under ${bounds.minSuccessProbability}`,
  );
  add(BIT.maxLatencyMs, over('latency', predictions.latencyMs[c], bounds.maxLatencyMs, 'ms'));
  add(BIT.maxCostUsd, over('cost', predictions.costUsd[c], bounds.maxCostUsd, 'US dollars'));
  add(BIT.tools, 'it cannot call tools');
  add(
    BIT.modalities,
    `it does not read ${needs.modalities.filter((m) => !reads(candidate, m)).join(' and ')}`,
  );
  add(
    BIT.contextWindow,
    `about ${needs.tokens} tokens do not fit its context window of ${candidate.contextWindowTokens}`,
  );
  return reasons.join(', ');
}

function over(what: string, value: number, bound: number, unit: string): string {
  if (Number.isNaN(value)) return `its ${what} is not known, and the limit is ${bound} ${unit}`;
  return `expected ${what} ${printNumber(value, bound)} ${unit} is over ${bound} ${unit}`;
}
