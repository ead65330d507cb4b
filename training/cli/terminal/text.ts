import { largest } from 'pointsman/internal';
import { shortNames } from '../../words/short-names.ts';

export interface TextColumn {
  readonly title: string;
  /** Numbers stand to the right. @default 'left' */
  readonly align?: 'left' | 'right';
  /**
   * Whether its cells may be cut where the table is too wide: text at its end; names so that they stay different, in full
   * under the table. @default not at all
   */
  readonly shrinks?: 'text' | 'names';
}

const GAP = '  ';
const NARROWEST = 8;

/**
 * A table of plain text that fits the terminal: columns that may shrink are cut, widest first.
 * @param rows `[rows][columns]`
 */
export function textTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  width: number,
): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => row.map(printable))];
  const widths = columns.map((_, c) => largest(cells.map((row) => length(row[c]))));
  let over = widths.reduce((sum, one) => sum + one, GAP.length * (columns.length - 1)) - width;
  while (over > 0) {
    const c = widestOf(columns, widths);
    if (c === -1) break;
    widths[c]--;
    over--;
  }
  const names = columns.map(({ shrinks }, c) =>
    shrinks === 'names'
      ? shortNames(
          cells.slice(1).map((row) => row[c]),
          widths[c],
        )
      : new Map<string, string>(),
  );
  const lines = cells.map((row) =>
    row
      .map((cell, c) => fit(names[c].get(cell) ?? cell, widths[c], columns[c].align ?? 'left'))
      .join(GAP)
      .trimEnd(),
  );
  const inFull = names.flatMap((short, c) =>
    [...short]
      .filter(([name, own]) => own !== name)
      .map(([name, own]) => `  ${own.padEnd(widths[c])}${GAP}${name}`),
  );
  return [...lines, ...(inFull.length > 0 ? ['In full:', ...inFull] : [])]
    .map((line) => `${line}\n`)
    .join('');
}

function widestOf(columns: readonly TextColumn[], widths: readonly number[]): number {
  let widest = -1;
  columns.forEach(({ shrinks }, c) => {
    if (shrinks && widths[c] > NARROWEST && (widest === -1 || widths[c] > widths[widest])) widest = c;
  });
  return widest;
}

function fit(cell: string, width: number, align: 'left' | 'right'): string {
  const short = length(cell) > width ? `${[...cell].slice(0, width - 1).join('')}…` : cell;
  const padding = ' '.repeat(width - length(short));
  return align === 'right' ? padding + short : short + padding;
}

function length(text: string): number {
  return [...text].length;
}

/**
 * A text from outside on one line of a terminal: line breaks and runs of white space become a space, and control
 * characters, which could move the cursor or change colours, a replacement sign.
 */
export function printable(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
}

/** A path as a shell takes it: in quotes where it needs them. */
export function quoted(path: string): string {
  return /^[\w./\\:@+-]+$/.test(path) ? path : `"${printable(path).replace(/(["$`])/g, '\\$1')}"`;
}

/** US dollars, often of 1,000 requests, since those of one can be millionths: "$0.0123"; "–" where nothing is known. */
export function formatAmountUsd(usd: number | null): string {
  return usd === null ? '–' : `$${threeDigits(usd)}`;
}

/** "0.0720 ms", "1,230 ms", "–" where nothing is known. */
export function formatAmountMs(ms: number | null): string {
  return ms === null ? '–' : `${threeDigits(ms)} ms`;
}

/** "480 B", "12.3 kB", "4.1 MB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function threeDigits(value: number): string {
  if (value === 0) return '0';
  if (value < 1e-5) return value.toExponential(2);
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3);
}

/** Breaks a text between words so that no line is longer than `columns`, but for a word that is. */
export function wrapText(text: string, columns: number, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((one, i) => (i === 0 ? one : indent + one)).join('\n');
}
