import { NoCandidateError } from '../errors.ts';
import { printNumber } from '../math.ts';
import type { Modality } from '../request.ts';

import type { Change } from './plan.ts';
import {
  type BrokenBound,
  candidateIndex,
  type LimitFilter,
  type PolicyCandidate,
  type PolicyContext,
  type Remaining,
} from './policy.ts';
import { DEFAULT_RELAX, type Limits, type RelaxableLimit } from './spec.ts';

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
const AMOUNTS = [
  ['maxCostUsd', 'costUsd'],
  ['maxLatencyMs', 'latencyMs'],
] as const;
const BOUNDED = [...AMOUNTS, ['minSuccessProbability', 'success']] as const;

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
  for (const [limit, what] of AMOUNTS)
    if (bounds[limit] !== Infinity && !(predictions[what][c] <= bounds[limit])) bits |= BIT[limit];
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

/** By how much a candidate breaks limits, so that the one that breaks them least can be found. */
interface Excess {
  /** Of what it cannot do: tools, modalities, context window. Counts before `wished`. */
  readonly hard: number;
  /** Of what the caller would rather not have: low success, latency, cost. Infinite where an amount is not known. */
  readonly wished: number;
}

/** The bounds that hold for a request. */
interface Bounds {
  readonly maxCostUsd: number;
  readonly maxLatencyMs: number;
  readonly minSuccessProbability: number;
}

/** Modalities that a model reads in part by reading another: pages and frames are pictures. */
const IN_PART: Readonly<Partial<Record<Modality, Modality>>> = { document: 'image', video: 'image' };

/**
 * What is over each limit, relative to the limit, summed. Tools that it cannot call count 1, and so does each modality
 * that it does not read; half, where it reads a part of it.
 *
 * @param isBroken whether a limit is one of those that count.
 */
function excessOf(
  candidate: PolicyCandidate,
  c: number,
  isBroken: (limit: keyof Bounds | 'tools' | 'modalities' | 'contextWindow') => boolean,
  { predictions, needs }: PolicyContext,
  bounds: Bounds,
): Excess {
  let hard = 0;
  if (isBroken('tools')) hard += 1;
  if (isBroken('modalities')) {
    for (const modality of needs.modalities) hard += missing(candidate, modality);
  }
  if (isBroken('contextWindow')) hard += relative(needs.tokens, candidate.contextWindowTokens ?? Infinity);
  let wished = 0;
  if (isBroken('minSuccessProbability')) {
    wished += 1 - predictions.success[c] / bounds.minSuccessProbability;
  }
  if (isBroken('maxLatencyMs')) wished += relative(predictions.latencyMs[c], bounds.maxLatencyMs);
  if (isBroken('maxCostUsd')) wished += relative(predictions.costUsd[c], bounds.maxCostUsd);
  return { hard, wished };
}

function reads(candidate: PolicyCandidate, modality: Modality): boolean {
  return candidate.modalities === undefined ? modality === 'text' : candidate.modalities.includes(modality);
}

/** Below 0 when `a` is the smaller, 0 when they are as large but for rounding. */
function compareExcess(a: Excess, b: Excess): number {
  return compare(a.hard, b.hard) || compare(a.wished, b.wished);
}

function missing(candidate: PolicyCandidate, modality: Modality): number {
  if (reads(candidate, modality)) return 0;
  const part = IN_PART[modality];
  return part !== undefined && reads(candidate, part) ? 0.5 : 1;
}

/** Of a bound of 0 the amount itself. */
function relative(amount: number, bound: number): number {
  return Number.isNaN(amount) ? Infinity : (amount - bound) / (bound === 0 ? 1 : bound);
}

const ROUNDING = 1e-9;

function compare(a: number, b: number): number {
  if (a === b) return 0;
  const isClose = Number.isFinite(a - b) && Math.abs(a - b) <= ROUNDING * Math.max(Math.abs(a), Math.abs(b));
  return isClose ? 0 : a - b;
}

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

/** Both at once: allowed by both, denied by either, and of two bounds the tighter. */
export function mergeLimits(outer: Limits | undefined, inner: Limits | undefined): Limits {
  if (outer === undefined) return inner ?? {};
  if (inner === undefined) return outer;
  const { maxCostUsd, maxLatencyMs, minSuccessProbability } = tighter(outer, inner);
  const both = outer.allow && inner.allow?.filter((name) => outer.allow?.includes(name));
  const allow = both ?? inner.allow ?? outer.allow;
  return {
    ...(allow && { allow }),
    deny: [...(outer.deny ?? []), ...(inner.deny ?? [])],
    ...(maxCostUsd < Infinity && { maxCostUsd }),
    ...(maxLatencyMs < Infinity && { maxLatencyMs }),
    ...(minSuccessProbability > 0 && { minSuccessProbability }),
  };
}
