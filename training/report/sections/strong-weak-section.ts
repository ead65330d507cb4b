import type { StrongWeak, StrongWeakFigures } from '../../evaluate/evaluation.ts';
import { formatFigure, formatPoints, formatShareNumber } from '../../words/format-number.ts';
import { strongShareFigure } from '../figures/strong-share-figure.ts';
import { type Html, html } from '../html.ts';
import { scrollTable } from '../scroll-table.ts';

/** RouteLLM's metrics for one strong and one weak candidate. */
export function strongWeakSection(figures: StrongWeak | null): Html | null {
  if (!figures) return null;
  const { router, strong, strongQuality, task, weak, weakQuality } = figures;
  const rows: { readonly name: string; readonly figures: StrongWeakFigures }[] = [
    { name: 'This router', figures: router },
    ...(task ? [{ name: "The task's mean gap", figures: task }] : []),
  ];
  return html`<h2>When to call the strong candidate</h2>
<p class="note">Strong: <bdi>${strong}</bdi> (${formatPoints(strongQuality)} points). Weak: <bdi>${weak}</bdi> (${formatPoints(weakQuality)} points). Prompts with the largest predicted gap go to the strong one first. APGR is the share of the gap recovered on average: 0.5 is chance. CPT(50) and CPT(80) are the shares of strong calls, in %, that recover so much of it; the last column is the share that reaches 95 % of the strong candidate's quality.</p>
${
  router.apgr.estimate === null
    ? html`<p>On these prompts the strong candidate is not better than the weak one, so there is no gap to recover.</p>`
    : strongShareFigure(figures)
}
${scrollTable('RouteLLM metrics, with 95 % intervals', rows, [
  { heading: 'Ranked by', cell: ({ name }) => name },
  { heading: 'APGR', cell: (row) => formatFigure(row.figures.apgr) },
  { heading: 'CPT(50)', cell: (row) => formatShareNumber(row.figures.cpt50) },
  { heading: 'CPT(80)', cell: (row) => formatShareNumber(row.figures.cpt80) },
  { heading: 'Share for 95 %', cell: (row) => formatShareNumber(row.figures.shareFor95) },
])}`;
}
