import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { readPrompt } from 'pointsman';
import { parseTrainConfig, type TrainConfig } from '../training/config.ts';
import { embedAll } from '../training/embed/embed.ts';
import { openEmbedder } from '../training/embed/embedders.ts';
import type { Matrix } from '../training/fit/rows.ts';
import { ingestOutcomes } from '../training/ingest/ingest.ts';
import { readOutcomeMatrix } from '../training/ingest/outcome-store.ts';
import type { OutcomeMatrix } from '../training/outcomes/matrix.ts';
import type { NearDuplicateGroups } from '../training/split/near-duplicates.ts';
import { groupPrompts } from '../training/split/split.ts';

/** A public set of outcomes with its near-duplicates found. */
export interface OutcomeSet {
  readonly name: string;
  readonly matrix: OutcomeMatrix;
  readonly groups: NearDuplicateGroups;
}

/** Where the public sets lie: `POINTSMAN_DATA`, or `shared/data` beside the repository. */
export const DATA_FOLDER =
  process.env.POINTSMAN_DATA ?? fileURLToPath(new URL('../../shared/data', import.meta.url));

/** @returns null where the file is absent. */
export async function readOutcomeSet(name: string): Promise<OutcomeSet | null> {
  const path = join(DATA_FOLDER, `${name}.jsonl.gz`);
  const there = await access(path).then(
    () => true,
    () => false,
  );
  return there ? readOutcomeFile(name, path) : null;
}

/** Reads any table of the same shape; rows that say `contaminated` are left out, as RouteLLM leaves them out. */
export async function readOutcomeFile(name: string, path: string): Promise<OutcomeSet> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  try {
    const bytes = await readFile(path);
    const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
    const kept = text.split('\n').filter((line) => !/"contaminated": ?true/.test(line));
    const source = join(folder, 'rows.jsonl');
    await writeFile(source, kept.join('\n'));
    const out = join(folder, 'rows.parquet');
    await ingestOutcomes({ files: [source], out });
    const matrix = await readOutcomeMatrix(out);
    return { name, matrix, groups: groupPrompts(matrix) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Embeddings of all prompts, `[prompts, dimensions]`. @param spec of the embedder @default that of training */
export async function embedPrompts(
  { prompts }: Pick<OutcomeMatrix, 'prompts'>,
  spec: TrainConfig['embedder'] = parseTrainConfig({}).embedder,
): Promise<Matrix> {
  const { embedder } = await openEmbedder(spec);
  const texts = prompts.map(({ request }) => readPrompt(request).text);
  return { rows: texts.length, columns: embedder.dimensions, values: await embedAll(embedder, texts) };
}
