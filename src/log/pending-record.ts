import type { Sha256 } from '../artifact/sha256.ts';
import type { Decision } from '../decision.ts';
import type { DecisionRecord, LoggedRequest, LogRecord } from './record.ts';
import { LONGEST_TEXTS, mapTexts } from './record-limits.ts';

/** A decision as it is kept until it is written: what costs time is done then. */
interface PendingDecision {
  readonly size: number;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly decision: Decision;
  /** What is hashed; undefined when only the embedding is known. */
  readonly prompt: string | undefined;
  /** Undefined when it is not to be kept. */
  readonly request: LoggedRequest | undefined;
  /** Undefined when it is not to be kept, and not needed instead of the prompt. */
  readonly embedding: Float32Array | undefined;
}

/** What waits to be written: a record, or what becomes one. */
export type Pending = PendingDecision | { readonly size: number; readonly record: LogRecord };

/**
 * A record that any reader of JSON takes: halves of surrogate pairs become U+FFFD.
 *
 * @param keepEmbedding whether it goes into the record.
 */
export async function finishRecord(
  pending: Pending,
  sha256: Sha256,
  keepEmbedding: boolean,
): Promise<LogRecord> {
  const record = 'record' in pending ? pending.record : await decisionRecord(pending, sha256, keepEmbedding);
  return mapTexts(record, wellFormed);
}

/** With the flag u a pair is one character, and only halves are surrogates. */
const HALF = /\p{Surrogate}/u;
const HALVES = /\p{Surrogate}/gu;

function wellFormed(text: string): string {
  return HALF.test(text) ? text.replace(HALVES, '\ufffd') : text;
}

async function decisionRecord(
  pending: PendingDecision,
  sha256: Sha256,
  keepEmbedding: boolean,
): Promise<DecisionRecord> {
  const { decision, request, embedding } = pending;
  const signals = mapTexts(decision.signals, (text) => text.slice(0, LONGEST_TEXTS.signal));
  const { task, tier } = signals;
  return {
    schemaVersion: 1,
    kind: 'decision',
    id: pending.id,
    at: new Date(pending.at).toISOString(),
    artifactId: decision.artifactId,
    policyPath: decision.policyPath,
    candidate: decision.candidate,
    propensity: decision.propensity,
    ...(decision.propensities === undefined ? {} : { propensities: decision.propensities }),
    confidence: decision.confidence,
    probabilities: decision.probabilities,
    predictions: decision.predictions.map(
      ({ candidate, successProbability, expectedCostUsd, expectedLatencyMs }) => ({
        candidate,
        successProbability,
        expectedCostUsd,
        expectedLatencyMs,
      }),
    ),
    signals,
    promptHash: await sha256(hashed(pending)),
    ...(request === undefined ? {} : { request }),
    ...(embedding === undefined || !keepEmbedding ? {} : { embedding: Array.from(embedding, rounded) }),
    ...(task === undefined ? {} : { task }),
    ...(tier === undefined ? {} : { tier }),
  };
}

/** The prompt's bytes; the embedding's where there is no prompt, so that different requests stay apart. */
function hashed({ prompt, embedding }: PendingDecision): Uint8Array {
  if (prompt !== undefined) return new TextEncoder().encode(prompt);
  return embedding === undefined ? new Uint8Array() : new Uint8Array(embedding.buffer);
}

/** Seven decimals are as much as a float32 near 1 has, in half the characters. */
function rounded(value: number): number {
  return Math.round(value * 1e7) / 1e7;
}
