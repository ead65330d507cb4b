import { createHash } from 'node:crypto';
import { access, type FileHandle, mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createDecisionLog, type DecisionLogOptions } from '../log/create-decision-log.ts';
import {
  type DecisionLog,
  type FileRecord,
  type LogRecord,
  type LogSink,
  recordLines,
} from '../log/record.ts';

/** One file of a log, while it is written to. */
interface LogFile {
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
async function openLogFile(
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

/** How a decision log in files is kept. */
export type FileLogOptions = Omit<DecisionLogOptions, 'sink'> & Omit<FileSinkOptions, 'folder'>;

export interface FileSinkOptions {
  /** Where the files go; made when it is not there. Several processes may write to one folder. */
  readonly folder: string;
  /** Bytes after which the next batch begins a new file. @default 67108864 */
  readonly maxBytes?: number;
  /** Milliseconds after which nothing is written to a file any more. @default 86400000, a day */
  readonly maxAgeMs?: number;
  /**
   * When records must have reached the disk, and not only the operating system, which keeps them when the process is
   * killed, and not when the machine is: before a batch counts as written, when a file is closed, or when the system
   * likes. @default 'batch'
   */
  readonly fsync?: 'batch' | 'file' | 'never';
  /** Milliseconds since 1970. @default the system's time */
  readonly now?: () => number;
}

/**
 * A decision log in a folder: {@link createDecisionLog} before {@link createFileSink}.
 *
 * @example
 * const log = createFileLog('logs/decisions', { content: 'hash' });
 */
export function createFileLog(folder: string, options: FileLogOptions = {}): DecisionLog {
  const { maxBytes, maxAgeMs, fsync, now, ...rest } = options;
  const sink = createFileSink({
    folder,
    ...(maxBytes === undefined ? {} : { maxBytes }),
    ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
    ...(fsync === undefined ? {} : { fsync }),
    ...(now === undefined ? {} : { now }),
  });
  // At once, where Web Crypto takes a turn for each prompt.
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  return createDecisionLog({ sha256, ...rest, sink });
}

const MAX_BYTES = 64 * 2 ** 20;
const MAX_AGE_MS = 86_400_000;

/** New files that a batch is written to, where one after another is taken away. */
const MOST_TAKEN = 3;

/**
 * A sink that appends to files in a folder, `decisions-<time>-<n>.jsonl`, one record a line. A file is only ever
 * written to by the process that made it, and never again after one that was cut off; so a line that is not whole is
 * the last of its file. A new file is begun by size and by age, and where the file at hand was taken away meanwhile.
 *
 * @example
 * const log = createDecisionLog({ sink: createFileSink({ folder: 'logs/decisions' }) });
 */
export function createFileSink(options: FileSinkOptions): LogSink {
  const { folder, maxBytes = MAX_BYTES, maxAgeMs = MAX_AGE_MS, fsync = 'batch', now = Date.now } = options;
  const elapsed = options.now ?? (() => performance.now());
  let file: LogFile | undefined;

  const closeFile = async () => {
    const closing = file;
    file = undefined;
    await closing?.close(now());
  };
  const fileFor = async (bytes: number) => {
    if (file !== undefined && (file.bytes + bytes > maxBytes || file.isOver(now()))) await closeFile();
    file ??= await openLogFile(folder, now(), maxAgeMs, fsync, elapsed);
    return file;
  };
  /** @returns whether the lines are where a reader finds them. */
  const append = async (lines: Uint8Array) => {
    const target = await fileFor(lines.length);
    try {
      await target.append(lines);
      if (await target.isThere()) return true;
    } catch (error) {
      // Whatever state it is in, nothing is added to it: the batch comes again, to a new file.
      file = undefined;
      await target.abandon();
      throw error;
    }
    file = undefined;
    await target.letGo();
    return false;
  };

  return {
    async write(records) {
      const { lines, refused } = await recordLines(records, lineOf);
      const bytes = Buffer.from(lines.map(({ line }) => line).join(''));
      for (let taken = 0; !(await append(bytes)); taken++) {
        if (taken === MOST_TAKEN)
          throw new Error(`The files in ${folder} are taken away while they are written to.`);
      }
      return refused;
    },
    close: closeFile,
  };
}

function lineOf(record: LogRecord): string {
  return `${JSON.stringify(record)}\n`;
}
