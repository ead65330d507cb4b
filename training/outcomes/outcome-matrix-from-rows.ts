import { InvalidInputError, type Request } from 'pointsman';
import type { OutcomeMatrix, PromptRecord } from './outcome-matrix.ts';
import type { OutcomeRow } from './outcome-row.ts';

/** The part of a row that the matrix keeps. */
export interface MatrixRow
  extends Omit<OutcomeRow, 'metadata' | 'inputTokens' | 'outputTokens' | 'promptHash' | 'embedding'> {
  readonly promptHash?: string | null;
  readonly embedding?: readonly number[] | null;
}

/**
 * Pivots rows, in any order, into the matrix. What a prompt is (text, task, time) is taken from its first candidate
 * by name.
 * @throws InvalidInputError when a (requestId, candidate) comes twice, or there are no rows.
 */
export function outcomeMatrixFromRows(rows: Iterable<MatrixRow>): OutcomeMatrix {
  const first = new Map<string, MatrixRow>();
  const kept: MatrixRow[] = [];
  for (const row of rows) {
    kept.push(row);
    const held = first.get(row.requestId);
    if (held === undefined || row.candidate < held.candidate) first.set(row.requestId, row);
  }
  if (kept.length === 0) throw new InvalidInputError('An outcome matrix needs at least one row. Got none.');
  const candidates = [...new Set(kept.map((row) => row.candidate))].sort();
  const prompts = [...first.values()].map(promptOf).sort(byTimeThenId);
  const candidateIndex = new Map(candidates.map((name, i) => [name, i]));
  const promptIndex = new Map(prompts.map((prompt, i) => [prompt.requestId, i]));
  const empty = (): Float32Array => new Float32Array(prompts.length * candidates.length).fill(Number.NaN);
  const matrix = { quality: empty(), costUsd: empty(), latencyMs: empty(), propensity: empty() };
  const seen = new Uint8Array(prompts.length * candidates.length);
  for (const row of kept) {
    const at = promptIndex.get(row.requestId)! * candidates.length + candidateIndex.get(row.candidate)!;
    if (seen[at] === 1) {
      throw new InvalidInputError(
        `(\`requestId\`, \`candidate\`) of outcome rows must be unique. Got ("${row.requestId}", "${row.candidate}") twice. Keep one of them.`,
      );
    }
    seen[at] = 1;
    matrix.quality[at] = row.quality ?? Number.NaN;
    matrix.costUsd[at] = row.costUsd ?? Number.NaN;
    matrix.latencyMs[at] = row.latencyMs ?? Number.NaN;
    matrix.propensity[at] = row.propensity ?? Number.NaN;
  }
  return { candidates, prompts, ...matrix };
}

function promptOf(row: MatrixRow): PromptRecord {
  const request: Request = {
    ...(row.text === null ? {} : { text: row.text }),
    // The schema checks what `Message` says; its loose objects only have wider types.
    ...(row.messages === null ? {} : { messages: row.messages as NonNullable<Request['messages']> }),
  };
  return {
    requestId: row.requestId,
    timestampMs: row.timestamp === null ? null : Date.parse(row.timestamp),
    request,
    task: row.task,
    tier: row.tier,
    source: row.source,
    ...(row.promptHash == null ? {} : { promptHash: row.promptHash }),
    ...(row.embedding == null ? {} : { embedding: Float32Array.from(row.embedding) }),
  };
}

/** Prompts without a time come last. */
function byTimeThenId(a: PromptRecord, b: PromptRecord): number {
  const difference = (a.timestampMs ?? Number.MAX_VALUE) - (b.timestampMs ?? Number.MAX_VALUE);
  return difference || (a.requestId < b.requestId ? -1 : a.requestId > b.requestId ? 1 : 0);
}
