import type { LogSink } from '../../log/log-sink.ts';
import type { LogRecord } from '../../log/record.ts';
import { recordLines } from '../../log/record-lines.ts';
import { type LogFile, openLogFile } from '../file-sink.ts';
import type { FileSinkOptions } from './file-sink-options.ts';

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
