import type { LossCurve } from '../../evaluate/evaluation.ts';
import { legend } from '../figures/legend.ts';
import { lossFigure } from '../figures/loss-figure.ts';
import { type Html, html } from '../html.ts';

/** How fitting went, head by head. */
export function lossesSection(losses: readonly LossCurve[]): Html | null {
  const drawn = losses.filter(({ fit }) => fit.length > 1);
  if (drawn.length === 0) return null;
  return html`<h2>How the heads were fitted</h2>
${legend([
  { label: 'rows fitted', colour: 'var(--router)', kind: 'line' },
  { label: 'rows held out', colour: 'var(--oracle)', kind: 'dashed' },
])}
<div class="medium">${drawn.map(lossFigure)}</div>`;
}
