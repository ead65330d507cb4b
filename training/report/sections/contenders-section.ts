import type { Contender, Evaluation } from '../../evaluate/evaluation.ts';
import {
  formatCost,
  formatCount,
  formatDifference,
  formatDuration,
  formatPercent,
  formatQuality,
  type Interval,
} from '../../words/format-number.ts';
import { shortNames } from '../../words/short-names.ts';
import { differenceFigure } from '../figures/difference-figure.ts';
import { type Html, html } from '../html.ts';
import { named } from '../named.ts';
import { scrollTable, type TableColumn } from '../scroll-table.ts';

/** Router and baselines on the same rows. */
export function contendersSection({ contenders, coverage, offPolicy, regret }: Evaluation): Html | null {
  if (contenders.length === 0) return null;
  const names = shortNames(
    contenders.map(({ name }) => name),
    80,
  );
  const columns: TableColumn<Contender>[] = [
    {
      heading: 'Who chooses',
      cell: ({ name, note }) => html`${named(name, names)}<small>${note}</small>`,
    },
    { heading: 'Quality', cell: ({ quality }) => formatQuality(quality) },
    {
      heading: 'Router minus this',
      cell: ({ difference, id }) => (id === 'oracle' ? formatDifference(difference) : coloured(difference)),
    },
  ];
  if (contenders.some(({ costUsd }) => costUsd)) {
    columns.push({ heading: '$ per 1,000', cell: ({ costUsd }) => formatCost(costUsd?.estimate) });
  }
  if (contenders.some(({ latencyMs }) => latencyMs)) {
    columns.push({
      heading: 'Mean latency',
      cell: ({ latencyMs }) =>
        latencyMs?.estimate == null ? '–' : formatDuration(1000 * latencyMs.estimate),
    });
  }
  return html`<h2>${offPolicy ? 'Beside no router and simple routers' : 'Beside no router, simple routers and the oracle'}</h2>
<p class="note">Quality in points (hundredths of the 0 to 1 scale), on ${formatCount(coverage.comparedRows)} test prompts; in brackets ${
    offPolicy
      ? '95 % intervals. All are doubly robust estimates, paired by prompt: what the log does not hold was never seen.'
      : '95 % intervals from a paired bootstrap. The oracle knows each answer beforehand: no router can reach it where chance decides.'
  }</p>
${differenceFigure(contenders)}
${scrollTable('Quality, cost and latency of each way to choose', contenders, columns, ({ id }) => (id === 'router' ? 'router' : ''))}
${regret && html`<p>Regret: the router loses ${formatQuality(regret.mean)} points to the oracle on average; on ${formatPercent(regret.noneShare)} of the prompts it loses nothing.</p>`}`;
}

/** A difference in green or red where its interval leaves out 0; its sign says the same. */
export function coloured(difference: Interval | null): Html {
  const sure =
    difference?.low == null || difference.high == null
      ? ''
      : difference.low > 0
        ? 'better'
        : difference.high < 0
          ? 'worse'
          : '';
  return html`<span class="${sure}">${formatDifference(difference)}</span>`;
}
