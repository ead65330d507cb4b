import * as Plot from '@observablehq/plot';
import type { Confusion } from '../evaluation/confusion.ts';
import { shortNames } from '../words/short-names.ts';
import { drawFigure } from './figures/draw-figure.ts';
import { type Html, html } from './html.ts';
import { inFull } from './named.ts';

const NAME_WIDTH = 172;

/** Chosen (rows) against best (columns), each row in shares of itself. Columns carry the rows' numbers. */
export function confusionFigure({ counts }: Confusion, candidates: readonly string[]): Html {
  const size = Math.min(52, (520 - NAME_WIDTH - 12) / candidates.length);
  const fontSize = Math.max(8, Math.min(12.5, size - 1));
  const cells = counts.flatMap((row, chosen) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, best) => ({
      chosen,
      best,
      share: total === 0 ? 0 : count / total,
      used: total > 0,
    }));
  });
  const names = shortNames(candidates, 22);
  const numbers = candidates.map((_, i) => i);
  const used = cells.filter((cell) => cell.used);
  const drawing = drawFigure({
    width: 520,
    height: 30 + size * candidates.length + 4,
    marginLeft: NAME_WIDTH,
    marginRight: 520 - NAME_WIDTH - size * candidates.length,
    marginTop: 30,
    marginBottom: 4,
    fontSize,
    description:
      'Heat map: of the prompts sent to each candidate, the share for which each candidate was best.',
    x: {
      type: 'band',
      domain: numbers,
      axis: 'top',
      tickFormat: (i: number) => String(i + 1),
      tickSize: 0,
      label: null,
      padding: 0.04,
    },
    y: {
      type: 'band',
      domain: numbers,
      tickFormat: (i: number) => `${names.get(candidates[i])}  ${i + 1}`,
      tickSize: 0,
      label: null,
      padding: 0.04,
    },
    opacity: { domain: [0, 1], range: [0.06, 0.8] },
    marks: [
      Plot.cell(used, {
        x: 'best',
        y: 'chosen',
        fill: 'var(--router)',
        fillOpacity: 'share',
        title: (cell) => `${(100 * cell.share).toFixed(1)} %`,
      }),
      Plot.cell(numbers, {
        x: (i: number) => i,
        y: (i: number) => i,
        fill: 'none',
        stroke: 'currentColor',
        strokeOpacity: 0.6,
      }),
      ...(size >= 26
        ? [
            Plot.text(used, {
              x: 'best',
              y: 'chosen',
              text: (cell) => (100 * cell.share).toFixed(0),
              fill: 'currentColor',
            }),
          ]
        : []),
    ],
  });
  return html`${drawing}${inFull(names)}`;
}
