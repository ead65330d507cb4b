import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { formatTick, timeRange } from './format.ts';

export interface Series {
  readonly name: string;
  /** One for each time; null where nothing is known. */
  readonly values: readonly (number | null)[];
  readonly format: (value: number | null) => string;
  readonly isBars?: boolean;
}

interface ChartProps {
  /** Says what is drawn, to those who do not see it. */
  readonly label: string;
  /** Seconds since 1970, ascending. */
  readonly times: readonly number[];
  /** From when to when the axis goes. @default as far as there are times */
  readonly range?: readonly [from: number, to: number];
  readonly series: readonly Series[];
  readonly height?: number;
  /** Whether the axis of values begins at 0. @default true */
  readonly isFromZero?: boolean;
}

/** So few points are drawn one by one: a line needs two. */
const FEW = 40;

const COLOURS = ['--accent', '--series-2', '--series-3'];
const SWATCHES = ['', 'second', 'third'];

/** Lines or bars over time, in the colours of the page. */
export function Chart({ height = 200, isFromZero = true, label, range, series, times }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null);
  const isDark = useIsDark();
  useEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const plot = new uPlot(
      optionsOf(
        { series, height, isFromZero, times, ...(range === undefined ? {} : { range }) },
        element.clientWidth,
      ),
      [Float64Array.from(times), ...series.map(({ values }) => [...values])] as uPlot.AlignedData,
      element,
    );
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [times, range, series, height, isFromZero, isDark]);
  return (
    <figure>
      <div class="chart" role="img" aria-label={label} ref={frame} />
      {series.length < 2 ? null : (
        <figcaption class="legend">
          {series.map(({ name }, i) => (
            <span key={name}>
              <i class={`swatch ${SWATCHES[i]}`} />
              {name}
            </span>
          ))}
        </figcaption>
      )}
    </figure>
  );
}

function optionsOf(
  {
    height,
    isFromZero,
    range,
    series,
    times,
  }: Required<Omit<ChartProps, 'label' | 'range'>> & Pick<ChartProps, 'range'>,
  width: number,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--text-2'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
    font: `11px ${style.fontFamily}`,
  };
  const format = series[0]?.format ?? String;
  return {
    width,
    height,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: {
      // Not by what uPlot proposes, which of a single time is years.
      x: { range: () => [...(range ?? timeRange(times))] as [number, number] },
      y: {
        range: (_, low, high) => {
          const [bottom, top] = [isFromZero ? Math.min(0, low) : low, isFromZero ? Math.max(0, high) : high];
          const room = 0.08 * (top - bottom || Math.abs(top) || 1);
          return [bottom < 0 || !isFromZero ? bottom - room : bottom, top + room];
        },
      },
    },
    axes: [
      { ...axis, values: (_, ticks, __, ___, step) => ticks.map((tick) => formatTick(tick, step)) },
      { ...axis, size: 68, values: (_, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      {},
      ...series.map(({ isBars, name }, i) => ({
        label: name,
        stroke: colour(COLOURS[i] as string),
        width: isBars === true ? 0 : 2,
        points: { show: times.length < FEW, size: 5 },
        ...(isBars === true
          ? {
              fill: colour(COLOURS[i] as string),
              paths: uPlot.paths.bars?.({ size: [0.6, 40] }) as uPlot.Series.PathBuilder,
            }
          : {}),
      })),
    ],
  };
}

function useIsDark(): boolean {
  const query = '(prefers-color-scheme: dark)';
  const [isDark, setDark] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const look = () => setDark(list.matches);
    list.addEventListener('change', look);
    return () => list.removeEventListener('change', look);
  }, []);
  return isDark;
}
