import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as Plot from '@observablehq/plot';
import { largest, quantile } from 'pointsman/internal';
import { writeAtOnce } from '../artifact/write-artifact.ts';
import { drawFigure, Html, html, inFull, named, scrollTable } from '../report/html.ts';
import { REPORT_STYLE } from '../report/report.ts';
import type { TrainProgress } from '../train/training-run.ts';
import { formatCount, formatDifference, formatPercent, formatTimes, plural, shortNames } from '../words.ts';
import { sayNightsSpent } from './gate/gate.ts';
import type { GateVerdict } from './gate/tests.ts';
import type { RetrainRun } from './run.ts';
import type { CandidateShift } from './watch/candidate-shifts.ts';
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
<dt>Judged by</dt><dd>${plural(traffic.holdout, 'prompt')}${traffic.holdoutDays && `, ${traffic.holdoutDays.join(' to ')}`}</dd>
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

const DAY_MS = 86_400_000;

/** Labels of days side by side. */
const MOST_LABELS = 5;

/** Points: less is not drawn larger than it is. */
const LEAST_RANGE = 5;

/** Calibration over time: a small figure a candidate of observed minus predicted quality by day, alarms marked. All have one scale. */
function driftFigure(shifts: readonly CandidateShift[]): Html | null {
  const shown = shifts.filter(({ days, measure }) => measure === 'quality' && days.length > 1);
  if (shown.length === 0) return null;
  const names = shortNames(
    shown.map(({ candidate }) => candidate),
    40,
  );
  const range = rangeOf(shown);
  return html`<div class="medium">${shown.map((shift) => candidateFigure(shift, names, range))}</div>${inFull(names)}`;
}

/** Points to either side of 0: every day's dot has room, and most of the bars; those of days with few rows are cut off. */
function rangeOf(shifts: readonly CandidateShift[]): number {
  const days = shifts.flatMap((shift) => shift.days);
  const dots = days.map(({ residual }) => Math.abs(residual));
  const bars = days.map(({ residual, standardError }) => Math.abs(residual) + 1.96 * (standardError ?? 0));
  const needed = 110 * Math.max(largest(dots), quantile(bars, 0.75));
  return Math.min(100, Math.max(LEAST_RANGE, needed));
}

/** Some of the days from the first to the last, at equal distances. */
function labelledDays(days: CandidateShift['days']): Date[] {
  const [first, last] = [days[0], days[days.length - 1]].map(({ day }) => Date.parse(day) / DAY_MS);
  const step = Math.ceil((last - first + 1) / MOST_LABELS);
  return Array.from(
    { length: Math.floor((last - first) / step) + 1 },
    (_, i) => new Date((first + i * step) * DAY_MS),
  );
}

const DAY_LABEL = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

function candidateFigure(
  { alarm, candidate, changedOn, days }: CandidateShift,
  names: ReadonlyMap<string, string>,
  range: number,
): Html {
  const rows = days.map(({ day, residual, standardError }) => ({
    day: new Date(day),
    residual: 100 * residual,
    low: 100 * (residual - 1.96 * (standardError ?? 0)),
    high: 100 * (residual + 1.96 * (standardError ?? 0)),
  }));
  const colour = alarm ? 'var(--bad)' : 'var(--router)';
  return drawFigure({
    width: 400,
    height: 200,
    marginLeft: 46,
    marginRight: 14,
    marginTop: 24,
    marginBottom: 30,
    fontSize: 12.5,
    description: `Observed minus predicted quality of ${candidate} by day${alarm ? `; it changed on ${changedOn}` : ''}.`,
    caption: html`${named(candidate, names)}${alarm && ` changed on ${changedOn}`}`,
    x: {
      type: 'utc',
      label: null,
      inset: 16,
      ticks: labelledDays(days),
      tickFormat: (day: Date) => DAY_LABEL.format(day),
    },
    y: {
      domain: [-range, range],
      label: '↑ observed − predicted, points',
      labelArrow: 'none',
      ticks: 5,
      grid: true,
    },
    marks: [
      Plot.ruleY([0], { stroke: 'currentColor' }),
      Plot.ruleX(rows, { x: 'day', y1: 'low', y2: 'high', stroke: colour, clip: true }),
      Plot.dot(rows, { x: 'day', y: 'residual', r: 3, fill: colour }),
      ...(alarm && changedOn !== null
        ? [Plot.ruleX([new Date(changedOn)], { stroke: 'var(--bad)', strokeDasharray: '4 3' })]
        : []),
    ],
  });
}

/** Folder of the records, in the router's. */
export const RUNS_FOLDER = 'runs';

/** Writes a run's record and its page. @returns path of the page */
export async function writeRun(folder: string, run: RetrainRun): Promise<string> {
  const runs = join(folder, RUNS_FOLDER);
  await mkdir(runs, { recursive: true });
  const encode = (text: string) => new TextEncoder().encode(text);
  await writeAtOnce(join(runs, `${run.id}.json`), encode(`${JSON.stringify(run, null, 2)}\n`));
  const page = join(runs, `${run.id}.html`);
  await writeAtOnce(page, encode(renderRun(run)));
  return page;
}

/** What a run that is under way says of itself, in the folder of the records. It goes when the run ends; after a kill it stays. */
export const PROGRESS_FILE = 'progress.json';

const TELL_MS = 1000;

/** Writes how far a run is, once a second at most. What cannot be written is let be: the run goes on. */
export function openProgress(folder: string, now: () => Date) {
  const runs = join(folder, RUNS_FOLDER);
  const path = join(runs, PROGRESS_FILE);
  const startedAt = now().toISOString();
  let told = Number.NEGATIVE_INFINITY;
  let writing: Promise<unknown> = Promise.resolve();
  let step = { name: '', since: 0 };
  return {
    tell(event: TrainProgress): void {
      const { done, name, total, unit } = progressOf(event);
      const at = performance.now();
      if (step.name !== name) step = { name, since: at };
      else if (at - told < TELL_MS) return;
      told = at;
      const secondsLeft =
        done === null || total === null || done === 0
          ? null
          : Math.round((((at - step.since) / 1000) * (total - done)) / done);
      const said = {
        schemaVersion: 1,
        startedAt,
        updatedAt: now().toISOString(),
        step: name,
        done,
        total,
        unit,
      };
      const text = `${JSON.stringify({ ...said, secondsLeft })}\n`;
      writing = writing
        .then(() => mkdir(runs, { recursive: true }))
        .then(() => writeAtOnce(path, new TextEncoder().encode(text)))
        .catch(() => {});
    },
    async close(): Promise<void> {
      await writing;
      await rm(path, { force: true });
    },
  };
}

/** An event as a step with how much of it is done, in what; null where that is not known. */
function progressOf(event: TrainProgress) {
  switch (event.kind) {
    case 'read':
      return { name: 'reading logs', done: event.bytesRead, total: event.bytesTotal, unit: 'bytes' };
    case 'embed':
      return { name: 'embedding prompts', done: event.done, total: event.total, unit: 'prompts' };
    case 'shards':
      return { name: event.step, done: event.done, total: event.total, unit: 'shards' };
    case 'step': {
      const { folds, what } = event;
      return { name: what, done: folds?.fold ?? null, total: folds?.folds ?? null, unit: folds && 'folds' };
    }
  }
}
