import { type Candidate, readPrompt } from 'pointsman';
import { createRandom, type ManifestCandidate, quantileSorted } from 'pointsman/internal';
import type { Example } from '../artifact/build-artifact.ts';
import type { CardFigure } from '../artifact/card.ts';
import type { Evaluation } from '../evaluate/evaluation.ts';
import { columnMeans, trainMeans, trainRows } from '../evaluate/evaluation-input.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import type { Split, Splits } from '../split/split.ts';
import type { Interval } from '../words/format-number.ts';

/**
 * Every candidate of the traffic with its means over the fit and calibrate splits, and what the config says of it.
 * @param propensities of what was observed, by whose inverse it counts; null where nothing was left to a logging policy
 */
export function manifestCandidates(
  matrix: OutcomeMatrix,
  splits: Splits,
  configured: Readonly<Record<string, Partial<Candidate>>>,
  propensities: LoggingPropensities | null = null,
): ManifestCandidate[] {
  const rows = trainRows(splits);
  const { quality, costUsd } = trainMeans(matrix, rows, propensities);
  // Costs of calls that nobody rated, which no propensity weighs: all there are in a log whose ratings have none.
  const anyCostUsd = columnMeans(matrix.costUsd, matrix.candidates.length, rows);
  const latencyMs = columnMeans(matrix.latencyMs, matrix.candidates.length, rows);
  return matrix.candidates.map((name, c) => {
    const p95LatencyMs = observedQuantile(matrix.latencyMs, rows, matrix.candidates.length, c, 0.95);
    return {
      ...configured[name],
      name,
      meanQuality: orNull(quality[c]) ?? 0,
      meanCostUsd: orNull(costUsd[c]) ?? orNull(anyCostUsd[c]),
      meanLatencyMs: orNull(latencyMs[c]),
      ...(p95LatencyMs === null ? {} : { p95LatencyMs }),
    };
  });
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

/** Null where fewer than twenty were observed: a tail needs as many. */
function observedQuantile(
  values: Float32Array,
  rows: Int32Array,
  columns: number,
  c: number,
  q: number,
): number | null {
  const seen = Float64Array.from(rows, (row) => values[row * columns + c]).filter((x) => !Number.isNaN(x));
  return seen.length < 20 ? null : quantileSorted(seen.sort(), q);
}

/** The figures that belong on the card: quality of the router and of every baseline, APGR, calibration. */
export function cardFigures(evaluation: Evaluation): CardFigure[] {
  const figures: CardFigure[] = evaluation.strategies.map(({ id, name, quality }) =>
    figure(
      id === 'router' ? 'routed quality' : `quality of ${name}`,
      quality,
      evaluation.offPolicy ? 'estimated off-policy, doubly robust' : 'mean quality of what was chosen',
    ),
  );
  const pair = evaluation.strongWeak;
  if (pair !== null)
    figures.push(figure('APGR', pair.router.apgr, `${pair.strong} against ${pair.weak}; random is 0.5`));
  for (const { candidate, ece10 } of evaluation.calibration.success)
    if (ece10 !== null)
      figures.push({
        name: `ECE of ${candidate}`,
        value: ece10,
        meaning: 'calibration error, ten bins of equal mass',
      });
  return figures;
}

function figure(name: string, { estimate, low, high }: Interval, meaning: string): CardFigure {
  const bounds = low === null || high === null ? {} : { low, high };
  return { name, value: estimate ?? Number.NaN, ...bounds, meaning };
}

/** Longer prompts are cut to this many characters. */
const LONGEST = 500;

/** Seeded choice of prompts of the fit split with what every candidate made of them. */
export function chooseExamples(
  { candidates, prompts, quality }: OutcomeMatrix,
  fit: Split<'fit'>,
  count: number,
  seed: number,
): Example[] {
  // Prompts whose words are not kept have nothing to show.
  const worded = fit.rows.filter((row) => prompts[row].promptHash === undefined);
  const rows = createRandom(seed).shuffle(worded).slice(0, count).sort();
  return Array.from(rows, (row) => ({
    text: readPrompt(prompts[row].request).text.slice(0, LONGEST),
    task: prompts[row].task,
    quality: Object.fromEntries(
      candidates
        .map((name, c) => [name, quality[row * candidates.length + c]] as const)
        .filter(([, value]) => !Number.isNaN(value)),
    ),
  }));
}
