import type { Decision } from 'pointsman';
import { describeChange } from 'pointsman/policy';
import { formatAmountMs, formatAmountUsd } from './format-amount.ts';
import { printable } from './printable.ts';
import { textTable } from './terminal/text.ts';
import { wrapText } from './wrap-text.ts';

/** A decision for a person: the candidate, what is expected of each, and why. */
export function describeDecision(decision: Decision, columns: number): string {
  const { candidate, confidence, predictions, probabilities, reasons, policyPath, artifactId, routerMs } =
    decision;
  const removed = predictions.filter(({ removedBy }) => removedBy !== undefined);
  const table = textTable(
    [
      { title: '' },
      { title: 'candidate', shrinks: 'names' },
      { title: 'P(good answer)', align: 'right' },
      { title: 'P(best choice)', align: 'right' },
      { title: 'cost of 1,000', align: 'right' },
      { title: 'expected latency', align: 'right' },
    ],
    predictions.map((row) => [
      row.candidate === candidate ? '→' : row.removedBy === undefined ? ' ' : '×',
      row.candidate,
      row.successProbability.toFixed(3),
      probabilities[row.candidate].toFixed(3),
      formatAmountUsd(row.expectedCostUsd && 1000 * row.expectedCostUsd),
      formatAmountMs(row.expectedLatencyMs),
    ]),
    columns,
  );
  const notes = [
    ...reasons,
    ...noveltyNote(decision.novelty),
    ...decision.whatWouldChangeIt.slice(0, 2).map(describeChange),
    ...removed.map((row) => `× ${row.candidate}: ${row.removedBy}`),
  ].map((note) => `  ${wrapText(printable(note), columns, '  ')}\n`);
  return (
    `${printable(candidate)}, with a probability of ${confidence.toFixed(2)} of a good answer\n\n${table}\n` +
    `${notes.join('')}\n` +
    `${artifactId}, policy ${policyPath.join(' > ')}, decided in ${routerMs.toFixed(1)} ms from a cold start\n`
  );
}

/** How unlike the training prompts the request is, where the decision says so. */
function noveltyNote(novelty: number | null | undefined): string[] {
  if (novelty === undefined || novelty === null) return [];
  const figure = novelty.toFixed(2);
  // What is printed must not contradict itself: 1.00 is at the limit.
  return novelty > 1 && figure !== '1.00'
    ? [
        `Novelty ${figure}: unlike the prompts that it was trained on (above 1), so trust its probabilities less.`,
      ]
    : [`Novelty ${figure}: like the prompts that it was trained on (at most 1).`];
}
