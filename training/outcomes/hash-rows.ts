import { createHash } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import { readPrompt } from 'pointsman/request';
import { rewriteRows } from '../ingest/finish.ts';
import type { RowEmbedder } from '../ingest/options.ts';

/** Metadata that holds no words of a prompt. */
const KEPT_METADATA = [
  'traceId',
  'responseId',
  'artifactId',
  'decided',
  'propensities',
  'answeredAt',
  'scoredAt',
  'awaiting',
  'expectedCostUsd',
  'costSource',
  'failed',
  'cached',
  'judged',
  'timeToFirstTokenMs',
];

/** Notes the hash of each new prompt as it was asked, before anything is taken out of it. */
export async function hashPrompts(connection: DuckDBConnection): Promise<void> {
  await rewriteRows(connection, ['text', 'messages'], { promptHash: 'VARCHAR' }, async (rows) =>
    rows.map(([text, messages]) => {
      const prompt = promptOf(text, messages);
      return prompt === null ? null : { promptHash: createHash('sha256').update(prompt).digest('hex') };
    }),
  );
}

/** Puts an embedding in the place of each new prompt's words. Call it last: nothing can be read of them after. */
export async function dropPrompts(
  connection: DuckDBConnection,
  embedder: RowEmbedder,
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  const written = { text: 'VARCHAR', messages: 'VARCHAR', embedding: 'DOUBLE[]', metadata: 'VARCHAR' };
  await rewriteRows(
    connection,
    ['text', 'messages', 'metadata'],
    written,
    async (rows) => {
      const prompts = rows.map(([text, messages]) => promptOf(text, messages));
      const distinct = [...new Set(prompts.filter((prompt) => prompt !== null))];
      const vectors = distinct.length === 0 ? [] : await embedder.embed(distinct);
      const vectorOf = new Map(distinct.map((prompt, i) => [prompt, Array.from(vectors[i])]));
      return rows.map(([, , metadata], i) => {
        const prompt = prompts[i];
        if (prompt === null) return null;
        return { embedding: vectorOf.get(prompt), metadata: keptMetadata(metadata, embedder.id) };
      });
    },
    onProgress === undefined ? {} : { onProgress },
  );
}

/** What the user said; null where the words are gone already. */
function promptOf(text: string | null, messages: string | null): string | null {
  if (messages !== null) return readPrompt({ messages: JSON.parse(messages) }).text;
  return text;
}

function keptMetadata(metadata: string | null, embedder: string): string {
  const own = JSON.parse(metadata ?? '{}') as Record<string, unknown>;
  const kept = KEPT_METADATA.filter((name) => own[name] !== undefined).map((name) => [name, own[name]]);
  return JSON.stringify({ ...Object.fromEntries(kept), embedder });
}
