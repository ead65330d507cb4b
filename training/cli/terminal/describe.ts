import type { Evaluation, OffPolicyEvaluation } from '../../evaluate/evaluation.ts';
import { sayPreferences } from '../../evaluate/preferences.ts';
import { adviceOn } from '../../ingest/formats/log-formats.ts';
import {
  costsWithout,
  countKinds,
  type IngestReport,
  latencyDoubt,
  qualityAdvice,
  type RecordKind,
  type Rejection,
} from '../../ingest/report.ts';
import { describeScale } from '../../ingest/score-scale.ts';
import {
  formatCost,
  formatCount,
  formatDecimal,
  formatDifference,
  formatPercent,
  formatQuality,
  formatSample,
  plural,
} from '../../words.ts';
import { describeDial } from './describe-dial.ts';
import { textTable, wrapText } from './io.ts';

/** The report of an ingest in words, one fact per line. */
export function describeIngest(report: IngestReport): string {
  const number = (value: number): string => value.toLocaleString('en-US');
  const [rows, ...others] = countKinds(report);
  const lines = [
    `${number(report.rowsAccepted)} of ${number(rows.total)} rows accepted: ${number(report.prompts)} prompts, ${report.candidates.length} candidates (${report.candidates.slice(0, 12).join(', ')}${report.candidates.length > 12 ? ', ...' : ''})`,
  ];
  for (const line of formatLines(report.formats)) lines.push(line);
  const told = (what: string, { reason, count, examples }: Rejection, kind: RecordKind = 'row'): string => {
    const places = examples.slice(0, 3).map(({ file, line }) => `${file}:${line}`);
    if (places.length === 0) places.push('in the table');
    const name = kind === 'row' ? '' : `${count === 1 ? kind : `${kind}s`} `;
    return `  ${number(count)} ${name}${what}, ${reason}: ${places.join(', ')}${count > places.length ? ', ...' : ''}`;
  };
  for (const { kind, rejected } of [rows, ...others])
    for (const each of rejected) {
      lines.push(told('rejected', each, kind));
      const advice = each.count >= MANY ? adviceOn(each.reason) : null;
      if (advice !== null) lines.push(`    ${advice}`);
    }
  for (const { kind, passedOver } of [rows, ...others])
    for (const each of passedOver) lines.push(told('passed over', each, kind));
  for (const each of report.valuesIgnored) lines.push(told('values ignored', each));
  const { outcomes, prompts, scores } = report.joined;
  if (prompts > 0)
    lines.push(`  ${plural(prompts, 'prompt')} joined to ${prompts === 1 ? 'its answer' : 'their answers'}`);
  if (outcomes > 0)
    lines.push(
      `  ${plural(outcomes, 'outcome')} joined to ${outcomes === 1 ? 'its decision' : 'their decisions'}`,
    );
  if (scores > 0)
    lines.push(`  ${plural(scores, 'score')} joined to ${scores === 1 ? 'its answer' : 'their answers'}`);
  if (report.judgement !== null) {
    const { judged, failed, firstFailure, withoutAnswer } = report.judgement;
    lines.push(`  ${number(judged)} answers judged`);
    if (failed > 0)
      lines.push(`  ${number(failed)} answers could not be judged, the first since ${firstFailure}`);
    if (withoutAnswer > 0)
      lines.push(`  ${number(withoutAnswer)} rows have no quality, and no answer to judge`);
  }
  for (const line of answerLines(report.answers)) lines.push(line);
  const scale = describeScale(report.scoreScale);
  if (scale !== null) lines.push(`  scores read as ${scale}`);
  if (report.scoreScale.allOnes)
    lines.push('  every score is 1, taken for the best; if it is the worst of a scale: --score-range 1..5');
  if (report.scoreScale.allBest)
    lines.push('  every score says the best: nothing tells a good answer from a bad one');
  if (report.rowsUpdated > 0) lines.push(`  ${number(report.rowsUpdated)} rows of the table updated`);
  if (report.rowsInTable > report.rowsAccepted)
    lines.push(`  ${number(report.rowsInTable)} rows in the table`);
  for (const [field, columns] of Object.entries(report.aliases)) {
    lines.push(`  ${field} read from ${columns.join(', ')}`);
  }
  if (report.idsFromPrompts)
    lines.push(
      '  no ids of requests: the rows of one prompt are one request, with one answer of each candidate',
    );
  const latency = latencyDoubt(report);
  if (latency !== null) lines.push(`  ${latency}`);
  if (report.ignoredColumns.length > 0) lines.push(`  not read: ${report.ignoredColumns.join(', ')}`);
  if (report.cellsNotObserved > 0)
    lines.push(`  ${number(report.cellsNotObserved)} cells without an outcome`);
  if (report.costsDerived > 0)
    lines.push(`  ${number(report.costsDerived)} costs computed from tokens and prices`);
  if (report.costsRepriced > 0)
    lines.push(`  ${number(report.costsRepriced)} costs in the table computed again, by other prices`);
  if (report.costsMissing > 0)
    lines.push(`  ${plural(report.costsMissing, 'row')} without a cost${costsWithout(report)}`);
  if (report.pricesOfNobody.length > 0)
    lines.push(`  prices of candidates that the rows do not have: ${named(report.pricesOfNobody)}`);
  if (report.rowsAccepted > 0 && report.qualitiesMissing === report.rowsAccepted)
    lines.push(`  no row has a quality, which training needs. ${qualityAdvice(report.formats)}`);
  else if (report.qualitiesMissing > 0)
    lines.push(`  ${plural(report.qualitiesMissing, 'row')} without a quality`);
  if (report.repeatedIds > 0) {
    lines.push(
      `  ${number(report.repeatedIds)} request ids came again with other prompts; each prompt is a request of its own`,
    );
  }
  if (report.promptsWithConflictingText > 0) {
    lines.push(
      `  ${number(report.promptsWithConflictingText)} request ids come with different messages; the first candidate's are used`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Fewer records that are rejected for one reason may be odd ones. */
const MANY = 10;

function named(names: readonly string[]): string {
  return names.slice(0, 12).join(', ') + (names.length > 12 ? ', ...' : '');
}

/** As whose log files were read, where that was found out; files that say the same share a line. */
function formatLines(formats: IngestReport['formats']): string[] {
  const found = formats.filter(({ reason }) => reason !== null);
  const names = [...new Set(found.map(({ format }) => format))];
  return names.map((name) => {
    const [first, ...others] = found.filter(({ format }) => format === name);
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    return `  ${first.file}${more} read as ${name}: ${first.reason} (--format names another)`;
  });
}

/** The same in the summary of a command that goes on with the rows. */
export function readLines(formats: IngestReport['formats'], columns: number): string {
  return formatLines(formats)
    .map((line) => `Read     ${wrapText(line.trim(), columns, '         ')}\n`)
    .join('');
}

/**
 * The verdict, the dial, the router beside every baseline, and how far its probabilities can be trusted.
 * @param folder of the router, as it is given to commands
 */
export function describeEvaluation(evaluation: Evaluation, folder: string, columns: number): string {
  const { verdict } = evaluation;
  const sentences = [verdict.sentence, ...verdict.caveats].map((text) => `${wrapText(text, columns)}\n`);
  const strategies = strategyTable(evaluation, columns);
  const offPolicy = evaluation.offPolicy ? describeOffPolicy(evaluation.offPolicy, columns) : '';
  const { preferences } = evaluation;
  const compared =
    preferences === undefined
      ? ''
      : sayPreferences(preferences)
          .map((text) => `${wrapText(text, columns)}\n`)
          .join('');
  const dial = evaluation.dial ? describeDial(evaluation.dial, folder, columns) : '';
  return [sentences.join(''), compared, dial, strategies, offPolicy, candidateTable(evaluation, columns)]
    .filter((part) => part !== '')
    .join('\n');
}

function strategyTable({ strategies, coverage }: Evaluation, columns: number): string {
  if (strategies.length === 0) return '';
  return textTable(
    [
      { title: `on ${coverage.comparedRows.toLocaleString('en-US')} test prompts`, shrinks: 'names' },
      { title: 'quality (95 %)' },
      { title: 'router gains (95 %)' },
      { title: '$ per 1,000', align: 'right' },
    ],
    strategies.map(({ name, quality, difference, costUsd }) => [
      name,
      formatQuality(quality),
      formatDifference(difference),
      formatCost(costUsd?.estimate),
    ]),
    columns,
  );
}

function candidateTable({ calibration, candidates, strategies }: Evaluation, columns: number): string {
  const router = strategies.find(({ id }) => id === 'router');
  return textTable(
    [
      { title: 'candidate', shrinks: 'names' },
      { title: 'chosen', align: 'right' },
      { title: 'calibration error (ECE)', align: 'right' },
      { title: 'Brier', align: 'right' },
      { title: 'Brier of a constant', align: 'right' },
    ],
    candidates.map((name, c) => {
      const { brier, brierOfMean, ece10 } = calibration.success[c];
      return [
        name,
        formatPercent(router?.shares[c] ?? null),
        formatDecimal(ece10),
        formatDecimal(brier),
        formatDecimal(brierOfMean),
      ];
    }),
    columns,
  );
}

const NAMES = { ips: 'IPS', snips: 'SNIPS', dr: 'DR', 'switch-dr': 'switch-DR' } as const;

/** The router by every estimator, and how much the log can say of each way to choose. */
function describeOffPolicy({ estimates, overlap }: OffPolicyEvaluation, columns: number): string {
  const ways = [
    { ...overlap.router, name: 'this router' },
    ...overlap.candidates.map((one) => ({ ...one, name: `always ${one.candidate}` })),
  ];
  const overlaps = textTable(
    [
      { title: 'who chooses', shrinks: 'names' },
      { title: 'agree', align: 'right' },
      { title: 'effective sample', align: 'right' },
      { title: 'mean weight', align: 'right' },
      { title: 'largest', align: 'right' },
      { title: 'least propensity', align: 'right' },
    ],
    ways.map(({ name, matchedRows, effectiveSampleSize, meanWeight, largestWeight, smallestPropensity }) => [
      name,
      formatCount(matchedRows),
      formatSample(effectiveSampleSize),
      formatDecimal(meanWeight.estimate),
      largestWeight.toPrecision(3),
      smallestPropensity === null ? '–' : smallestPropensity.toPrecision(2),
    ]),
    columns,
  );
  if (estimates.length === 0) return overlaps;
  const isMixed = estimates.some(({ againstFixedMix }) => againstFixedMix !== null);
  const estimators = textTable(
    [
      { title: 'estimator' },
      { title: 'routed quality (95 %)' },
      { title: 'over best single (95 %)' },
      ...(isMixed ? [{ title: 'over fixed mix (95 %)' }] : []),
    ],
    estimates.map(({ estimator, quality, againstBestSingle, againstFixedMix }) => [
      NAMES[estimator],
      formatQuality(quality),
      formatDifference(againstBestSingle),
      ...(isMixed ? [formatDifference(againstFixedMix)] : []),
    ]),
    columns,
  );
  return `${estimators}\n${overlaps}`;
}

function answerLines({ known, otherVersion, sameForAll, withoutPrompt }: IngestReport['answers']): string[] {
  return [
    ...(known > 0 ? [`  ${plural(known, 'answer')} in the table, to learn from`] : []),
    ...(otherVersion > 0
      ? [
          `  ${plural(otherVersion, 'row')} whose answer was read by another version of pointsman: without it, since its words were not kept`,
        ]
      : []),
    ...(sameForAll > 0
      ? [
          `  ${plural(sameForAll, 'answer')} not taken, since every candidate has the same one, as a column of right answers has; if the candidates said it, name the column: --map answer=...`,
        ]
      : []),
    ...(withoutPrompt > 0
      ? [`  ${plural(withoutPrompt, 'answer')} not read, since the prompt is not there`]
      : []),
  ];
}
