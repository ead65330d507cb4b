import * as Plot from '@observablehq/plot';
import { largest } from 'pointsman/math';
import { shortNames } from '../../words/short-names.ts';
import { type Html, html } from '../html.ts';
import { inFull } from '../named.ts';
import { drawFigure } from './draw-figure.ts';

/** How many equally weighted prompts the log is worth for one way to choose. */
interface NamedSample {
  readonly name: string;
  readonly effectiveSampleSize: number;
  readonly isRouter: boolean;
}

/**
 * Bars of effective sample sizes; left of the line a log says too little.
 * @param least so many are needed
 */
export function overlapFigure(samples: readonly NamedSample[], least: number): Html {
  const names = shortNames(
    samples.map(({ name }) => name),
    26,
  );
  const rows = samples.map((sample, i) => ({
    ...sample,
    key: String(i),
    name: names.get(sample.name) ?? sample.name,
  }));
  const most = Math.max(least, largest(rows.map((row) => row.effectiveSampleSize)));
  const common = { y: 'key', x: 'effectiveSampleSize', insetTop: 4, insetBottom: 4 };
  const drawing = drawFigure({
    width: 460,
    height: 56 + 24 * rows.length,
    marginLeft: 186,
    marginRight: 14,
    marginTop: 8,
    marginBottom: 42,
    fontSize: 12.5,
    description: 'Effective sample size of the log for the router and for always choosing each candidate.',
    x: {
      domain: [0, 1.05 * most],
      label: 'effective sample size of always choosing it, prompts →',
      labelArrow: 'none',
      ticks: 5,
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
      Plot.barX(
        rows.filter((row) => !row.isRouter),
        { ...common, fill: 'var(--plain)' },
      ),
      Plot.barX(
        rows.filter((row) => row.isRouter),
        { ...common, fill: 'var(--router)' },
      ),
      Plot.ruleX([least], { stroke: 'var(--bad)', strokeWidth: 1.5, strokeDasharray: '5 4' }),
      Plot.ruleX([0], { stroke: 'currentColor' }),
    ],
  });
  return html`${drawing}${inFull(names)}`;
}
