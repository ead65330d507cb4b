import type { Evaluation, OffPolicyEstimate, OffPolicyEvaluation, Way } from '../evaluate/evaluation.ts';
import { sayPreferences } from '../evaluate/preferences.ts';
import { WAY_NAMES, waysCommand, waysNotes, waysSubject } from '../evaluate/ways.ts';
import { LEAST_SAMPLE, type Overlap } from '../off-policy/diagnose.ts';
import {
  formatCount,
  formatDecimal,
  formatDifference,
  formatPercent,
  formatPoints,
  formatQuality,
  formatSample,
  formatShares,
  shortNames,
} from '../words.ts';
import { waysFigure } from './cost-quality-figure.ts';
import { differenceFigure, overlapFigure } from './distribution-figures.ts';
import { Html, html, named, scrollTable, type TableColumn } from './html.ts';
import {
  calibrationSection,
  coloured,
  confusionSection,
  costSection,
  dialSection,
  latencySection,
  provenanceSection,
  strategiesSection,
  strongWeakSection,
  tasksSection,
  verdictSection,
} from './sections.ts';

/** The report's whole style sheet: light and dark, wide and narrow, nothing loaded from elsewhere. */
export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --ink: #1b1f24; --muted: #57606a; --surface: #ffffff; --panel: #f4f6f8; --line: #d5dbe1;
  --router: #2158c4; --oracle: #8a5200; --plain: #6b7580; --good: #14713f; --bad: #b3261e; --warn: #8a5200; --shade: #1b1f2430;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e4e8ec; --muted: #a3adb8; --surface: #13171b; --panel: #1c2227; --line: #38424c;
    --router: #7fabff; --oracle: #e0a84e; --plain: #97a2ad; --good: #5ec98f; --bad: #ff8a80; --warn: #e0a84e; --shade: #00000090;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; background: var(--surface); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.25rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 0.5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.5rem 0 0.25rem; }
p { margin: 0.5rem 0; max-width: 44rem; }
a { color: var(--router); }
.meta, .note, .caption, figcaption { color: var(--muted); font-size: 0.875rem; }
.verdict {
  margin: 1rem 0; padding: 1rem 1.25rem; background: var(--panel); border-radius: 0.5rem;
  border-left: 0.4rem solid var(--warn);
}
.verdict.better { border-color: var(--good); }
.verdict.worse { border-color: var(--bad); }
.verdict p { font-size: 1.125rem; margin: 0; max-width: none; }
.verdict ul { margin: 0.75rem 0 0; padding-left: 1.25rem; color: var(--muted); font-size: 0.9375rem; }
.caption { margin: 0.75rem 0 0.25rem; max-width: none; }
.scroll {
  overflow-x: auto; margin: 0 0 0.75rem;
  /* A shadow at the right edge while there is more to see there. */
  background:
    linear-gradient(to left, var(--surface) 30%, transparent) right / 2.5rem 100% no-repeat local,
    linear-gradient(to left, var(--shade), transparent) right / 0.75rem 100% no-repeat scroll;
}
.scroll:focus-visible { outline: 2px solid var(--router); outline-offset: 2px; }
table { border-collapse: collapse; font-size: 0.9rem; min-width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 0.35rem 0.75rem 0.35rem 0; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--muted); font-weight: 600; vertical-align: bottom; white-space: normal; overflow-wrap: normal; }
td .gap { white-space: normal; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
th:first-child { position: sticky; left: 0; background: var(--surface); }
th[scope="row"] { font-weight: 600; white-space: normal; min-width: 8rem; max-width: 20rem; }
td.text { white-space: normal; min-width: 6rem; }
td.sentences { min-width: 15rem; max-width: 34rem; }
th[scope="row"] small { display: block; font-weight: 400; color: var(--muted); line-height: 1.35; }
tr.router th[scope="row"] { color: var(--router); }
.better { color: var(--good); } .worse { color: var(--bad); }
.verdict.better, .verdict.worse { color: inherit; }
figure { margin: 1rem 0; max-width: 36rem; }
figure svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text, svg tspan { white-space: pre; }
.small { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(10rem, 45%), 1fr)); gap: 1rem; }
.small figure { margin: 0; max-width: 15rem; }
.medium { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1rem; }
.medium figure { margin: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.1rem; list-style: none; padding: 0; margin: 0.5rem 0; font-size: 0.875rem; }
.legend svg { display: inline-block; width: 1.6em; height: 0.9em; vertical-align: -0.1em; margin-right: 0.35em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15rem 1rem; margin: 0.5rem 0; }
dt { color: var(--muted); } dd { margin: 0; }
pre { background: var(--panel); padding: 0.75rem; overflow-x: auto; font-size: 0.8rem; border-radius: 0.4rem; }
@media (max-width: 40rem) {
  .stacks, .stacks tbody { display: block; }
  .stacks thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stacks tr { display: block; padding: 0.5rem 0; border-bottom: 1px solid var(--line); }
  .stacks th[scope="row"], .stacks td { display: flex; gap: 1rem; justify-content: space-between; max-width: none; padding: 0.1rem 0; border: 0; }
  .stacks th[scope="row"] { display: block; position: static; }
  .stacks td::before { content: attr(data-heading); flex: none; max-width: 55%; color: var(--muted); text-align: left; white-space: normal; }
  .stacks td.sentences { display: block; max-width: none; }
  .stacks td.sentences::before { display: block; }
}
@media (max-width: 30rem) { th[scope="row"] { max-width: 9rem; } body { font-size: 15px; padding-top: 1rem; } dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: 0.5rem; } }
@media print { .scroll { overflow: visible; } body { max-width: none; } }
`;

interface ReportOptions {
  /** Heading of the page. @default 'Router evaluation' */
  readonly title?: string;
  /** What should be known before all figures: a sentence. @default nothing */
  readonly note?: string;
}

/**
 * The evaluation as one page of HTML: no script, nothing loaded from elsewhere, readable on a phone and in the
 * dark. All that comes from the traffic is escaped. The same evaluation gives the same bytes.
 *
 * @example writeFileSync('report.html', renderReport(evaluation, { title: 'Support router' }));
 */
export function renderReport(evaluation: Evaluation, options: ReportOptions = {}): string {
  const title = options.title ?? 'Router evaluation';
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}: ${evaluation.artifactId}</title>
<style>${new Html(REPORT_STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="meta">${evaluation.artifactId}, policy ${evaluation.policy}</p>
${options.note !== undefined && html`<p>${options.note}</p>`}
${verdictSection(evaluation.verdict)}
${dialSection(evaluation)}
${strategiesSection(evaluation)}
${preferencesSection(evaluation)}
${offPolicySection(evaluation)}
${costSection(evaluation)}
${waysSection(evaluation)}
${strongWeakSection(evaluation.strongWeak)}
${calibrationSection(evaluation)}
${confusionSection(evaluation)}
${tasksSection(evaluation)}
${latencySection(evaluation)}
${provenanceSection(evaluation)}
</main>
</body>
</html>
`;
  return page.markup;
}

/** Whether to route or to cascade: ways to ask the same candidates, and what each saves. */
function waysSection({ dial }: Evaluation): Html | null {
  const ways = dial?.ways;
  if (!ways) return null;
  const heading = html`<h2>Route or cascade?</h2>`;
  if (ways.missing !== null) return html`${heading}<p>Ways to ask are not compared. ${ways.missing}</p>`;
  const measured = ways.ways.filter(({ missing }) => missing === null);
  const losses = measured.find(({ savings }) => savings.length > 0)?.savings.map(({ maxLoss }) => maxLoss);
  const last = ways.chain[ways.chain.length - 1];
  return html`${heading}
<p class="note">${waysSubject(ways).replace(/^w/, 'W')}. Marks are the settings that are best at some cost there, lines mixtures of two; whoever is asked is paid, in vain too.</p>
${waysFigure(ways)}
${waysNotes(ways).map((sentence) => html`<p>${sentence}</p>`)}
${
  losses !== undefined &&
  scrollTable(
    `What each way saves of the cost of ${last} alone, and its quality minus that of ${last}, with 95 % intervals`,
    measured,
    [
      { heading: 'Way to ask', cell: ({ id }) => WAY_NAMES[id] },
      ...losses.map((loss, i) => ({
        heading: `Losing ${formatPoints(loss, 0)} or less`,
        cell: ({ savings }: Way) => {
          const { difference, savedShare } = savings[i];
          return difference === null
            ? '–'
            : html`${formatShares(savedShare)}<br><small>${formatDifference(difference)} points</small>`;
        },
      })),
    ],
  )
}
<p>Set one: <code>${waysCommand(ways, 'FOLDER')}</code>, with <code>--cascade</code> for a cascade on the prompt, <code>--accept answer</code> on the answer, <code>--routing</code> for cascade routing.</p>`;
}

const TASKS_LISTED = 30;

/** How well preferences are foretold, where there are any. */
function preferencesSection({ preferences }: Evaluation): Html | null {
  if (preferences === undefined) return null;
  return html`<h2>Which answer is preferred</h2>
${sayPreferences(preferences).map((sentence) => html`<p>${sentence}</p>`)}`;
}

/** How figures were estimated from a log of few candidates per prompt, and how far the log can carry them. */
function offPolicySection({ offPolicy }: Evaluation): Html | null {
  // Absent from what earlier versions wrote.
  if (!offPolicy) return null;
  const { assumption, estimates, overlap, propensities, refusals, rows } = offPolicy;
  return html`<h2>How much of this the log can tell</h2>
<p>Of each test prompt the log holds a part of the candidates' answers, so the others are estimated: by the router's own model, corrected by what was seen, each answer weighing the inverse of its probability to be in the log (its propensity). Propensities: ${propensities}. ${assumption}</p>
${refusals.length > 0 && html`<p>The log cannot answer:</p><ul>${refusals.map((reason) => html`<li>${reason}</li>`)}</ul>`}
${estimates.length > 0 && estimatesOf(estimates)}
${overlapFigure(
  [
    { name: 'This router', effectiveSampleSize: overlap.router.effectiveSampleSize, isRouter: true },
    ...overlap.candidates.map(({ candidate, effectiveSampleSize }) => ({
      name: candidate,
      effectiveSampleSize,
      isRouter: false,
    })),
  ],
  LEAST_SAMPLE,
)}
${overlapTable(`How much the log tells of each way to choose, on ${formatCount(rows)} test prompts`, 'Who chooses', waysToChoose(offPolicy))}
<p class="note">Effective sample size: how many prompts of equal weight would give the same precision; under ${LEAST_SAMPLE} (dashed) nothing is concluded. The mean weight is 1 but for chance where the log could hold every choice; what is missing to 1 is the share of choices that it could not. Weights above ${formatCount(offPolicy.clip)} are clipped; the table says which share of their sum.</p>
${
  overlap.tasks.length > 0 &&
  overlapTable(
    'How much the log tells of the router, task by task',
    'Task',
    overlap.tasks.slice(0, TASKS_LISTED).map((one) => ({ ...one, name: one.task })),
  )
}`;
}

const NAMES = {
  ips: ['IPS', 'Inverse propensity scoring: the mean of weight times quality.'],
  snips: ['SNIPS', 'The same over the mean weight.'],
  dr: ['DR', 'Doubly robust: the model, and the weighted mean of its errors. What the figures above are.'],
  'switch-dr': ['Switch-DR', 'DR without errors of large weight.'],
} as const;

function estimatesOf(estimates: readonly OffPolicyEstimate[]): Html {
  const columns: TableColumn<OffPolicyEstimate>[] = [
    {
      heading: 'Estimator',
      cell: ({ estimator, switchAt }) =>
        html`${NAMES[estimator][0]}<small>${NAMES[estimator][1]}${switchAt !== null && ` Here: above ${switchAt.toPrecision(3)}.`}</small>`,
    },
    { heading: 'Routed quality', cell: ({ quality }) => formatQuality(quality) },
    { heading: 'Router minus best single', cell: ({ againstBestSingle }) => coloured(againstBestSingle) },
  ];
  if (estimates.some(({ againstFixedMix }) => againstFixedMix)) {
    columns.push({
      heading: 'Router minus fixed mix',
      cell: ({ againstFixedMix }) => coloured(againstFixedMix),
    });
  }
  return html`${differenceFigure(
    estimates.map(({ estimator, againstBestSingle }) => ({
      name: NAMES[estimator][0],
      difference: againstBestSingle,
    })),
    'router minus best single, points of quality →',
    'Router minus best single by each estimator, with 95 % intervals.',
  )}
${scrollTable('The router by each estimator, in points with 95 % intervals', estimates, columns, ({ estimator }) => (estimator === 'dr' ? 'router' : ''))}`;
}

type NamedOverlap = Overlap & { readonly name: string };

function waysToChoose({ overlap }: OffPolicyEvaluation): NamedOverlap[] {
  return [
    { ...overlap.router, name: 'This router' },
    ...overlap.candidates.map((one) => ({
      ...one,
      name: `Always ${one.candidate}${one.compared ? '' : ' (not compared)'}`,
    })),
  ];
}

function overlapTable(caption: string, heading: string, rows: readonly NamedOverlap[]): Html {
  const names = shortNames(
    rows.map(({ name }) => name),
    60,
  );
  return scrollTable(caption, rows, [
    { heading, cell: ({ name }) => named(name, names) },
    { heading: 'Prompts', cell: (one) => formatCount(one.rows) },
    { heading: 'That agree', cell: ({ matchedRows }) => formatCount(matchedRows) },
    { heading: 'Effective sample', cell: ({ effectiveSampleSize }) => formatSample(effectiveSampleSize) },
    { heading: 'Mean weight', cell: ({ meanWeight }) => formatDecimal(meanWeight.estimate) },
    { heading: 'Largest weight', cell: ({ largestWeight }) => largestWeight.toPrecision(3) },
    {
      heading: 'Least propensity',
      cell: ({ smallestPropensity }) =>
        smallestPropensity === null ? '–' : smallestPropensity.toPrecision(2),
    },
    {
      heading: 'Clipped',
      // Earlier versions wrote only how many were cut.
      cell: ({ clippedMass, clippedShare }) => formatPercent(clippedMass ?? clippedShare),
    },
  ]);
}
