import type { Request } from 'pointsman';
import { decodeStaticTable, StaticEmbedder } from 'pointsman/embedder';
import { readArtifactFolder } from 'pointsman/node';
import { readPrompt } from 'pointsman/request';
import { EXAMPLES_FILE, type Example } from '../artifact/examples.ts';

/** A labelled prompt of the training, and how near it is. */
export interface NearExample extends Example {
  /** Cosine of the embeddings. */
  readonly similarity: number;
}

const NEAREST = 5;

/**
 * The labelled prompts nearest to a request, where the artifact carries some (`examples` of the training config) and
 * its own embedder to compare them by. Those that were changed since are not shown; `pointsman inspect` says so.
 *
 * @returns null where it does not
 */
export async function nearestExamples(folder: string, request: Request): Promise<NearExample[] | null> {
  const artifact = await readArtifactFolder(folder, { reports: true });
  const { embedder } = artifact.manifest;
  const file = artifact.reports?.files.get(EXAMPLES_FILE);
  if (embedder.table === undefined || file === undefined) return null;
  const model = new StaticEmbedder(decodeStaticTable(artifact.file(embedder.table)));
  const examples: Example[] = JSON.parse(new TextDecoder().decode(file));
  const [wanted, ...vectors] = await model.embed([
    readPrompt(request).text,
    ...examples.map(({ text }) => text),
  ]);
  return examples
    .map((example, i) => ({ ...example, similarity: cosine(wanted, vectors[i]) }))
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, NEAREST);
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}
