import * as Plot from '@observablehq/plot';
import { drawFigure } from '../../training/report/html.ts';
import type { MonthEvents } from './month-world.ts';
import type { Month, MonthDay } from './simulate-month.ts';

const WIDTH = 820;
const HEIGHTS = [330, 150] as const;
const MARGINS = { marginLeft: 180, marginRight: 16 };

/** The report's colours, as fixed ones: a picture has no reader's theme. */
const COLOURS: Readonly<Record<string, string>> = {
  'var(--surface)': '#ffffff',
  'var(--router)': '#2158c4',
  'var(--oracle)': '#8a5200',
  'var(--plain)': '#6b7580',
  'var(--good)': '#14713f',
  'var(--bad)': '#b3261e',
  'var(--warn)': '#8a5200',
  currentColor: '#1b1f24',
};

/** What happened at night, one row each. */
const NIGHTS = ['promoted', 'refused', 'candidate alarm', 'batch in quarantine'] as const;
const NIGHT_COLOURS = ['var(--good)', 'var(--bad)', 'var(--warn)', 'var(--router)'];

/** The month in one SVG: quality by day above, what the nights decided below. */
export function monthFigure(
  { days }: Month,
  { degrade, reprice }: MonthEvents,
  poison: { readonly day: number },
): string {
  const events = [
    { day: degrade.day, label: `${degrade.candidate} degrades` },
    { day: reprice.day, label: `${reprice.candidate} costs ${reprice.factor} times as much` },
    { day: poison.day, label: 'poisoned log' },
  ];
  const lines = drawFigure({ ...MARGINS, ...qualityPlot(days, events) });
  const nights = drawFigure({ ...MARGINS, ...nightPlot(days, events) });
  const [upper, lower] = [lines, nights].map(({ markup }) => /<svg[^>]*>([\s\S]*)<\/svg>/.exec(markup)![1]);
  const height = HEIGHTS[0] + HEIGHTS[1];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="currentColor" role="img" aria-label="A month of serving by day and retraining by night">
<rect width="${WIDTH}" height="${height}" fill="var(--surface)"/>
<g text-anchor="middle">${upper}</g>
<g text-anchor="middle" transform="translate(0 ${HEIGHTS[0]})">${lower}</g>
</svg>
`.replace(/var\(--\w+\)|currentColor/g, (name) => COLOURS[name] ?? name);
}

type Event = { readonly day: number; readonly label: string };

function qualityPlot(days: readonly MonthDay[], events: readonly Event[]) {
  const lines = [
    { name: 'oracle', colour: 'var(--oracle)', dash: '6 4', of: ({ oracle }: MonthDay) => oracle },
    {
      name: 'router, as it serves',
      colour: 'var(--router)',
      dash: '',
      of: ({ router }: MonthDay) => router.quality,
    },
    {
      name: 'best single candidate',
      colour: 'var(--plain)',
      dash: '',
      of: ({ bestSingle }: MonthDay) => bestSingle.quality,
    },
    {
      name: '1 point below it',
      colour: 'var(--bad)',
      dash: '2 3',
      of: ({ bestSingle }: MonthDay) => bestSingle.quality - 0.01,
    },
  ];
  const last = days[days.length - 1];
  return {
    width: WIDTH,
    height: HEIGHTS[0],
    marginTop: 56,
    marginBottom: 24,
    description: 'True quality of router, best single candidate and oracle by day.',
    x: { domain: [0.5, last.day + 0.5], label: null, ticks: 0 },
    y: { label: '↑ true quality, points', labelArrow: 'none', grid: true, nice: true, inset: 6 } as const,
    marks: [
      Plot.ruleX(events, {
        x: ({ day }: Event) => day - 0.5,
        stroke: 'var(--plain)',
        strokeDasharray: '3 3',
      }),
      // At two heights in turn, since events may be close together.
      ...[-30, -14].map((dy, turn) =>
        Plot.text(
          events.filter((_, i) => i % 2 === turn),
          { x: ({ day }: Event) => day - 0.4, text: 'label', frameAnchor: 'top', dy, textAnchor: 'start' },
        ),
      ),
      ...lines.flatMap(({ colour, dash, name, of }) => [
        Plot.lineY(days, {
          x: 'day',
          y: (day: MonthDay) => 100 * of(day),
          stroke: colour,
          strokeWidth: name.startsWith('router') ? 2.5 : 1.8,
          strokeDasharray: dash,
          curve: 'step',
        }),
        Plot.text([days[0]], {
          x: () => 0.5,
          y: (day: MonthDay) => 100 * of(day),
          text: () => name,
          dx: -36,
          dy: name.startsWith('1 point') ? 7 : name.startsWith('best') ? -5 : 0,
          textAnchor: 'end',
          fill: colour,
        }),
      ]),
    ],
  };
}

function nightPlot(days: readonly MonthDay[], events: readonly Event[]) {
  const marks = days.flatMap(({ day, run }) => [
    { day, what: run.outcome === 'promoted' ? NIGHTS[0] : NIGHTS[1] },
    ...(run.alarms.some(({ kind }) => kind === 'candidate') ? [{ day, what: NIGHTS[2] }] : []),
    ...(run.alarms.some(({ kind }) => kind === 'quarantine') ? [{ day, what: NIGHTS[3] }] : []),
  ]);
  return {
    width: WIDTH,
    height: HEIGHTS[1],
    marginTop: 6,
    marginBottom: 40,
    description: 'What each night decided.',
    x: {
      domain: [0.5, days[days.length - 1].day + 0.5],
      label: 'day',
      labelArrow: 'none',
      ticks: 10,
    } as const,
    y: { type: 'band', domain: NIGHTS, label: null, tickSize: 0, padding: 0.2 } as const,
    color: { domain: NIGHTS, range: NIGHT_COLOURS },
    marks: [
      Plot.ruleX(events, {
        x: ({ day }: Event) => day - 0.5,
        stroke: 'var(--plain)',
        strokeDasharray: '3 3',
      }),
      Plot.dot(marks, { x: 'day', y: 'what', fill: 'what', r: 5 }),
    ],
  };
}
