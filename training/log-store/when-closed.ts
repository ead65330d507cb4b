import { open } from 'node:fs/promises';

/** Enough for the first line of a file and the last one that says that it is closed. */
const LOOK_BYTES = 4096;

/** A file whose first line is not whole is as good as closed after this time without a change. */
const WITHOUT_HEADER_MS = 86_400_000;

/**
 * When a JSONL file of a log is done with: its process says so in its last line, or in its first one until when it
 * would write to it.
 *
 * @returns milliseconds since 1970; -Infinity for a file that was closed in peace.
 */
export async function whenClosed(path: string): Promise<number> {
  const file = await open(path);
  try {
    const { size, mtimeMs } = await file.stat();
    const length = Math.min(size, LOOK_BYTES);
    const first = Buffer.alloc(length);
    await file.read(first, 0, length, 0);
    const last = Buffer.alloc(length);
    await file.read(last, 0, length, size - length);
    const [firstLine, ...more] = first.toString('utf8').split('\n');
    const header = more.length > 0 ? fileRecord(firstLine) : null;
    if (fileRecord(last.toString('utf8').split('\n').at(-2) ?? '')?.state === 'closed') {
      return Number.NEGATIVE_INFINITY;
    }
    const closesAt = typeof header?.closesAt === 'string' ? Date.parse(header.closesAt) : Number.NaN;
    return Number.isNaN(closesAt) ? mtimeMs + WITHOUT_HEADER_MS : closesAt;
  } finally {
    await file.close();
  }
}

function fileRecord(line: string): { readonly state?: unknown; readonly closesAt?: unknown } | null {
  try {
    const record = JSON.parse(line);
    return record?.kind === 'file' ? record : null;
  } catch {
    return null;
  }
}
