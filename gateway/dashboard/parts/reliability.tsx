import type { CalibrationBin } from '../../rollups/rollup.ts';
import { formatPercent, plural } from './format.ts';

const SIZE = 300;
const LEFT = 54;
const BOTTOM = 40;
const TOP = 8;
const RIGHT = 22;

const x = (share: number): number => LEFT + share * (SIZE - LEFT - RIGHT);
const y = (share: number): number => SIZE - BOTTOM - share * (SIZE - BOTTOM - TOP);

/** A reliability diagram: what was foreseen against what came true, with intervals (Wilson 1927). */
export function Reliability({ bins }: { readonly bins: readonly CalibrationBin[] }) {
  const points = bins
    .filter(({ count }) => count > 0)
    .map((bin) => ({ ...bin, ...wilson(bin.count, bin.rated) }));
  const words = points.map(
    ({ count, predicted, rated }) =>
      `${formatPercent(predicted / count)} foreseen, ${formatPercent(rated / count)} rated, ${plural(count, 'rating')}`,
  );
  return (
    <svg
      class="plot"
      viewBox={`0 0 ${SIZE} ${SIZE}`}
      role="img"
      aria-label={`Foreseen and rated: ${words.join('; ')}`}
    >
      {[0, 0.25, 0.5, 0.75, 1].map((share) => (
        <g key={share}>
          <line class="grid" x1={x(0)} x2={x(1)} y1={y(share)} y2={y(share)} />
          <text x={LEFT - 6} y={y(share) + 4} text-anchor="end">
            {formatPercent(share)}
          </text>
          <text x={x(share)} y={SIZE - 23} text-anchor="middle">
            {formatPercent(share)}
          </text>
        </g>
      ))}
      <text x={x(0.5)} y={SIZE - 5} text-anchor="middle">
        foreseen
      </text>
      <text transform={`translate(11 ${y(0.5)}) rotate(-90)`} text-anchor="middle">
        rated
      </text>
      <line class="ideal" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
      {points.map(({ count, from, high, low, predicted, rated }) => (
        <g key={from}>
          <line class="range" x1={x(predicted / count)} x2={x(predicted / count)} y1={y(low)} y2={y(high)} />
          <circle
            class="point"
            cx={x(predicted / count)}
            cy={y(rated / count)}
            r={3 + 5 * Math.sqrt(count / largest(points))}
          />
        </g>
      ))}
    </svg>
  );
}

function largest(points: readonly { readonly count: number }[]): number {
  return points.reduce((most, { count }) => Math.max(most, count), 1);
}

/** 95 % of a share; of ratings between 0 and 1 it is wider than it need be. */
export function wilson(count: number, sum: number): { readonly low: number; readonly high: number } {
  const z = 1.96;
  const share = sum / count;
  const middle = (share + z ** 2 / (2 * count)) / (1 + z ** 2 / count);
  const half =
    (z / (1 + z ** 2 / count)) * Math.sqrt((share * (1 - share)) / count + z ** 2 / (4 * count ** 2));
  return { low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}
