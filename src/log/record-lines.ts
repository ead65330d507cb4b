import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { inSlices } from './in-slices.ts';
import type { LogRecord } from './record.ts';

/** A record and its text. */
export interface RecordLine {
  readonly record: LogRecord;
  readonly line: string;
}

/** Records as text, and an error for each that cannot be: a signal may be anything, also what holds itself. */
export async function recordLines(
  records: readonly LogRecord[],
  toLine: (record: LogRecord) => string | Promise<string>,
): Promise<{ readonly lines: readonly RecordLine[]; readonly refused: readonly Error[] }> {
  const refused: Error[] = [];
  const lines = await inSlices(records, async (record) => {
    try {
      return { record, line: await toLine(record) };
    } catch (cause) {
      refused.push(cannotKeep(record, 'is no JSON', cause));
      return null;
    }
  });
  return { lines: lines.filter((line) => line !== null), refused };
}

const LONGEST_SHOWN = 80;

/** The error of a record that is set aside. */
export function cannotKeep(record: LogRecord, why: string, cause: unknown): InvalidInputError {
  const id = 'id' in record ? ` "${String(record.id).slice(0, LONGEST_SHOWN)}"` : '';
  const said = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
  return new InvalidInputError(
    `The ${record.kind} record${id} ${why}: ${said}. It is not kept; the others of its batch are.`,
    { cause },
  );
}
