import * as Plot from '@observablehq/plot';
import type { LossCurve } from '../../evaluate/evaluation.ts';
import { shorten } from '../../words/short-names.ts';
import type { Html } from '../html.ts';
import { drawFigure } from './draw-figure.ts';

/** Loss by epoch: on the rows fitted (solid) and on those held out (dashed). */
export function lossFigure({ fit, head, validation }: LossCurve): Html {
  const points = (losses: readonly number[]) =>
    losses.map((loss, i) => ({ epoch: i + 1, loss })).filter(({ loss }) => Number.isFinite(loss));
  return drawFigure({
    width: 400,
    height: 220,
    marginLeft: 52,
    marginRight: 12,
    marginTop: 24,
    marginBottom: 40,
    fontSize: 12.5,
    description: `Loss of the ${shorten(head, 60)} head by epoch.`,
    caption: shorten(head, 60),
    x: { label: 'epoch →', labelArrow: 'none', ticks: 5 },
    y: { label: '↑ loss', labelArrow: 'none', ticks: 4, grid: true, nice: true },
    marks: [
      Plot.line(points(fit), { x: 'epoch', y: 'loss', stroke: 'var(--router)', strokeWidth: 2 }),
      Plot.line(points(validation), {
        x: 'epoch',
        y: 'loss',
        stroke: 'var(--oracle)',
        strokeWidth: 2,
        strokeDasharray: '5 4',
      }),
    ],
  });
}
