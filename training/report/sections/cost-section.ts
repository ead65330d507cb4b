import type { Evaluation } from '../../evaluate/evaluation.ts';
import {
  formatCost,
  formatDifference,
  formatFigure,
  formatPercent,
  formatPoints,
} from '../../words/format-number.ts';
import { shortNames } from '../../words/short-names.ts';
import { costQualityFigure } from '../cost-quality-figure.ts';
import { type Html, html } from '../html.ts';
import { named } from '../named.ts';
import { scrollTable } from '../scroll-table.ts';

/** Cost against quality, AIQ, and each candidate alone. */
export function costSection(evaluation: Evaluation): Html | null {
  const { amounts, candidates, contenders, costQuality } = evaluation;
  if (!costQuality) return null;
  const router = contenders.find(({ id }) => id === 'router');
  const { aiq } = costQuality;
  const names = shortNames(candidates, 80);
  return html`<h2>Cost and quality</h2>
<p class="note">The blue line shows what the router's heads reach as the price of quality changes; above the dashed line they beat any fixed mix of candidates at that cost.</p>
${costQualityFigure(evaluation)}
${aiq && html`<p>AIQ, the mean quality over the whole range of costs: router ${formatFigure(aiq.router)}, fixed mixes ${formatFigure(aiq.mixes)}, oracle ${formatFigure(aiq.oracle)}. Router minus mixes: ${formatDifference(aiq.difference)} points.</p>`}
${scrollTable('Each candidate alone, and how often the router chooses it', costQuality.singles, [
  { heading: 'Candidate', cell: ({ candidate }) => named(candidate, names) },
  { heading: 'Quality', cell: ({ quality }) => formatPoints(quality) },
  { heading: '$ per 1,000', cell: ({ cost }) => formatCost(cost) },
  {
    heading: 'Chosen',
    cell: ({ candidate }) => formatPercent(router?.shares[candidates.indexOf(candidate)] ?? null),
  },
])}
${
  amounts.costUsd.ratio !== null &&
  html`<p class="note">Predicted costs add up to ${amounts.costUsd.ratio.toFixed(2)} times what was paid${
    amounts.costUsd.medianRelativeError !== null &&
    ` and are off by ${formatPercent(amounts.costUsd.medianRelativeError)} in the median`
  }.</p>`
}`;
}
