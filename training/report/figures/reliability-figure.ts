import * as Plot from '@observablehq/plot';
import type { CalibrationBin } from '../../evaluate/metrics.ts';
import type { Html } from '../html.ts';
import { drawFigure } from './draw-figure.ts';

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
