import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { openScratchDatabase } from '../outcomes/scratch-database.ts';
import { compactFile, UNFINISHED_PREFIX } from './compact-file.ts';
import type { CompactReport } from './compact-report.ts';
import { listCompactedTwice, listLogFiles } from './log-files.ts';
import { whenClosed } from './when-closed.ts';

/** Clocks of machines that share a folder may differ by this much. */
const SETTLE_MS = 600_000;
/** What is not finished after this time never will be. */
const ABANDONED_MS = 86_400_000;

export interface CompactOptions {
  /** The folder of a decision log. */
  readonly folder: string;
  /** Milliseconds after its time that a file is left alone, unless it was closed in peace. @default 600000 */
  readonly settleMs?: number;
  /** Memory for DuckDB; the rest goes to disk. @default 512 */
  readonly memoryLimitMb?: number;
  /** Milliseconds since 1970. @default the system's time */
  readonly now?: () => number;
  readonly onProgress?: (progress: { readonly filesDone: number; readonly filesTotal: number }) => void;
}

/**
 * Turns the closed files of a decision log from JSONL into Parquet, one into one. May be run again at any time, by
 * several at once, and cut short at any moment: every record is there afterwards, and is read once.
 *
 * @throws InvalidInputError when there is no such folder.
 */
export async function compactLog(options: CompactOptions): Promise<CompactReport> {
  const { folder, settleMs = SETTLE_MS, memoryLimitMb = 512, now = Date.now, onProgress } = options;
  const leftOver = await listCompactedTwice(folder);
  await Promise.all(leftOver.map((path) => rm(path, { force: true })));
  await removeAbandoned(folder, now());
  const files = await listLogFiles(folder);
  const todo = files.filter(({ format }) => format === 'jsonl');
  const sum = { compacted: 0, records: 0, bytesBefore: 0, bytesAfter: 0, linesCutOff: 0, open: 0 };
  const refused: { path: string; reason: string }[] = [];
  const database = await openScratchDatabase({ memoryLimitMb });
  try {
    const connection = await database.connect();
    for (const [filesDone, file] of todo.entries()) {
      onProgress?.({ filesDone, filesTotal: todo.length });
      try {
        if ((await whenClosed(file.path)) + settleMs > now()) {
          sum.open++;
          continue;
        }
        const done = await compactFile(connection, file);
        sum.compacted++;
        for (const field of ['records', 'bytesBefore', 'bytesAfter', 'linesCutOff'] as const) {
          sum[field] += done[field];
        }
      } catch (error) {
        // Another one was faster.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
        if (!(error instanceof InvalidInputError)) throw error;
        refused.push({ path: file.path, reason: error.message });
      }
    }
    onProgress?.({ filesDone: todo.length, filesTotal: todo.length });
  } finally {
    await database.close();
  }
  return { ...sum, alreadyCompacted: files.length - todo.length, refused };
}

/** What others began and did not live to finish. */
async function removeAbandoned(folder: string, now: number): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(UNFINISHED_PREFIX)) continue;
    const path = join(folder, name);
    const changed = await stat(path).catch(() => null);
    if (changed !== null && changed.mtimeMs + ABANDONED_MS < now) await rm(path, { force: true });
  }
}
