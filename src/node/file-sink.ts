import { access, type FileHandle, mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileRecord } from '../log/record.ts';
import type { FileSinkOptions } from './log/file-sink-options.ts';

/** One file of a log, while it is written to. */
export interface LogFile {
  /** Written until now. */
  readonly bytes: number;
  /** Whether nothing may be written any more: by the clock, or by the time that has passed, should the clock be set back. */
  isOver(now: number): boolean;
  /** Resolves when it is as safe as `fsync` says. After a rejection it must be abandoned. */
  append(lines: Uint8Array): Promise<void>;
  /**
   * Whether it still has its name. Who compacts by another clock may take a file that is being written to; what is
   * appended after that is seen by nobody.
   */
  isThere(): Promise<boolean>;
  /** Writes its last line. */
  close(now: number): Promise<void>;
  /** Lets go of it as it is, but for a batch that was not written whole. Never rejects. */
  abandon(): Promise<void>;
  /** Lets go of it as it is. Never rejects. */
  letGo(): Promise<void>;
}

/** Only the owner reads prompts. */
const MODE = 0o600;

/**
 * Makes a file that no other process has, and writes its first line.
 *
 * @param elapsed milliseconds that only ever grow.
 */
export async function openLogFile(
  folder: string,
  now: number,
  maxAgeMs: number,
  fsync: NonNullable<FileSinkOptions['fsync']>,
  elapsed: () => number,
): Promise<LogFile> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const { handle, path } = await openNew(folder, now);
  const closesAt = now + maxAgeMs;
  const opened = elapsed();
  const identity = await handle.stat({ bigint: true });
  let bytes = 0;
  const append = async (lines: Uint8Array) => {
    let from = 0;
    while (from < lines.length) {
      const { bytesWritten } = await handle.write(lines, from, lines.length - from, bytes + from);
      from += bytesWritten;
    }
    if (fsync === 'batch') await handle.datasync();
    bytes += lines.length;
  };
  const isOver = (at: number) => at >= closesAt || elapsed() - opened >= maxAgeMs;
  const letGo = () => handle.close().catch(() => {});
  const abandon = async () => {
    await handle.truncate(bytes).catch(() => {});
    await letGo();
  };
  try {
    await append(line(now, { state: 'opened', closesAt: new Date(closesAt).toISOString() }));
    if (fsync !== 'never') await syncFolder(folder);
  } catch (error) {
    await abandon();
    throw error;
  }
  return {
    get bytes() {
      return bytes;
    },
    isOver,
    append,
    async isThere() {
      const named = await stat(path, { bigint: true }).catch(() => null);
      return named !== null && named.ino === identity.ino && named.dev === identity.dev;
    },
    async close(at) {
      try {
        // After its time somebody may have taken it for closed, and be right.
        if (!isOver(at)) await append(line(at, { state: 'closed' }));
        if (fsync === 'file') await handle.datasync();
      } finally {
        await handle.close();
      }
    },
    abandon,
    letGo,
  };
}

/**
 * `decisions-20261125T033647123Z-0.jsonl`, or the next number: other processes begin files in the same instant. Where the
 * clock was set back, one of the same name may have been compacted.
 */
async function openNew(folder: string, now: number): Promise<{ handle: FileHandle; path: string }> {
  const time = new Date(now).toISOString().replace(/[-:.]/g, '');
  for (let n = 0; ; n++) {
    const stem = join(folder, `decisions-${time}-${n}`);
    const path = `${stem}.jsonl`;
    try {
      const handle = await open(path, 'wx', MODE);
      if (await isMissing(`${stem}.parquet`)) return { handle, path };
      await handle.close();
      await rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

async function isMissing(path: string): Promise<boolean> {
  return access(path).then(
    () => false,
    () => true,
  );
}

function line(now: number, fields: Pick<FileRecord, 'state' | 'closesAt'>): Uint8Array {
  const record: FileRecord = { schemaVersion: 1, kind: 'file', at: new Date(now).toISOString(), ...fields };
  return Buffer.from(`${JSON.stringify(record)}\n`);
}

/** A new name is in its folder for good only then. Not every file system can. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder);
    await handle.sync().finally(() => handle.close());
  } catch {
    // The file itself is safe.
  }
}
