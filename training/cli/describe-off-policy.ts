import type { OffPolicyEvaluation } from '../evaluation/off-policy-evaluation.ts';
import {
  formatCount,
  formatDecimal,
  formatDifference,
  formatQuality,
  formatSample,
} from '../words/format-number.ts';
import { textTable } from './terminal/text.ts';

const NAMES = { ips: 'IPS', snips: 'SNIPS', dr: 'DR', 'switch-dr': 'switch-DR' } as const;

/** The router by every estimator, and how much the log can say of each way to choose. */
export function describeOffPolicy({ estimates, overlap }: OffPolicyEvaluation, columns: number): string {
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
