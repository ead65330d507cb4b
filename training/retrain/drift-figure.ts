import * as Plot from '@observablehq/plot';
import type { CandidateShift } from '../drift/index.ts';
import { drawFigure } from '../report/figures/draw-figure.ts';
import { type Html, html } from '../report/html.ts';
import { inFull, named } from '../report/named.ts';
import { shortNames } from '../words/short-names.ts';

/** Calibration over time: a small figure a candidate of observed minus predicted quality by day, alarms marked. */
export function driftFigure(shifts: readonly CandidateShift[]): Html | null {
  const shown = shifts.filter(({ days, measure }) => measure === 'quality' && days.length > 1);
  if (shown.length === 0) return null;
  const names = shortNames(
    shown.map(({ candidate }) => candidate),
    40,
  );
  return html`<div class="medium">${shown.map((shift) => candidateFigure(shift, names))}</div>${inFull(names)}`;
}

function candidateFigure(
  { alarm, candidate, changedOn, days }: CandidateShift,
  names: ReadonlyMap<string, string>,
): Html {
  const rows = days.map(({ day, residual, standardError }) => ({
    day: new Date(day),
    residual: 100 * residual,
    low: 100 * (residual - 1.96 * (standardError ?? 0)),
    high: 100 * (residual + 1.96 * (standardError ?? 0)),
  }));
  const colour = alarm ? 'var(--bad)' : 'var(--router)';
  return drawFigure({
    width: 400,
    height: 200,
    marginLeft: 46,
    marginRight: 14,
    marginTop: 24,
    marginBottom: 30,
    fontSize: 12.5,
    description: `Observed minus predicted quality of ${candidate} by day${alarm ? `; it changed on ${changedOn}` : ''}.`,
    caption: html`${named(candidate, names)}${alarm && ` changed on ${changedOn}`}`,
    x: { type: 'utc', label: null, ticks: 5 },
    y: {
      domain: [-100, 100],
      label: '↑ observed − predicted, points',
      labelArrow: 'none',
      ticks: 5,
      grid: true,
    },
    marks: [
      Plot.ruleY([0], { stroke: 'currentColor' }),
      Plot.ruleX(rows, { x: 'day', y1: 'low', y2: 'high', stroke: colour, clip: true }),
      Plot.dot(rows, { x: 'day', y: 'residual', r: 3, fill: colour }),
      ...(alarm && changedOn !== null
        ? [Plot.ruleX([new Date(changedOn)], { stroke: 'var(--bad)', strokeDasharray: '4 3' })]
        : []),
    ],
  });
}
