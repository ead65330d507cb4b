import type { Modality } from '../candidate/candidate.ts';
import type { PolicyCandidate, PolicyContext } from './policy.ts';

/** By how much a candidate breaks limits, so that the one that breaks them least can be found. */
export interface Excess {
  /** Of what it cannot do: tools, modalities, context window. Counts before `wished`. */
  readonly hard: number;
  /** Of what the caller would rather not have: low success, latency, cost. Infinite where an amount is not known. */
  readonly wished: number;
}

/** The bounds that hold for a request. */
export interface Bounds {
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
export function excessOf(
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

export function reads(candidate: PolicyCandidate, modality: Modality): boolean {
  return candidate.modalities === undefined ? modality === 'text' : candidate.modalities.includes(modality);
}

/** Below 0 when `a` is the smaller, 0 when they are as large but for rounding. */
export function compareExcess(a: Excess, b: Excess): number {
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
