import * as Plot from '@observablehq/plot';
import { largest, quantile } from 'pointsman/math';
import { drawFigure } from '../report/figures/draw-figure.ts';
import { type Html, html } from '../report/html.ts';
import { inFull, named } from '../report/named.ts';
import { shortNames } from '../words/short-names.ts';
import type { CandidateShift } from './watch/candidate-shifts.ts';

const DAY_MS = 86_400_000;

/** Labels of days side by side. */
const MOST_LABELS = 5;

/** Points: less is not drawn larger than it is. */
const LEAST_RANGE = 5;

/** Calibration over time: a small figure a candidate of observed minus predicted quality by day, alarms marked. All have one scale. */
export function driftFigure(shifts: readonly CandidateShift[]): Html | null {
  const shown = shifts.filter(({ days, measure }) => measure === 'quality' && days.length > 1);
  if (shown.length === 0) return null;
  const names = shortNames(
    shown.map(({ candidate }) => candidate),
    40,
  );
  const range = rangeOf(shown);
  return html`<div class="medium">${shown.map((shift) => candidateFigure(shift, names, range))}</div>${inFull(names)}`;
}

/** Points to either side of 0: every day's dot has room, and most of the bars; those of days with few rows are cut off. */
function rangeOf(shifts: readonly CandidateShift[]): number {
  const days = shifts.flatMap((shift) => shift.days);
  const dots = days.map(({ residual }) => Math.abs(residual));
  const bars = days.map(({ residual, standardError }) => Math.abs(residual) + 1.96 * (standardError ?? 0));
  const needed = 110 * Math.max(largest(dots), quantile(bars, 0.75));
  return Math.min(100, Math.max(LEAST_RANGE, needed));
}

/** Some of the days from the first to the last, at equal distances. */
function labelledDays(days: CandidateShift['days']): Date[] {
  const [first, last] = [days[0], days[days.length - 1]].map(({ day }) => Date.parse(day) / DAY_MS);
  const step = Math.ceil((last - first + 1) / MOST_LABELS);
  return Array.from(
    { length: Math.floor((last - first) / step) + 1 },
    (_, i) => new Date((first + i * step) * DAY_MS),
  );
}

const DAY_LABEL = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

function candidateFigure(
  { alarm, candidate, changedOn, days }: CandidateShift,
  names: ReadonlyMap<string, string>,
  range: number,
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
    x: {
      type: 'utc',
      label: null,
      inset: 16,
      ticks: labelledDays(days),
      tickFormat: (day: Date) => DAY_LABEL.format(day),
    },
    y: {
      domain: [-range, range],
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
