import * as Plot from '@observablehq/plot';
import type { LogHistogram } from '../../evaluation/log-histogram.ts';
import { formatCount, formatDuration } from '../../words/format-number.ts';
import type { Html } from '../html.ts';
import { drawFigure } from './draw-figure.ts';

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
