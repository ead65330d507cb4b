import type { Evaluation } from '../evaluate/evaluation.ts';
import { formatCost, formatCount, formatDecimal, formatPercent } from '../words/format-number.ts';
import { shortNames } from '../words/short-names.ts';
import { reliabilityFigure } from './figures/reliability-figure.ts';
import { type Html, html } from './html.ts';
import { named } from './named.ts';
import { scrollTable } from './scroll-table.ts';

/** Slices smaller than this say too little to be listed. */
const SLICE_ROWS = 100;
const SLICES_LISTED = 10;

/** Whether the probabilities mean what they say: each head over all rows, and the worst slices. */
export function calibrationSection({ amounts, calibration, coverage }: Evaluation): Html | null {
  const heads = calibration.success.filter(({ rows }) => rows > 0);
  if (heads.length === 0) return null;
  const slices = heads
    .flatMap(({ candidate, tasks }) => tasks.map((slice) => ({ candidate, ...slice })))
    .filter(({ debiasedEce, rows }) => rows >= SLICE_ROWS && (debiasedEce ?? 0) > 0)
    .sort((a, b) => (b.debiasedEce ?? 0) - (a.debiasedEce ?? 0))
    .slice(0, SLICES_LISTED);
  const { choice } = calibration;
  const costs = amounts.costs.filter(({ rows }) => rows > 0);
  const candidates = heads.map(({ candidate }) => candidate);
  const [names, captions] = [shortNames(candidates, 80), shortNames(candidates, 40)];
  const tasks = shortNames(
    slices.map(({ task }) => task),
    60,
  );
  return html`<h2>Can its probabilities be trusted?</h2>
<p class="note">Predicted probability across, what was seen upwards, in ten bins of equal mass with 95 % bars. On the diagonal a probability means what it says.${
    coverage.kind !== 'full' &&
    ' Each head is checked on the prompts its candidate answered, which the log chose; on others it may do worse.'
  }</p>
<div class="small">${heads.map((head) =>
    reliabilityFigure(head.bins, html`${named(head.candidate, captions)}: ECE ${formatDecimal(head.ece10)}`),
  )}${choice && reliabilityFigure(choice.bins, html`choice head, top choice: ECE ${formatDecimal(choice.ece10)}`)}</div>
${scrollTable('Calibration of each success head', heads, [
  { heading: 'Candidate', cell: ({ candidate }) => named(candidate, names) },
  { heading: 'Prompts', cell: ({ rows }) => formatCount(rows) },
  { heading: 'ECE, 10 bins', cell: ({ ece10 }) => formatDecimal(ece10) },
  { heading: 'ECE, 15 bins', cell: ({ ece15 }) => formatDecimal(ece15) },
  { heading: 'ECE, debiased', cell: ({ debiasedEce }) => formatDecimal(debiasedEce) },
  { heading: 'Brier', cell: ({ brier }) => formatDecimal(brier) },
  { heading: 'Brier of a constant', cell: ({ brierOfMean }) => formatDecimal(brierOfMean) },
  { heading: 'NLL', cell: ({ nll }) => formatDecimal(nll) },
])}
${
  slices.length > 0 &&
  scrollTable(`The least calibrated slices of ${SLICE_ROWS} prompts or more`, slices, [
    { heading: 'Task', cell: ({ task }) => named(task, tasks) },
    { heading: 'Candidate', text: true, cell: ({ candidate }) => named(candidate, captions) },
    { heading: 'Prompts', cell: ({ rows }) => formatCount(rows) },
    { heading: 'ECE, debiased', cell: ({ debiasedEce }) => formatDecimal(debiasedEce) },
    { heading: 'Brier', cell: ({ brier }) => formatDecimal(brier) },
  ])
}
${
  costs.length > 0 &&
  scrollTable('What answers of each candidate were expected to cost, and what they did cost', costs, [
    { heading: 'Candidate', cell: ({ candidate }) => named(candidate, names) },
    { heading: 'Answers', cell: ({ rows }) => formatCount(rows) },
    { heading: 'Expected per 1,000', cell: ({ meanExpected }) => formatCost(meanExpected) },
    { heading: 'Paid per 1,000', cell: ({ meanSeen }) => formatCost(meanSeen) },
    { heading: 'Expected ÷ paid', cell: ({ ratio }) => formatDecimal(ratio) },
    { heading: 'Median error', cell: ({ medianRelativeError }) => formatPercent(medianRelativeError) },
  ])
}`;
}
