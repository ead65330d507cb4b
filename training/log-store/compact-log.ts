import { readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { withScratchDatabase } from '../work/scratch-database.ts';
import { compactAgain, compactFile, UNFINISHED_PREFIX } from './compact.ts';
import type { CompactReport } from './compact-report.ts';
import { CLAIMED_PREFIX, type LogFile, listLogFiles } from './log-files.ts';
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
  /** Memory for DuckDB; the rest goes to disk. @default a quarter of the memory there is */
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
  const { folder, settleMs = SETTLE_MS, memoryLimitMb, now = Date.now, onProgress } = options;
  // First, since it says best what is wrong with the folder.
  await listLogFiles(folder);
  await tidyUp(folder, now());
  const files = await listLogFiles(folder);
  const todo = files.flatMap((file): LogFile[] =>
    file.format === 'jsonl'
      ? [file]
      : file.jsonl === undefined
        ? []
        : [{ ...file, path: file.jsonl, format: 'jsonl' }],
  );
  const sum = { compacted: 0, records: 0, bytesBefore: 0, bytesAfter: 0, linesCutOff: 0, open: 0 };
  const refused: { path: string; reason: string }[] = [];
  await withScratchDatabase({ memoryLimitMb }, async (database) => {
    const connection = await database.connect();
    for (const [filesDone, file] of todo.entries()) {
      onProgress?.({ filesDone, filesTotal: todo.length });
      try {
        if ((await whenClosed(file.path)) + settleMs > now()) {
          sum.open++;
          continue;
        }
        const done = await (file.jsonl === undefined ? compactFile : compactAgain)(connection, file);
        if (done === null) continue;
        sum.compacted++;
        for (const field of ['records', 'bytesBefore', 'bytesAfter', 'linesCutOff'] as const) {
          sum[field] += done[field];
        }
      } catch (error) {
        // Another one was faster.
        if (['ENOENT', 'EEXIST'].includes(String((error as NodeJS.ErrnoException).code))) continue;
        if (!(error instanceof InvalidInputError)) throw error;
        refused.push({ path: file.path, reason: error.message });
      }
    }
    onProgress?.({ filesDone: todo.length, filesTotal: todo.length });
  });
  const alreadyCompacted = files.filter(({ format }) => format === 'parquet').length;
  return { ...sum, alreadyCompacted, refused };
}

/**
 * Removes what others began to write and did not live to finish, and gives files their names back that they were about to
 * remove: whether everything of them is in the Parquet is looked at again.
 */
async function tidyUp(folder: string, now: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.startsWith(CLAIMED_PREFIX)) {
      // Who is at work on it finds it gone, and goes on.
      await rename(path, join(folder, name.slice(CLAIMED_PREFIX.length))).catch(() => {});
    } else if (name.startsWith(UNFINISHED_PREFIX)) {
      const changed = await stat(path).catch(() => null);
      if (changed !== null && changed.mtimeMs + ABANDONED_MS < now)
        await rm(path, { recursive: true, force: true });
    }
  }
}
