import * as Plot from '@observablehq/plot';
import type { StrongWeak } from '../../evaluate/evaluation.ts';
import { type Html, html } from '../html.ts';
import { drawFigure } from './draw-figure.ts';
import { legend } from './legend.ts';

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
