import type { Evaluation } from '../evaluate/evaluation.ts';
import {
  formatCost,
  formatDecimal,
  formatDifference,
  formatPercent,
  formatQuality,
} from '../words/format-number.ts';
import { describeOffPolicy } from './describe-off-policy.ts';
import { describeDial } from './terminal/describe-dial.ts';
import { textTable } from './terminal/text.ts';
import { wrapText } from './wrap-text.ts';

/**
 * The verdict, the dial, the router beside every baseline, and how far its probabilities can be trusted.
 * @param folder of the router, as it is given to commands
 */
export function describeEvaluation(evaluation: Evaluation, folder: string, columns: number): string {
  const { verdict } = evaluation;
  const sentences = [verdict.sentence, ...verdict.caveats].map((text) => `${wrapText(text, columns)}\n`);
  const contenders = contenderTable(evaluation, columns);
  const offPolicy = evaluation.offPolicy ? describeOffPolicy(evaluation.offPolicy, columns) : '';
  const dial = evaluation.dial ? describeDial(evaluation.dial, folder, columns) : '';
  return [sentences.join(''), dial, contenders, offPolicy, candidateTable(evaluation, columns)]
    .filter((part) => part !== '')
    .join('\n');
}

function contenderTable({ contenders, coverage }: Evaluation, columns: number): string {
  if (contenders.length === 0) return '';
  return textTable(
    [
      { title: `on ${coverage.comparedRows.toLocaleString('en-US')} test prompts`, shrinks: 'names' },
      { title: 'quality (95 %)' },
      { title: 'router gains (95 %)' },
      { title: '$ per 1,000', align: 'right' },
    ],
    contenders.map(({ name, quality, difference, costUsd }) => [
      name,
      formatQuality(quality),
      formatDifference(difference),
      formatCost(costUsd?.estimate),
    ]),
    columns,
  );
}

function candidateTable({ calibration, candidates, contenders }: Evaluation, columns: number): string {
  const router = contenders.find(({ id }) => id === 'router');
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
