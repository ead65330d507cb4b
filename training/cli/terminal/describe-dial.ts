import { settingToTry } from '../../evaluate/dial.ts';
import type { Dial } from '../../evaluate/evaluation.ts';
import { dialNotes, dialSubject } from '../../evaluation/describe-dial.ts';
import {
  formatCost,
  formatCosts,
  formatDifference,
  formatPercent,
  formatPoints,
} from '../../words/format-number.ts';
import { printable, quoted } from '../printable.ts';
import { wrapText } from '../wrap-text.ts';
import { type TableColumn, textTable } from './text.ts';

/**
 * The dial for a person: quality, cost and saving from the highest quality to the lowest cost, and the command that sets it.
 * @param folder of the router, as it is given to commands
 */
export function describeDial(dial: Dial, folder: string, columns: number): string {
  const line = (text: string) => `${wrapText(printable(text), columns, '  ')}\n`;
  if (dial.missing !== null) return line(`No dial between quality and cost: ${dial.missing}`);
  const table = textTable(
    [{ title: 'setting' }, ...WORTH_COLUMNS],
    dial.settings.map(({ id, worth }) => [id === dial.inUse ? `${id} *` : id, ...worthCells(worth)]),
    columns,
  );
  return (
    line(`Quality against cost, ${dialSubject(dial)}:`) +
    `${table}${dialNotes(dial).map(line).join('')}` +
    `${dial.inUse === null ? '' : '* in use. '}Set one: npx pointsman tune ${quoted(folder)} --setting ${settingToTry(dial)} --apply\n`
  );
}

/** What a setting is worth beside the best single candidate, as columns of a table. */
export const WORTH_COLUMNS: readonly TableColumn[] = [
  { title: 'quality', align: 'right' },
  { title: 'difference (95 %)' },
  { title: '$ per 1,000', align: 'right' },
  { title: '$ saved per 1,000 (95 %)' },
  { title: 'saved', align: 'right' },
];

/** The cells of {@link WORTH_COLUMNS}. @param worth null where it was not measured */
export function worthCells(worth: Dial['settings'][number]['worth']): string[] {
  return [
    worth === null ? '–' : formatPoints(worth.quality.estimate ?? 0),
    formatDifference(worth?.difference ?? null),
    formatCost(worth?.costUsd.estimate),
    formatCosts(worth?.saving ?? null),
    formatPercent(worth?.savedShare?.estimate ?? null, 0),
  ];
}
