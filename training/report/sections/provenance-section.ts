import type { Evaluation } from '../../evaluate/evaluation.ts';
import { formatCount, formatPercent } from '../../words/format-number.ts';
import { type Html, html } from '../html.ts';

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
