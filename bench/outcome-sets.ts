import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
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
