import type { Evaluation } from '../../evaluate/evaluation.ts';
import { formatPercent } from '../../words/format-number.ts';
import { confusionFigure } from '../distribution-figures.ts';
import { type Html, html } from '../html.ts';

/** What was chosen against what was best. */
export function confusionSection({ candidates, confusion }: Evaluation): Html | null {
  if (!confusion) return null;
  return html`<h2>Chosen against best</h2>
<p>The chosen candidate was best, or tied with the best, on ${formatPercent(confusion.agreement)} of the prompts. On ${formatPercent(confusion.allTied)} all candidates tied, and no choice could be wrong.</p>
<p class="note">Each row: of the prompts sent to that candidate, the percentage for which each candidate was best (columns carry the rows' numbers; of k that tie, each counts 1/k). An empty row was never chosen.</p>
${confusionFigure(confusion, candidates)}`;
}
