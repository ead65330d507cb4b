import * as Plot from '@observablehq/plot';
import { largest, smallest } from 'pointsman/internal';
import type { StrongWeak } from '../evaluate/evaluation.ts';
import type { CalibrationBin, Confusion, LogHistogram } from '../evaluate/metrics.ts';
import { formatCount, formatDuration, type Interval, shortNames } from '../words.ts';
import { drawFigure, type Html, html, inFull, legend } from './html.ts';

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

/** Histogram of durations on a log scale, median and 99 % point marked. @param microseconds of one unit of it */
export function durationFigure(
  histogram: LogHistogram,
  microseconds: number,
  description: string,
  caption: Html | string,
): Html {
  const edges = histogram.edges.map((edge) => edge * microseconds);
  const bars = histogram.counts.map((count, i) => ({ x1: edges[i], x2: edges[i + 1], count }));
  const marked = [histogram.p50, histogram.p99].map((value) => value * microseconds);
  const short = (duration: number) =>
    formatDuration(duration)
      .replace(/(\.\d*?)0+ /, '$1 ')
      .replace('. ', ' ');
  return drawFigure({
    width: 400,
    height: 240,
    marginLeft: 46,
    marginRight: 24,
    marginTop: 24,
    marginBottom: 30,
    fontSize: 12.5,
    description,
    caption,
    x: {
      type: 'log',
      domain: [edges[0], edges[edges.length - 1]],
      tickFormat: short,
      ticks: logTicks(edges[0], edges[edges.length - 1]),
      label: null,
    },
    y: { label: '↑ prompts', labelArrow: 'none', ticks: 4, grid: true, tickFormat: formatCount },
    marks: [
      Plot.rectY(bars, {
        x1: 'x1',
        x2: 'x2',
        y: 'count',
        fill: 'var(--router)',
        fillOpacity: 0.75,
        inset: 0.5,
      }),
      Plot.ruleX(marked, { stroke: 'currentColor', strokeDasharray: '4 3' }),
      Plot.ruleY([0]),
    ],
  });
}

/** Up to five round durations (1, 2, 5 times a power of ten) within the range. */
function logTicks(low: number, high: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const digit of [1, 2, 5]) {
      const tick = digit * 10 ** power;
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  const step = Math.ceil(ticks.length / 5);
  return ticks.length > 0 ? ticks.filter((_, i) => i % step === 0) : [Math.sqrt(low * high)];
}

/** An axis of one name a row; two names may be cut to the same text, so that rows are told apart by their keys. */
function namesAxis(rows: readonly { readonly key: string; readonly name: string }[]) {
  return {
    type: 'band',
    domain: rows.map(({ key }) => key),
    tickFormat: (key: string) => rows.find((row) => row.key === key)?.name ?? '',
    tickSize: 0,
    label: null,
  } as const;
}

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
    y: namesAxis(rows),
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

/** Predicted against seen, bin by bin, with 95 % bars; on the diagonal the head means what it says. */
export function reliabilityFigure(bins: readonly CalibrationBin[], caption: Html | string): Html {
  const points = bins.map(({ observed, predicted, standardError }) => ({
    predicted,
    observed,
    low: Math.max(0, observed - 1.96 * (standardError ?? 0)),
    high: Math.min(1, observed + 1.96 * (standardError ?? 0)),
  }));
  const axis = { domain: [0, 1], ticks: [0, 0.5, 1], label: null, tickSize: 3, grid: true };
  return drawFigure({
    width: 200,
    height: 190,
    marginLeft: 30,
    marginRight: 10,
    marginTop: 8,
    marginBottom: 24,
    fontSize: 11.5,
    description: 'Reliability: predicted probability across, share seen upwards.',
    caption,
    x: axis,
    y: axis,
    marks: [
      Plot.line([0, 1], {
        x: (d: number) => d,
        y: (d: number) => d,
        stroke: 'var(--plain)',
        strokeDasharray: '5 4',
      }),
      Plot.ruleX(points, {
        x: 'predicted',
        y1: 'low',
        y2: 'high',
        stroke: 'var(--router)',
        strokeOpacity: 0.55,
        strokeWidth: 1.5,
      }),
      Plot.line(points, { x: 'predicted', y: 'observed', stroke: 'var(--router)', strokeWidth: 1.5 }),
      Plot.dot(points, { x: 'predicted', y: 'observed', r: 3, fill: 'var(--router)' }),
    ],
  });
}

/** RouteLLM's curve: quality against the share of prompts sent to the strong candidate. */
export function strongShareFigure({ router, strongQuality, task, weakQuality }: StrongWeak): Html {
  const points = (curve: StrongWeak['router']['curve']) =>
    curve.map(({ share, quality }) => ({ x: 100 * share, y: 100 * quality }));
  const chance = [
    { x: 0, y: 100 * weakQuality },
    { x: 100, y: 100 * strongQuality },
  ];
  return html`${legend([
    { label: 'ranked by this router', colour: 'var(--router)', kind: 'line' },
    ...(task
      ? [{ label: "ranked by the task's mean gap", colour: 'var(--bad)', kind: 'dotted' } as const]
      : []),
    { label: 'at random', colour: 'var(--plain)', kind: 'dashed' },
  ])}${drawFigure({
    width: 480,
    height: 320,
    marginLeft: 52,
    marginRight: 16,
    marginTop: 24,
    marginBottom: 44,
    description: 'Mean quality against the share of prompts sent to the strong candidate.',
    x: {
      domain: [0, 100],
      label: 'share sent to the strong candidate, % →',
      labelArrow: 'none',
      ticks: 5,
      grid: true,
    },
    y: { label: '↑ quality, points', labelArrow: 'none', ticks: 5, grid: true, nice: true },
    marks: [
      Plot.line(chance, { x: 'x', y: 'y', stroke: 'var(--plain)', strokeDasharray: '6 4', strokeWidth: 2 }),
      ...(task
        ? [
            Plot.line(points(task.curve), {
              x: 'x',
              y: 'y',
              stroke: 'var(--bad)',
              strokeDasharray: '2 3',
              strokeWidth: 2,
            }),
          ]
        : []),
      Plot.line(points(router.curve), { x: 'x', y: 'y', stroke: 'var(--router)', strokeWidth: 2.5 }),
    ],
  })}`;
}

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
    y: namesAxis(rows),
    marks: [
      Plot.ruleX([0], { stroke: 'currentColor', strokeWidth: 1.5 }),
      Plot.ruleY(rows, { y: 'key', x1: 'low', x2: 'high', stroke: 'var(--router)', strokeWidth: 2.5 }),
      Plot.dot(rows, { y: 'key', x: 'estimate', r: 4.5, fill: 'var(--router)' }),
    ],
  });
  return html`${drawing}${inFull(names)}`;
}
