import * as Plot from '@observablehq/plot';
import { largest, smallest } from 'pointsman/internal';
import type { Evaluation, StrategyId, WayId, Ways } from '../evaluate/evaluation.ts';
import type { CostQuality } from '../evaluate/metrics.ts';
import { WAY_NAMES } from '../evaluate/ways.ts';
import { formatDollars, shorten, shortNames } from '../words.ts';
import { drawFigure, type Html, html, inFull, type LegendEntry, legend } from './html.ts';

const SIZE = { width: 480, height: 370, marginLeft: 52, marginRight: 16, marginTop: 24, marginBottom: 46 };
const FONT_SIZE = 13;
/** Where labels may stand, in pixels. */
const AREA = {
  left: SIZE.marginLeft,
  right: SIZE.width - SIZE.marginRight,
  top: SIZE.marginTop - 8,
  bottom: SIZE.height - SIZE.marginBottom,
};

/** Baselines that are points of their own; single candidates are drawn with their names. */
const MARKS: readonly (LegendEntry & { readonly id: StrategyId; readonly symbol: Plot.SymbolType })[] = [
  {
    id: 'fixedMix',
    label: 'best fixed mix at equal cost',
    colour: 'var(--plain)',
    kind: 'square',
    symbol: 'square',
  },
  { id: 'shuffled', label: 'shuffled copy', colour: 'var(--plain)', kind: 'cross', symbol: 'times' },
  { id: 'nearest', label: 'nearest neighbours', colour: 'var(--good)', kind: 'diamond', symbol: 'diamond' },
  { id: 'task', label: 'best per task', colour: 'var(--bad)', kind: 'triangle', symbol: 'triangle' },
  { id: 'oracle', label: 'oracle, on quality alone', colour: 'var(--oracle)', kind: 'dot', symbol: 'circle' },
];

/** Cost against quality: the router over its settings, between fixed mixes and the oracle. */
export function costQualityFigure({ strategies, costQuality }: Evaluation): Html | null {
  if (!costQuality) return null;
  const places = strategies.flatMap(({ id, quality, costUsd }) =>
    quality.estimate === null || costUsd?.estimate == null
      ? []
      : [{ id, ...scaled({ cost: costUsd.estimate, quality: quality.estimate }) }],
  );
  const names = shortNames(
    costQuality.singles.map(({ candidate }) => candidate),
    20,
  );
  const singles = costQuality.singles.map((single) => ({
    ...scaled(single),
    label: names.get(single.candidate) ?? single.candidate,
    name: shorten(single.candidate, 200),
  }));
  const curves = {
    router: costQuality.router.map(scaled),
    oracle: costQuality.oracle.map(scaled),
  };
  const everything = [...places, ...singles, ...curves.router, ...curves.oracle];
  const scale = createScale(everything);
  const router = places.find(({ id }) => id === 'router');
  const marks = MARKS.flatMap((mark) => {
    const place = places.find(({ id }) => id === mark.id);
    return place ? [{ ...mark, ...place }] : [];
  });
  const labelled = placeLabels(
    singles.map(({ x, y, label }) => ({ ...scale.pixels(x, y), text: label })),
    AREA,
    FONT_SIZE,
    [...marks, ...(router ? [router] : []), ...curves.router].map(({ x, y }) => scale.pixels(x, y)),
  );
  const labelsOn = (side: LabelSide) =>
    Plot.text(
      singles.filter((_, i) => labelled[i] === side),
      { x: 'x', y: 'y', text: 'label', ...SIDES[side], fill: 'currentColor', ...HALO },
    );
  const drawing = drawFigure({
    ...SIZE,
    fontSize: FONT_SIZE,
    description:
      'Mean quality against mean cost of the router, fixed mixes of candidates, baselines and the oracle.',
    ...axesOf(scale),
    marks: [
      Plot.line(mixLine(costQuality.mixes, scale.log), {
        x: 'x',
        y: 'y',
        stroke: 'var(--plain)',
        strokeDasharray: '6 4',
        strokeWidth: 2,
      }),
      Plot.line(curves.oracle, {
        x: 'x',
        y: 'y',
        stroke: 'var(--oracle)',
        strokeDasharray: '2 3',
        strokeWidth: 2,
      }),
      Plot.line(curves.router, { x: 'x', y: 'y', stroke: 'var(--router)', strokeWidth: 2.5 }),
      Plot.dot(singles, {
        x: 'x',
        y: 'y',
        r: 4,
        stroke: 'currentColor',
        strokeWidth: 1.75,
        fill: 'var(--surface)',
        title: 'name',
      }),
      ...marks.map((mark) =>
        Plot.dot([mark], {
          x: 'x',
          y: 'y',
          r: 5,
          symbol: mark.symbol,
          ...(mark.kind === 'cross' ? { stroke: mark.colour, strokeWidth: 2 } : { fill: mark.colour }),
          title: 'label',
        }),
      ),
      ...(router
        ? [
            Plot.dot([router], {
              x: 'x',
              y: 'y',
              r: 6.5,
              fill: 'var(--router)',
              stroke: 'var(--surface)',
              strokeWidth: 1.5,
            }),
          ]
        : []),
      ...(Object.keys(SIDES) as LabelSide[]).map(labelsOn),
    ],
  });
  const unlabelled = labelled.some((side) => side === null);
  return html`${legend([
    { label: 'this router', colour: 'var(--router)', kind: 'dot' },
    { label: 'its heads at other prices of quality', colour: 'var(--router)', kind: 'line' },
    { label: 'fixed mixes', colour: 'var(--plain)', kind: 'dashed' },
    { label: 'oracle', colour: 'var(--oracle)', kind: 'dotted' },
    { label: 'a candidate alone', colour: 'currentColor', kind: 'ring' },
    ...marks,
  ])}${drawing}${unlabelled && html`<p class="note">Names that would overlap are left out; the table of candidates has them all.</p>`}${inFull(names)}`;
}

/** Of dollars and points. */
function axesOf({ log, x, y }: ReturnType<typeof createScale>) {
  return {
    x: {
      type: log ? ('log' as const) : ('linear' as const),
      domain: [...x],
      label: `US dollars per 1,000 requests${log ? ' (log scale)' : ''} →`,
      labelAnchor: 'right' as const,
      labelArrow: 'none' as const,
      tickFormat: (dollars: number) =>
        formatDollars(dollars)
          .replace(/(\.\d*?)0+$/, '$1')
          .replace(/\.$/, ''),
      ticks: 5,
      grid: true,
    },
    y: { domain: [...y], label: '↑ quality, points', labelArrow: 'none' as const, ticks: 6, grid: true },
  };
}

/** Told apart by dashes and marks as well as by colour. */
const WAY_LINES: Readonly<Record<WayId, LegendEntry & { readonly symbol: Plot.SymbolType; dash?: string }>> =
  {
    route: { label: WAY_NAMES.route, colour: 'var(--router)', kind: 'dot', symbol: 'circle' },
    prompt: {
      label: WAY_NAMES.prompt,
      colour: 'var(--plain)',
      kind: 'square',
      symbol: 'square',
      dash: '6 4',
    },
    answer: {
      label: WAY_NAMES.answer,
      colour: 'var(--oracle)',
      kind: 'triangle',
      symbol: 'triangle',
      dash: '2 3',
    },
    routing: { label: WAY_NAMES.routing, colour: 'var(--good)', kind: 'diamond', symbol: 'diamond' },
  };

/** Cost against quality of ways to ask the same candidates, each over the settings that were chosen for it. */
export function waysFigure({ chain, singles, ways }: Ways): Html {
  const names = shortNames(chain, 20);
  const alone = singles.map((single, i) => ({ ...scaled(single), label: names.get(chain[i]) ?? chain[i] }));
  const lines = ways.flatMap(({ curve, id }) =>
    curve.length === 0 ? [] : [{ ...WAY_LINES[id], curve, points: curve.map(scaled) }],
  );
  const points = lines.flatMap((line) => line.points);
  const scale = createScale([...alone, ...points]);
  const sides = placeLabels(
    alone.map(({ x, y, label }) => ({ ...scale.pixels(x, y), text: label })),
    AREA,
    FONT_SIZE,
    points.map(({ x, y }) => scale.pixels(x, y)),
  );
  const drawing = drawFigure({
    ...SIZE,
    fontSize: FONT_SIZE,
    description: `Mean quality against mean cost of ${lines.map(({ label }) => label).join(', ')}.`,
    ...axesOf(scale),
    marks: [
      ...lines.flatMap(({ colour, curve, dash, points, symbol }) => [
        Plot.line(mixLine(curve, scale.log), {
          ...{ x: 'x', y: 'y', stroke: colour, strokeWidth: 2 },
          ...(dash === undefined ? {} : { strokeDasharray: dash }),
        }),
        Plot.dot(points, { x: 'x', y: 'y', r: 3.5, fill: colour, symbol }),
      ]),
      Plot.dot(alone, {
        ...{ x: 'x', y: 'y', r: 4, stroke: 'currentColor', strokeWidth: 1.75, fill: 'var(--surface)' },
      }),
      ...alone.flatMap((single, i) => {
        const side = sides[i];
        return side === null
          ? []
          : [
              Plot.text([single], {
                ...{ x: 'x', y: 'y', text: 'label', fill: 'currentColor' },
                ...SIDES[side],
                ...HALO,
              }),
            ];
      }),
    ],
  });
  return html`${legend([...lines, { label: 'a candidate alone', colour: 'currentColor', kind: 'ring' }])}${drawing}${inFull(names)}`;
}

const HALO = { stroke: 'var(--surface)', strokeWidth: 4, paintOrder: 'stroke' } as const;

/** Pixels from a point to its label. */
const LABEL_GAP = 7;

/** Pixels from a point to a label that stands askew of it, sideways. */
const LABEL_ASKEW = 4;

const SIDES = {
  right: { textAnchor: 'start', dx: LABEL_GAP },
  left: { textAnchor: 'end', dx: -LABEL_GAP },
  above: { textAnchor: 'middle', dy: -LABEL_GAP, lineAnchor: 'bottom' },
  below: { textAnchor: 'middle', dy: LABEL_GAP, lineAnchor: 'top' },
  'above right': { textAnchor: 'start', dx: LABEL_ASKEW, dy: -LABEL_GAP, lineAnchor: 'bottom' },
  'below right': { textAnchor: 'start', dx: LABEL_ASKEW, dy: LABEL_GAP, lineAnchor: 'top' },
  'above left': { textAnchor: 'end', dx: -LABEL_ASKEW, dy: -LABEL_GAP, lineAnchor: 'bottom' },
  'below left': { textAnchor: 'end', dx: -LABEL_ASKEW, dy: LABEL_GAP, lineAnchor: 'top' },
} as const satisfies Record<LabelSide, object>;

/** Dollars of 1,000 requests, and points. */
function scaled({ cost, quality }: CostQuality): { x: number; y: number } {
  return { x: 1000 * cost, y: 100 * quality };
}

/** Straight between corners where cost is linear, sampled where it is not. */
function mixLine(corners: readonly CostQuality[], log: boolean): { x: number; y: number }[] {
  if (!log) return corners.map(scaled);
  return corners.flatMap((corner, i) => {
    const next = corners[i + 1];
    if (!next) return [scaled(corner)];
    return Array.from({ length: 24 }, (_, step) => {
      const cost = corner.cost * (next.cost / corner.cost) ** (step / 24);
      const rise = next.cost - corner.cost;
      const share = rise === 0 ? step / 24 : (cost - corner.cost) / rise;
      return scaled({ cost, quality: corner.quality + share * (next.quality - corner.quality) });
    });
  });
}

function createScale(points: readonly { readonly x: number; readonly y: number }[]) {
  const range = (values: readonly number[]) => [smallest(values), largest(values)] as const;
  const [lowX, highX] = range(points.map(({ x }) => x));
  const [lowY, highY] = range(points.map(({ y }) => y));
  const log = lowX > 0 && highX / lowX > 15;
  const padX = 0.06 * (highX - lowX) || Math.max(1e-9, 0.1 * highX);
  const rise = highY - lowY || 16;
  const ratio = (highX / lowX) ** 0.06;
  const x = log
    ? ([lowX / ratio, highX * ratio] as const)
    : ([Math.max(0, lowX - padX), highX + padX] as const);
  // Room for a name below the lowest point.
  const y = [lowY - 0.1 * rise, highY + 0.06 * rise] as const;
  const along = (value: number) =>
    log ? Math.log(value / x[0]) / Math.log(x[1] / x[0]) : (value - x[0]) / (x[1] - x[0]);
  return {
    log,
    x,
    y,
    pixels: (valueX: number, valueY: number) => ({
      x: SIZE.marginLeft + along(valueX) * (SIZE.width - SIZE.marginLeft - SIZE.marginRight),
      y:
        SIZE.height -
        SIZE.marginBottom -
        ((valueY - y[0]) / (y[1] - y[0])) * (SIZE.height - SIZE.marginTop - SIZE.marginBottom),
    }),
  };
}

/** Where a label stands beside its point. */
type LabelSide = (typeof LABEL_SIDES)[number];

/** In the order in which they are tried. */
const LABEL_SIDES = [
  'right',
  'left',
  'above',
  'below',
  'above right',
  'below right',
  'above left',
  'below left',
] as const;

interface LabelPoint {
  readonly x: number; // pixels
  readonly y: number; // pixels
  readonly text: string;
}

interface LabelArea {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/**
 * Finds a side for each label, first come first served, so that no label covers another label or any point or
 * leaves the area; null where there is none.
 * @param obstacles more points (pixels) that no label may cover
 */
export function placeLabels(
  points: readonly LabelPoint[],
  area: LabelArea,
  fontSize: number,
  obstacles: readonly { readonly x: number; readonly y: number }[] = [],
): (LabelSide | null)[] {
  const taken: LabelArea[] = [...points, ...obstacles].map(({ x, y }) => ({
    left: x - 4,
    right: x + 4,
    top: y - 4,
    bottom: y + 4,
  }));
  return points.map((point) => {
    for (const side of LABEL_SIDES) {
      const box = boxOf(point, side, fontSize);
      const inside =
        box.left >= area.left && box.right <= area.right && box.top >= area.top && box.bottom <= area.bottom;
      if (!inside || taken.some((other) => overlaps(box, other))) continue;
      taken.push(box);
      return side;
    }
    return null;
  });
}

function boxOf({ x, y, text }: LabelPoint, side: LabelSide, fontSize: number): LabelArea {
  const width = textWidth(text, fontSize);
  const height = 1.1 * fontSize;
  const aside = side.includes(' ') ? LABEL_ASKEW : LABEL_GAP;
  const left = side.endsWith('right') ? x + aside : side.endsWith('left') ? x - aside - width : x - width / 2;
  const top = side.startsWith('above')
    ? y - LABEL_GAP - height
    : side.startsWith('below')
      ? y + LABEL_GAP
      : y - height / 2;
  return { left, right: left + width, top, bottom: top + height };
}

/** Pixels of a text in a plain sans-serif font, rather too many than too few. */
function textWidth(text: string, fontSize: number): number {
  let width = 0;
  for (const character of text)
    width += /[fijlrtI.,:;'|!()[\]/\s-]/.test(character)
      ? 0.42
      : /[a-z0-9]/.test(character) && !/[mw]/.test(character)
        ? 0.64
        : 1;
  return fontSize * width;
}

function overlaps(a: LabelArea, b: LabelArea): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
