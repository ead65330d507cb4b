import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileRecord } from '../../log/index.ts';
import type { FileSinkOptions } from './file-sink-options.ts';

/** One file of a log, while it is written to. */
export interface LogFile {
  /** Written until now. */
  readonly bytes: number;
  /** Milliseconds since 1970: nothing may be written from then on. */
  readonly closesAt: number;
  /** Resolves when it is as safe as `fsync` says. After a rejection it must be abandoned. */
  append(lines: Uint8Array): Promise<void>;
  /** Writes its last line. */
  close(now: number): Promise<void>;
  /** Lets go of it as it is, but for a batch that was not written whole. Never rejects. */
  abandon(): Promise<void>;
}

/** Only the owner reads prompts. */
const MODE = 0o600;

/** Makes a file that no other process has, and writes its first line. */
export async function openLogFile(
  folder: string,
  now: number,
  maxAgeMs: number,
  fsync: NonNullable<FileSinkOptions['fsync']>,
): Promise<LogFile> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const handle = await openNew(folder, now);
  const closesAt = now + maxAgeMs;
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
  const abandon = async () => {
    await handle.truncate(bytes).catch(() => {});
    await handle.close().catch(() => {});
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
    closesAt,
    append,
    async close(at) {
      try {
        // After its time somebody may have taken it for closed, and be right.
        if (at < closesAt) await append(line(at, { state: 'closed' }));
        if (fsync === 'file') await handle.datasync();
      } finally {
        await handle.close();
      }
    },
    abandon,
  };
}

/** `decisions-20261125T033647123Z-0.jsonl`, or the next number: other processes begin files in the same instant. */
async function openNew(folder: string, now: number): Promise<FileHandle> {
  const time = new Date(now).toISOString().replace(/[-:.]/g, '');
  for (let n = 0; ; n++) {
    try {
      return await open(join(folder, `decisions-${time}-${n}.jsonl`), 'wx', MODE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
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
