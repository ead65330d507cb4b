import { dialNotes, dialSubject, settingToTry } from '../evaluate/dial.ts';
import {
  type DialSetting,
  type Evaluation,
  type Strategy,
  type StrongWeak,
  type StrongWeakFigures,
  settingLabel,
  type TaskRow,
  type Verdict,
} from '../evaluate/evaluation.ts';
import type { LogHistogram } from '../evaluate/metrics.ts';
import {
  formatConfidence,
  formatCost,
  formatCosts,
  formatCount,
  formatDecimal,
  formatDifference,
  formatDuration,
  formatFigure,
  formatPercent,
  formatPoints,
  formatQuality,
  formatShareNumber,
  formatShares,
  type Interval,
  shortNames,
} from '../words.ts';
import { costQualityFigure } from './cost-quality-figure.ts';
import {
  confusionFigure,
  differenceFigure,
  durationFigure,
  reliabilityFigure,
  strongShareFigure,
} from './distribution-figures.ts';
import { type Html, html, named, scrollTable, type TableColumn } from './html.ts';

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

/** What was chosen against what was best. */
export function confusionSection({ candidates, confusion }: Evaluation): Html | null {
  if (!confusion) return null;
  return html`<h2>Chosen against best</h2>
<p>The chosen candidate was best, or tied with the best, on ${formatPercent(confusion.agreement)} of the prompts. On ${formatPercent(confusion.allTied)} all candidates tied, and no choice could be wrong.</p>
<p class="note">Each row: of the prompts sent to that candidate, the percentage for which each candidate was best (columns carry the rows' numbers; of k that tie, each counts 1/k). An empty row was never chosen.</p>
${confusionFigure(confusion, candidates)}`;
}

/** Cost against quality, AIQ, and each candidate alone. */
export function costSection(evaluation: Evaluation): Html | null {
  const { amounts, candidates, strategies, costQuality } = evaluation;
  if (!costQuality) return null;
  const router = strategies.find(({ id }) => id === 'router');
  const { aiq } = costQuality;
  const names = shortNames(candidates, 80);
  return html`<h2>Cost and quality</h2>
<p class="note">The blue line shows what the router's heads reach as the price of quality changes; above the dashed line they beat any fixed mix of candidates at that cost.</p>
${costQualityFigure(evaluation)}
${aiq && html`<p>AIQ, the mean quality over the whole range of costs: router ${formatFigure(aiq.router)}, fixed mixes ${formatFigure(aiq.mixes)}, oracle ${formatFigure(aiq.oracle)}. Router minus mixes: ${formatDifference(aiq.difference)} points.</p>`}
${scrollTable('Each candidate alone, and how often the router chooses it', costQuality.singles, [
  { heading: 'Candidate', cell: ({ candidate }) => named(candidate, names) },
  { heading: 'Quality', cell: ({ quality }) => formatPoints(quality) },
  { heading: '$ per 1,000', cell: ({ cost }) => formatCost(cost) },
  {
    heading: 'Chosen',
    cell: ({ candidate }) => formatPercent(router?.shares[candidates.indexOf(candidate)] ?? null),
  },
])}
${
  amounts.costUsd.ratio !== null &&
  html`<p class="note">Predicted costs add up to ${amounts.costUsd.ratio.toFixed(2)} times what was paid${
    amounts.costUsd.medianRelativeError !== null &&
    ` and are off by ${formatPercent(amounts.costUsd.medianRelativeError)} in the median`
  }.</p>`
}`;
}

/** What can be had for less: the router's weights from the highest quality to the lowest cost. */
export function dialSection({ dial }: Evaluation): Html | null {
  // Absent from what earlier versions wrote.
  if (!dial) return null;
  if (dial.missing !== null)
    return html`<h2>Quality against cost</h2><p>There is no dial to show. ${dial.missing}</p>`;
  const columns: TableColumn<DialSetting>[] = [
    {
      heading: 'Setting',
      cell: ({ id, worth }) => {
        const notes = [id, id === dial.inUse && 'in use', worth === null && 'not measured'].filter(Boolean);
        return html`${settingLabel(id)}<small>${notes.join(', ')}</small>`;
      },
    },
    { heading: '$ saved per 1,000', cell: ({ worth }) => formatCosts(worth?.saving ?? null) },
    { heading: 'Saved', cell: ({ worth }) => formatShares(worth?.savedShare ?? null) },
    { heading: 'Quality', cell: ({ worth }) => (worth === null ? '–' : formatQuality(worth.quality)) },
    { heading: 'Difference', cell: ({ worth }) => coloured(worth?.difference ?? null) },
    { heading: '$ per 1,000', cell: ({ worth }) => formatCost(worth?.costUsd.estimate) },
    {
      heading: 'Loss shown',
      cell: ({ guarantee }) => (guarantee === null ? '–' : `with ${formatConfidence(guarantee.confidence)}`),
    },
  ];
  return html`<h2>Quality against cost</h2>
<p class="note">The router's weights from the highest quality to the lowest cost, ${dialSubject(dial)}; in brackets 95 % intervals, paired by prompt. ${dialNotes(dial).map((note) => html`${note} `)}</p>
${scrollTable('What each setting of the dial is worth, beside always using the best single candidate in training', dial.settings, columns, ({ id }) => (id === dial.inUse ? 'router' : ''))}
<p>Set one: <code>npx pointsman tune FOLDER --setting ${settingToTry(dial)} --apply</code></p>`;
}

/** Router and baselines on the same rows. */
export function strategiesSection({ strategies, coverage, offPolicy, regret }: Evaluation): Html | null {
  if (strategies.length === 0) return null;
  const names = shortNames(
    strategies.map(({ name }) => name),
    80,
  );
  const columns: TableColumn<Strategy>[] = [
    {
      heading: 'Who chooses',
      cell: ({ name, note }) => html`${named(name, names)}<small>${note}</small>`,
    },
    { heading: 'Quality', cell: ({ quality }) => formatQuality(quality) },
    {
      heading: 'Router minus this',
      cell: ({ difference, id }) => (id === 'oracle' ? formatDifference(difference) : coloured(difference)),
    },
  ];
  if (strategies.some(({ costUsd }) => costUsd)) {
    columns.push({ heading: '$ per 1,000', cell: ({ costUsd }) => formatCost(costUsd?.estimate) });
  }
  if (strategies.some(({ latencyMs }) => latencyMs)) {
    columns.push({
      heading: 'Mean latency',
      cell: ({ latencyMs }) =>
        latencyMs?.estimate == null ? '–' : formatDuration(1000 * latencyMs.estimate),
    });
  }
  return html`<h2>${offPolicy ? 'Beside no router and simple routers' : 'Beside no router, simple routers and the oracle'}</h2>
<p class="note">Quality in points (hundredths of the 0 to 1 scale), on ${formatCount(coverage.comparedRows)} test prompts; in brackets ${
    offPolicy
      ? '95 % intervals. All are doubly robust estimates, paired by prompt: what the log does not hold was never seen.'
      : '95 % intervals from a paired bootstrap. The oracle knows each answer beforehand: no router can reach it where chance decides.'
  }</p>
${differenceFigure(strategies)}
${scrollTable('Quality, cost and latency of each way to choose', strategies, columns, ({ id }) => (id === 'router' ? 'router' : ''))}
${regret && html`<p>Regret: the router loses ${formatQuality(regret.mean)} points to the oracle on average; on ${formatPercent(regret.noneShare)} of the prompts it loses nothing.</p>`}`;
}

/** A difference in green or red where its interval leaves out 0; its sign says the same. */
export function coloured(difference: Interval | null): Html {
  const sure =
    difference?.low == null || difference.high == null
      ? ''
      : difference.low > 0
        ? 'better'
        : difference.high < 0
          ? 'worse'
          : '';
  return html`<span class="${sure}">${formatDifference(difference)}</span>`;
}

/** The router's own time, and that of the candidates it chose. */
export function latencySection({ amounts, decisionMicroseconds, routedLatencyMs }: Evaluation): Html | null {
  if (!decisionMicroseconds && !routedLatencyMs) return null;
  const quantiles = ({ maximum, p50, p95, p99 }: LogHistogram, unit: number) =>
    `median ${formatDuration(p50 * unit)}, 95 % within ${formatDuration(p95 * unit)}, 99 % within ${formatDuration(p99 * unit)}, longest ${formatDuration(maximum * unit)}.`;
  const { medianRelativeError, ratio } = amounts.latencyMs;
  return html`<h2>Time</h2>
<p class="note">Dashed lines: median and 99 % point.</p>
<div class="medium">${
    decisionMicroseconds &&
    durationFigure(
      decisionMicroseconds,
      1,
      "Histogram of the router's own time per decision.",
      `The router's own time per decision: ${quantiles(decisionMicroseconds, 1)}`,
    )
  }${
    routedLatencyMs &&
    durationFigure(
      routedLatencyMs,
      1000,
      'Histogram of the latency of the chosen candidates.',
      `Latency of the chosen candidates: ${quantiles(routedLatencyMs, 1000)}`,
    )
  }</div>
${
  ratio !== null &&
  html`<p class="note">Predicted latencies add up to ${ratio.toFixed(2)} times what was seen${
    medianRelativeError !== null && ` and are off by ${formatPercent(medianRelativeError)} in the median`
  }.</p>`
}`;
}

const CONFIG_LIMIT = 20_000;

/** What the figures rest on and how to get them again. */
export function provenanceSection(evaluation: Evaluation): Html {
  const { config, coverage, prompts } = evaluation;
  const facts: [string, string][] = [
    ['Artifact', evaluation.artifactId],
    ['Policy', evaluation.policy],
    [
      'Prompts',
      `${formatCount(prompts.fit)} to fit, ${formatCount(prompts.calibrate)} to calibrate, ${formatCount(prompts.test)} to test`,
    ],
    [
      'Outcomes seen',
      `${formatPercent(coverage.observedShare)} of (test prompt, candidate) pairs; compared on ${formatCount(coverage.comparedRows)} prompts`,
    ],
    ...scoreFacts(config),
    ...logFacts(config),
    ['Candidates', formatCount(evaluation.candidates.length)],
    ['Seed', String(evaluation.seed)],
    ['Bootstrap resamples', formatCount(evaluation.resamples)],
  ];
  const text = config === null || config === undefined ? '' : JSON.stringify(config, null, 2);
  return html`<h2>How this was made</h2>
<dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
${
  text !== '' &&
  html`<details><summary>Configuration</summary><pre>${
    text.length > CONFIG_LIMIT ? `${text.slice(0, CONFIG_LIMIT)}\n… (metrics.json has the rest)` : text
  }</pre></details>`
}`;
}

/** How scores were read that were no qualities of 0 to 1. */
function scoreFacts(config: unknown): [string, string][] {
  const scores = (config as { scores?: unknown } | null | undefined)?.scores;
  return typeof scores === 'string' ? [['Scores', scores]] : [];
}

/** Of traffic in which a policy chose what was seen, how it was learned from. */
function logFacts(config: unknown): [string, string][] {
  const log = (config as { log?: Record<string, unknown> } | null | undefined)?.log;
  if (typeof log?.summary !== 'string') return [];
  return [
    ['Learned from', log.summary],
    ['Why so', `${log.reason} ${log.assumption}`],
  ];
}

/** RouteLLM's metrics for one strong and one weak candidate. */
export function strongWeakSection(figures: StrongWeak | null): Html | null {
  if (!figures) return null;
  const { router, strong, strongQuality, task, weak, weakQuality } = figures;
  const rows: { readonly name: string; readonly figures: StrongWeakFigures }[] = [
    { name: 'This router', figures: router },
    ...(task ? [{ name: "The task's mean gap", figures: task }] : []),
  ];
  return html`<h2>When to call the strong candidate</h2>
<p class="note">Strong: <bdi>${strong}</bdi> (${formatPoints(strongQuality)} points). Weak: <bdi>${weak}</bdi> (${formatPoints(weakQuality)} points). Prompts with the largest predicted gap go to the strong one first. APGR is the share of the gap recovered on average: 0.5 is chance. CPT(50) and CPT(80) are the shares of strong calls, in %, that recover so much of it; the last column is the share that reaches 95 % of the strong candidate's quality.</p>
${
  router.apgr.estimate === null
    ? html`<p>On these prompts the strong candidate is not better than the weak one, so there is no gap to recover.</p>`
    : strongShareFigure(figures)
}
${scrollTable('RouteLLM metrics, with 95 % intervals', rows, [
  { heading: 'Ranked by', cell: ({ name }) => name },
  { heading: 'APGR', cell: (row) => formatFigure(row.figures.apgr) },
  { heading: 'CPT(50)', cell: (row) => formatShareNumber(row.figures.cpt50) },
  { heading: 'CPT(80)', cell: (row) => formatShareNumber(row.figures.cpt80) },
  { heading: 'Share for 95 %', cell: (row) => formatShareNumber(row.figures.shareFor95) },
])}`;
}

const TASKS_LISTED = 100;

/** The comparison task by task. */
export function tasksSection({ tasks, tasksLeftOut, verdict }: Evaluation): Html | null {
  if (tasks.length === 0) return null;
  const listed = tasks.slice(0, TASKS_LISTED);
  const leftOut = tasks.length - listed.length + tasksLeftOut;
  const names = shortNames(
    listed.map(({ task }) => task),
    60,
  );
  const candidates = shortNames(
    listed.map(({ mostChosen }) => mostChosen.candidate),
    32,
  );
  const columns: TableColumn<TaskRow>[] = [
    { heading: 'Task', cell: ({ task }) => named(task, names) },
    { heading: 'Prompts', cell: ({ rows }) => formatCount(rows) },
    { heading: 'Router', cell: ({ router }) => formatPoints(router) },
    { heading: 'Best single', cell: ({ bestSingle }) => formatPoints(bestSingle) },
    ...(listed.some(({ oracle }) => oracle !== null)
      ? [{ heading: 'Oracle', cell: ({ oracle }: TaskRow) => formatPoints(oracle ?? 0) }]
      : []),
    { heading: 'Router minus best single', cell: ({ difference }) => coloured(difference) },
  ];
  if (listed.some(({ costUsd }) => costUsd !== null)) {
    columns.push({ heading: '$ per 1,000', cell: ({ costUsd }) => formatCost(costUsd) });
  }
  columns.push({
    heading: 'Most chosen',
    text: true,
    cell: ({ mostChosen }) =>
      html`${named(mostChosen.candidate, candidates)} (${formatPercent(mostChosen.share)})`,
  });
  return html`<h2>Task by task</h2>
<p class="note">Best single is <bdi>${verdict.bestSingle ?? ''}</bdi>. With many tasks, about one in twenty intervals leaves out 0 by chance alone.</p>
${scrollTable('Quality in points by task, the largest first', listed, columns)}
${leftOut > 0 && html`<p class="note">${formatCount(leftOut)} smaller tasks are not listed.</p>`}`;
}

/** The sentence a reader came for, and what to know before trusting it. */
export function verdictSection({ caveats, outcome, sentence }: Verdict): Html {
  return html`<section class="verdict ${outcome}"><p>${sentence}</p>${
    caveats.length > 0 && html`<ul>${caveats.map((caveat) => html`<li>${caveat}</li>`)}</ul>`
  }</section>`;
}
