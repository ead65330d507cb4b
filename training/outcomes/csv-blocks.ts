import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { type Info, parse } from 'csv-parse';
import { REASONS } from './outcome-fields.ts';
import { readBytes } from './read-bytes.ts';
import { REFUSED_MARK } from './row-sql.ts';
import { BLOCK_BYTES, type TextBlock } from './text-block.ts';

const LONGEST_RECORD = 64 * 2 ** 20;

/**
 * Reads a CSV file with a header (delimiter comma, semicolon or tab) as JSON documents, one per record, each on the
 * line where its record begins. Empty fields are left out: in CSV they mean "not given".
 */
export async function* csvBlocks(
  file: string,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<TextBlock> {
  const chunks = readBytes(file, onBytes);
  const first = await chunks.next();
  if (first.done === true) return;
  const parser = parse({
    delimiter: delimiterOf(first.value),
    // Bytes are read one to one, so that a field that is not UTF-8 is seen as such and not patched.
    encoding: 'latin1',
    info: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: LONGEST_RECORD,
    on_skip: () => {
      broken++;
      return undefined;
    },
  });
  let broken = 0;
  const source = Readable.from(
    (async function* () {
      yield first.value;
      yield* chunks;
    })(),
  );
  source.on('error', (error) => parser.destroy(error)).pipe(parser);

  let header: string[] | null = null;
  let lines: string[] = [];
  let characters = 0;
  let firstLine = 1;
  let nextLine = 1;
  const put = (line: number, document: string): void => {
    // Blank lines stand for the lines that a record spans, so that numbers stay those of the file.
    while (firstLine + lines.length < line) lines.push('');
    lines.push(document);
    characters += document.length;
  };
  const block = (): TextBlock => {
    const made = { bytes: Buffer.from(lines.join('\n')), firstLine };
    firstLine += lines.length;
    lines = [];
    characters = 0;
    return made;
  };
  const putBroken = (): void => {
    // The parser knows where a broken record ends; it began after the last good one.
    for (; broken > 0; broken--) put(nextLine++, REFUSED_MARK + REASONS.brokenCsv);
  };
  for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
    if (header === null) {
      header = record.map((field) => utf8(field) ?? field);
      nextLine = info.lines + 1;
      continue;
    }
    putBroken();
    const fields = record.map(utf8);
    const breaks = record.reduce(
      (sum, field) => sum + (field.includes('\n') ? field.split('\n').length - 1 : 0),
      0,
    );
    put(info.lines - breaks, documentOf(header, fields));
    nextLine = info.lines + 1;
    if (characters >= BLOCK_BYTES) yield block();
  }
  putBroken();
  if (lines.length > 0) yield block();
}

function documentOf(header: readonly string[], fields: readonly (string | null)[]): string {
  if (fields.length !== header.length) return REFUSED_MARK + REASONS.csvColumns;
  const document: Record<string, string> = {};
  for (let i = 0; i < header.length; i++) {
    const field = fields[i];
    if (field === null) return REFUSED_MARK + REASONS.notUtf8;
    if (field !== '') document[header[i]] = field;
  }
  return JSON.stringify(document);
}

function utf8(latin1: string): string | null {
  for (let i = 0; i < latin1.length; i++) {
    if (latin1.charCodeAt(i) < 128) continue;
    const bytes = Buffer.from(latin1, 'latin1');
    return isUtf8(bytes) ? bytes.toString('utf8') : null;
  }
  return latin1;
}

/** The delimiter that the first line has most of, outside quotes. */
function delimiterOf(start: Buffer): string {
  const line = start
    .toString('latin1')
    .split('\n', 1)[0]
    .replace(/"[^"]*"/g, '');
  const counts = [',', ';', '\t'].map((delimiter) => [delimiter, line.split(delimiter).length] as const);
  return counts.reduce((best, next) => (next[1] > best[1] ? next : best))[0];
}
