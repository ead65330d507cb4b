import { settingToTry } from '../../evaluate/dial.ts';
import type { DialSetting, Evaluation } from '../../evaluate/evaluation.ts';
import { dialNotes, dialSubject } from '../../evaluation/describe-dial.ts';
import { settingLabel } from '../../evaluation/dial-settings.ts';
import {
  formatConfidence,
  formatCost,
  formatCosts,
  formatPercent,
  formatQuality,
  type Interval,
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
      cell: ({ id, worth }) => {
        const notes = [id, id === dial.inUse && 'in use', worth === null && 'not measured'].filter(Boolean);
        return html`${settingLabel(id)}<small>${notes.join(', ')}</small>`;
      },
    },
    { heading: '$ saved per 1,000', cell: ({ worth }) => formatCosts(worth?.saving ?? null) },
    { heading: 'Saved, %', cell: ({ worth }) => savedShare(worth?.savedShare ?? null) },
    { heading: 'Quality', cell: ({ worth }) => (worth === null ? '–' : formatQuality(worth.quality)) },
    { heading: 'Difference', cell: ({ worth }) => coloured(worth?.difference ?? null) },
    { heading: '$ per 1,000', cell: ({ worth }) => formatCost(worth?.costUsd.estimate) },
    {
      heading: 'Loss shown',
      cell: ({ guarantee }) => (guarantee === null ? '–' : `with ${formatConfidence(guarantee.confidence)}`),
    },
  ];
  return html`<h2>Quality against cost</h2>
<p class="note">The router's weights from the highest quality to the lowest cost, ${dialSubject(dial)}; in brackets 95 % intervals, paired by prompt. ${dialNotes(dial).map((note) => html`${note} `)}</p>
${scrollTable('What each setting of the dial is worth, beside always using the best single candidate in training', dial.settings, columns, ({ id }) => (id === dial.inUse ? 'router' : ''))}
<p>Set one: <code>npx pointsman tune FOLDER --setting ${settingToTry(dial)} --apply</code></p>`;
}

/** "56 (53 to 59)" */
function savedShare(share: Interval | null): string {
  if (share === null || share.estimate === null) return '–';
  const percent = (value: number) => formatPercent(value, 0).replace(' %', '');
  const { estimate, high, low } = share;
  return low === null || high === null
    ? percent(estimate)
    : `${percent(estimate)} (${percent(low)} to ${percent(high)})`;
}
