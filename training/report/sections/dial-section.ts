import { dialNotes, dialSubject } from '../../evaluation/describe-dial.ts';
import type { DialSetting } from '../../evaluation/dial.ts';
import { settingLabel } from '../../evaluation/dial-settings.ts';
import type { Evaluation } from '../../evaluation/evaluation.ts';
import {
  formatConfidence,
  formatCost,
  formatCosts,
  formatPercent,
  formatQuality,
} from '../../words/format-number.ts';
import { type Html, html } from '../html.ts';
import { scrollTable, type TableColumn } from '../scroll-table.ts';
import { coloured } from './contenders-section.ts';

/** What can be had for less: the router's weights from the highest quality to the lowest cost. */
export function dialSection({ dial }: Evaluation): Html | null {
  // Absent from what earlier versions wrote.
  if (!dial) return null;
  if (dial.missing !== null)
    return html`<h2>Quality against cost</h2><p>There is no dial to show. ${dial.missing}</p>`;
  const columns: TableColumn<DialSetting>[] = [
    {
      heading: 'Setting',
      cell: ({ id, worth }) =>
        html`${settingLabel(id)}<small>${id === dial.inUse && 'in use'}${
          worth === null && (id === dial.inUse ? ', not measured' : 'not measured')
        }</small>`,
    },
    { heading: '$ saved per 1,000', cell: ({ worth }) => formatCosts(worth?.saving ?? null) },
    { heading: 'Saved', cell: ({ worth }) => savedShare(worth?.savedShare ?? null) },
    { heading: 'Quality', cell: ({ worth }) => (worth === null ? '–' : formatQuality(worth.quality)) },
    { heading: 'Difference', cell: ({ worth }) => coloured(worth?.difference ?? null) },
    { heading: '$ per 1,000', cell: ({ worth }) => formatCost(worth?.costUsd.estimate) },
    {
      heading: 'Loss shown',
      cell: ({ guarantee }) => (guarantee === null ? '–' : `with ${formatConfidence(guarantee.confidence)}`),
    },
    {
      heading: 'The command that sets it',
      text: true,
      cell: ({ id, weights }) =>
        weights === null ? '–' : html`<code>pointsman tune FOLDER --setting ${id} --apply</code>`,
    },
  ];
  return html`<h2>Quality against cost</h2>
<p class="note">The router's weights from the highest quality to the lowest cost, ${dialSubject(dial)}; in brackets 95 % intervals, paired by prompt. ${dialNotes(dial).map((note) => html`${note} `)}</p>
${scrollTable('What each setting of the dial is worth, beside always using the best single candidate in training', dial.settings, columns, ({ id }) => (id === dial.inUse ? 'router' : ''))}`;
}

function savedShare(share: NonNullable<DialSetting['worth']>['savedShare']): string {
  if (share === null || share.estimate === null) return '–';
  const { estimate, high, low } = share;
  const range =
    low === null || high === null ? '' : ` (${formatPercent(low, 0)} to ${formatPercent(high, 0)})`;
  return `${formatPercent(estimate, 0)}${range}`;
}
