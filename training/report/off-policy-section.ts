import type { Evaluation, OffPolicyEstimate, OffPolicyEvaluation } from '../evaluate/evaluation.ts';
import { LEAST_SAMPLE, type Overlap } from '../off-policy/diagnose.ts';
import {
  formatCount,
  formatDecimal,
  formatPercent,
  formatQuality,
  formatSample,
} from '../words/format-number.ts';
import { shortNames } from '../words/short-names.ts';
import { differenceFigure } from './cost-quality-figure.ts';
import { overlapFigure } from './distribution-figures.ts';
import { type Html, html, named, scrollTable, type TableColumn } from './html.ts';
import { coloured } from './sections.ts';

const TASKS_LISTED = 30;

/** How figures were estimated from a log of few candidates per prompt, and how far the log can carry them. */
export function offPolicySection({ offPolicy }: Evaluation): Html | null {
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
