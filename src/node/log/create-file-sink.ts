import { inSlices } from '../../log/in-slices.ts';
import type { LogRecord, LogSink } from '../../log/index.ts';
import type { FileSinkOptions } from './file-sink-options.ts';
import { type LogFile, openLogFile } from './log-file.ts';

const MAX_BYTES = 64 * 2 ** 20;
const MAX_AGE_MS = 86_400_000;

/**
 * A sink that appends to files in a folder, `decisions-<time>-<n>.jsonl`, one record a line. A file is only ever
 * written to by the process that made it, and never again after one that was cut off; so a line that is not whole is
 * the last of its file. A new file is begun by size and by age.
 *
 * @example
 * const log = createDecisionLog({ sink: createFileSink({ folder: 'logs/decisions' }) });
 */
export function createFileSink(options: FileSinkOptions): LogSink {
  const { folder, maxBytes = MAX_BYTES, maxAgeMs = MAX_AGE_MS, fsync = 'batch', now = Date.now } = options;
  let file: LogFile | undefined;

  const closeFile = async () => {
    const closing = file;
    file = undefined;
    await closing?.close(now());
  };
  const fileFor = async (bytes: number) => {
    if (file !== undefined && (file.bytes + bytes > maxBytes || now() >= file.closesAt)) await closeFile();
    file ??= await openLogFile(folder, now(), maxAgeMs, fsync);
    return file;
  };

  return {
    async write(records) {
      const lines = Buffer.from((await inSlices(records, lineOf)).join(''));
      const target = await fileFor(lines.length);
      try {
        await target.append(lines);
      } catch (error) {
        // Whatever state it is in, nothing is added to it: the batch comes again, to a new file.
        file = undefined;
        await target.abandon();
        throw error;
      }
    },
    close: closeFile,
  };
}

function lineOf(record: LogRecord): string {
  return `${JSON.stringify(record)}\n`;
}
