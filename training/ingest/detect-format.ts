import { InvalidInputError } from 'pointsman';
import { columnOf, type OutcomeField } from '../outcomes/outcome.ts';
import { docPath } from '../version.ts';
import type { ScratchDatabase } from '../work/scratch-database.ts';
import { adviceOn, LOG_FORMATS, type LogFormat, signsOf } from './formats/log-formats.ts';
import { linesOf, parseRecord, recordsIn } from './formats/map-log.ts';
import { readDocuments } from './read/documents.ts';
import type { SourceFile } from './read/files.ts';
import { objectOf, valueAt } from './record/values.ts';
import type { IngestReport } from './report.ts';
import type { ColumnMap, MapTarget, SourceLayout } from './sql/layout.ts';

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
  const signs = new Map<LogFormat, Set<string>>();
  let signed = 0;
  for (const record of records) {
    const [first] = signsOf(record);
    if (first === undefined) continue;
    signed++;
    counts.set(first.format, (counts.get(first.format) ?? 0) + 1);
    signs.set(first.format, (signs.get(first.format) ?? new Set()).add(first.sign.join(' and ')));
  }
  const signsOfFormat = (format: LogFormat) => [...(signs.get(format) ?? [])].join(', or ');
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  if (best === undefined)
    return {
      format: 'table',
      reason: `none of its first ${records.length} records has the fields of a known log`,
    };
  const [format, count] = best;
  if (count < CLEAR_SHARE * signed) {
    const seen = [...counts]
      .map(([name, number]) => `${number} of ${name} (${signsOfFormat(name)})`)
      .join(', ');
    throw new InvalidInputError(
      `Whose log ${source.path} is cannot be told: among its first ${records.length} records are ${seen}. Split the file, ` +
        `or name the format: --format ${LOG_FORMATS.join(' | ')}.`,
    );
  }
  return { format, reason: `${count} of its first ${records.length} records have ${signsOfFormat(format)}` };
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

/** A field that was mapped, and that no row has: told with what stands where it was looked for. */
export async function unmappedColumn(
  target: MapTarget,
  map: ColumnMap,
  layouts: readonly SourceLayout[],
  records: () => Promise<readonly object[]>,
): Promise<InvalidInputError> {
  const path = map[target]!;
  const columns = [...new Set(layouts.flatMap((layout) => layout.columns))].sort();
  const found = path.includes('.') || columns.length === 0 ? fieldsAround(await records(), path) : null;
  const seen =
    found === null || (found.names.length === 0 && columns.length > 0)
      ? `Columns seen: ${listed(columns)}`
      : found.holder === ''
        ? `Fields seen: ${listed(found.names)}`
        : `Fields seen in ${found.holder}: ${listed(found.names)}`;
  return new InvalidInputError(`The column map says ${target}=${path}, and no row has "${path}". ${seen}.`);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.slice(0, 40).join(', ') + (names.length > 40 ? ', ...' : '');
}

/** The names in the deepest object on the way to a path that any record has. */
function fieldsAround(records: readonly object[], path: string) {
  const steps = path.split('.');
  for (let depth = steps.length - 1; depth >= 0; depth--) {
    const holder = steps.slice(0, depth).join('.');
    const names = new Set<string>();
    for (const record of records)
      for (const name of Object.keys(objectOf(depth === 0 ? record : valueAt(record, holder)) ?? {}))
        names.add(name);
    if (names.size > 0) return { holder, names: [...names].sort() };
  }
  return { holder: '', names: [] };
}

export function noUsableRow(
  source: SourceFile,
  layout: SourceLayout,
  reasons: readonly (readonly [string, number])[],
  doubt: string | null = null,
): InvalidInputError {
  const names = (field: OutcomeField): string => {
    const [first, ...others] = columnOf(field).aliases;
    return others.length === 0 ? first : `${first} (or ${others.slice(0, 3).join(', ')})`;
  };
  const why =
    reasons.length === 0
      ? source.bytes === 0
        ? 'the file is empty'
        : layout.columns.length > 0
          ? 'it holds a header, and no row below it'
          : 'it holds no row'
      : reasons.map(([reason, count]) => `${count} × ${reason}`).join('; ');
  const seen = layout.columns.length === 0 ? 'none' : layout.columns.slice(0, 40).join(', ');
  if (reasons.length === 0 && layout.columns.length === 0)
    return new InvalidInputError(`There is no usable row in ${source.path}: ${why}. Check what wrote it.`);
  return new InvalidInputError(
    `There is no usable row in ${source.path}: ${why}. Columns seen: ${seen}. Looked for: ${names('requestId')}, ${names('text')} or messages, ` +
      `${names('candidate')} and ${names('quality')}; or an object \`outcomes\` with a key per candidate; or columns "<candidate>" and "<candidate>|total_cost". ` +
      'Name your own columns: --map requestId=your_id --map text=request.prompt' +
      (doubt === null ? '' : ` ${doubt}.`),
  );
}

export function noRowOfLog(format: string, refused: IngestReport['rejected']): InvalidInputError {
  const why = refused.map(
    ({ reason, count, examples: [{ file, line }] }) => `${count} × ${reason} (${file}:${line})`,
  );
  const advice = [...new Set(refused.flatMap(({ reason }) => adviceOn(reason) ?? []))];
  const told = `There is no usable row in the ${format} log: ${why.length === 0 ? 'it holds no record' : why.join('; ')}. `;
  if (advice.length > 0) return new InvalidInputError(told + advice.join(' '));
  return new InvalidInputError(
    `${told}` +
      `Check that --format names the program that wrote it; ${docPath('logs.md')} shows what is read of each.`,
  );
}
