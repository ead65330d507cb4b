import { InvalidInputError } from 'pointsman';
import { LOG_FORMATS, type LogFormat } from '../logs/log-format.ts';
import { readDocuments } from '../outcomes/read-documents.ts';
import type { SourceFile } from '../outcomes/source-files.ts';
import type { ScratchDatabase } from '../work/scratch-database.ts';
import { linesOf, parseRecord, recordsIn } from './formats/map-log.ts';
import { signsOf } from './formats/readers.ts';

/** Whose log a file is, and how that is known. */
interface DetectedFormat {
  readonly format: LogFormat;
  /** A sentence. */
  readonly reason: string;
}

const LOOKED_AT = 200;

/** A format must have this share of the records that have any sign, or nothing is taken. */
const CLEAR_SHARE = 0.6;

/**
 * Finds whose log a file is, from the fields of its first records. Rows without the signs of any program are a table.
 * @throws InvalidInputError where records of several programs stand in one file.
 */
export async function detectFormat(database: ScratchDatabase, source: SourceFile): Promise<DetectedFormat> {
  const records = await firstRecords(database, source);
  const counts = new Map<LogFormat, number>();
  const signs = new Map<LogFormat, string>();
  let signed = 0;
  for (const record of records) {
    const [first] = signsOf(record);
    if (first === undefined) continue;
    signed++;
    counts.set(first.format, (counts.get(first.format) ?? 0) + 1);
    if (!signs.has(first.format)) signs.set(first.format, first.sign.join(' and '));
  }
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  if (best === undefined)
    return {
      format: 'table',
      reason: `none of its first ${records.length} records has the fields of a known log`,
    };
  const [format, count] = best;
  if (count < CLEAR_SHARE * signed) {
    const seen = [...counts].map(([name, number]) => `${number} of ${name} (${signs.get(name)})`).join(', ');
    throw new InvalidInputError(
      `Whose log ${source.path} is cannot be told: among its first ${records.length} records are ${seen}. Split the file, ` +
        `or name the format: --format ${LOG_FORMATS.join(' | ')}.`,
    );
  }
  return { format, reason: `${count} of its first ${records.length} records have ${signs.get(format)}` };
}

/** Of the first block of the file; what is no record is passed over here, and counted when the file is read. */
export async function firstRecords(database: ScratchDatabase, source: SourceFile): Promise<object[]> {
  const records: object[] = [];
  for await (const { bytes } of readDocuments(database, source, () => {})) {
    for (const line of linesOf(bytes)) {
      const document = parseRecord(line, null);
      if (typeof document === 'string') continue;
      for (const record of recordsIn(document)) records.push(record);
      if (records.length >= LOOKED_AT) return records.slice(0, LOOKED_AT);
    }
    if (records.length > 0) break;
  }
  return records;
}
