import type { GateVerdict } from '../gate/gate-verdict.ts';
import { sayNightsSpent } from '../gate/nights-test.ts';
import { Html, html } from '../report/html.ts';
import { REPORT_STYLE } from '../report/report.ts';
import { scrollTable } from '../report/scroll-table.ts';
import { formatCount, formatDifference, formatPercent, formatTimes, plural } from '../words/format-number.ts';
import { driftFigure } from './drift-figure.ts';
import type { RetrainRun } from './retrain-run.ts';
import type { DriftReport } from './watch/drift.ts';

const CLASSES = { promoted: 'better', kept: '', failed: 'worse' } as const;

/** A run as one page of HTML, in the manner of the report: no script, nothing loaded, everything escaped. */
export function renderRun(run: RetrainRun): string {
  const { alarms, challenger, champion, drift, restated, gate, screened, traffic } = run;
  const suspects = screened.filter(({ suspicions }) => suspicions.length > 0);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${run.router}: retraining of ${run.startedAt}</title>
<style>${new Html(REPORT_STYLE)}</style>
</head>
<body>
<main>
<h1>${run.router}: retraining of ${run.startedAt}</h1>
<p class="meta">Champion ${champion ?? 'none'}, challenger ${challenger ?? 'none'}${run.dryRun && ', nothing was changed (dry run)'}; took ${(run.durationMs / 1000).toFixed(1)} s</p>
<div class="verdict ${CLASSES[run.outcome]}"><p>${run.sentence}</p>${
    alarms.length > 0 && html`<ul>${alarms.map(({ sentence }) => html`<li>${sentence}</li>`)}</ul>`
  }</div>
${
  traffic &&
  html`<h2>Traffic</h2>
<dl>
<dt>Outcomes table</dt><dd>${plural(traffic.rowsInStore, 'row')}, ${formatCount(traffic.rowsAdded)} of them new</dd>
<dt>Learned from</dt><dd>${plural(traffic.learn, 'prompt')}${traffic.learnDays && `, ${traffic.learnDays.join(' to ')}`}</dd>
<dt>Judged by</dt><dd>${plural(traffic.judge, 'prompt')}${traffic.judgeDays && `, ${traffic.judgeDays.join(' to ')}`}</dd>
<dt>Left out</dt><dd>${formatCount(traffic.quarantined)} in quarantine, ${plural(traffic.repeats, 'repeat')} of what is learned from, ${formatCount(traffic.undated)} without a time, ${formatCount(traffic.future)} dated in the future, ${formatCount(traffic.older)} from before the window</dd>
</dl>
${restated.map(
  ({ before, candidate, factor, measure, outcomes }) =>
    html`<p class="note">${plural(outcomes, 'outcome')} (${measure}) of ${candidate} from before it changed on ${before}: multiplied by ${formatTimes(factor)}.</p>`,
)}`
}
${
  suspects.length > 0 &&
  html`<h2>Quarantine</h2>
${suspects.map(
  ({ batch, rows, suspicions }) =>
    html`<p>${batch}, ${plural(rows, 'prompt')}: ${suspicions.map(({ sentence }) => sentence).join('; ')}.</p>`,
)}`
}
${gate && gateSection(gate)}
${drift && driftSection(drift)}
</main>
</body>
</html>
`.markup;
}

function gateSection({ agreement, passed, rows, spent, tests, values }: GateVerdict): Html {
  return html`<h2>Gate</h2>
<p class="note">On ${plural(rows, 'prompt')}, ${values === 'full' ? 'each answered by every candidate' : 'by doubly robust scores'}${
    agreement !== null && `; champion and challenger choose alike on ${formatPercent(agreement, 0)} of them`
  }.${passed && agreement !== null && ` ${sayNightsSpent(spent)}`}</p>
${scrollTable('What the challenger had to pass', tests, [
  { heading: 'Test', cell: ({ kind }) => kind },
  { heading: 'Passed', cell: ({ passed }) => (passed ? 'yes' : 'no') },
  { heading: 'In words', cell: ({ sentence }) => sentence, text: 'sentences' },
  { heading: 'Challenger minus the other', cell: ({ difference }) => formatDifference(difference) },
])}`;
}

function driftSection({ candidates, embeddings, populations }: DriftReport): Html {
  return html`<h2>Drift</h2>
${driftFigure(candidates)}
${scrollTable('Newest prompts against those before', populations, [
  { heading: 'Of', cell: ({ what }) => what },
  {
    heading: 'Population stability index',
    cell: ({ index }) => (Number.isNaN(index) ? '–' : index.toFixed(3)),
  },
  { heading: 'Alarm', cell: ({ alarm }) => (alarm ? 'yes' : 'no') },
])}
${
  embeddings &&
  html`<p class="note">${
    Number.isNaN(embeddings.pValue)
      ? 'Embeddings were not compared, as there are'
      : `Embeddings: maximum mean discrepancy ${embeddings.discrepancy.toFixed(5)}, p = ${embeddings.pValue.toFixed(3)}, on`
  } ${embeddings.rows[0]} prompts from before and ${embeddings.rows[1]} of the newest.</p>`
}`;
}
