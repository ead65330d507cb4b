import * as Plot from '@observablehq/plot';
import { largest, smallest } from 'pointsman/math';
import type { Interval } from '../../words/format-number.ts';
import { shortNames } from '../../words/short-names.ts';
import { type Html, html } from '../html.ts';
import { inFull } from '../named.ts';
import { drawFigure } from './draw-figure.ts';

/** A difference of quality and what it is called. */
interface NamedDifference {
  readonly name: string;
  readonly difference: Interval | null;
}

/** Pixels of a character of the names, on average, in the widest of the fonts that a page may be shown in. */
const CHARACTER = 7.2;

/**
 * Router minus each baseline with its interval; right of the line the router is better.
 * @param label under the axis @param description for those who cannot see it
 */
export function differenceFigure(
  differences: readonly NamedDifference[],
  label = 'router minus baseline, points of quality →',
  description = 'Difference of quality, router minus each baseline, with 95 % intervals.',
): Html | null {
  const names = shortNames(
    differences.map(({ name }) => name),
    28,
  );
  const rows = differences.flatMap(({ difference, name }, i) =>
    difference?.estimate == null
      ? []
      : [
          {
            // Two names may be cut to the same text.
            key: String(i),
            name: names.get(name) ?? name,
            estimate: 100 * difference.estimate,
            low: 100 * (difference.low ?? difference.estimate),
            high: 100 * (difference.high ?? difference.estimate),
          },
        ],
  );
  if (rows.length === 0) return null;
  const low = Math.min(0, smallest(rows.map((row) => row.low)));
  const high = Math.max(0, largest(rows.map((row) => row.high)));
  const pad = 0.05 * (high - low) || 1;
  const drawing = drawFigure({
    width: 460,
    height: 56 + 30 * rows.length,
    marginLeft: 14 + CHARACTER * largest(rows.map(({ name }) => [...name].length)),
    marginRight: 14,
    marginTop: 8,
    marginBottom: 42,
    fontSize: 12.5,
    description,
    x: {
      domain: [low - pad, high + pad],
      label,
      labelArrow: 'none',
      ticks: 6,
      grid: true,
    },
    y: {
      type: 'band',
      domain: rows.map(({ key }) => key),
      tickFormat: (key: string) => rows.find((row) => row.key === key)?.name ?? '',
      tickSize: 0,
      label: null,
    },
    marks: [
      Plot.ruleX([0], { stroke: 'currentColor', strokeWidth: 1.5 }),
      Plot.ruleY(rows, { y: 'key', x1: 'low', x2: 'high', stroke: 'var(--router)', strokeWidth: 2.5 }),
      Plot.dot(rows, { y: 'key', x: 'estimate', r: 4.5, fill: 'var(--router)' }),
    ],
  });
  return html`${drawing}${inFull(names)}`;
}
