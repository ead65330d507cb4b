import { largest } from 'pointsman/math';
import { shortNames } from '../../words/short-names.ts';
import { printable } from '../printable.ts';

export interface TableColumn {
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
  columns: readonly TableColumn[],
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

function widestOf(columns: readonly TableColumn[], widths: readonly number[]): number {
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
