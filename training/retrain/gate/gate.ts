import { largest, mean } from 'pointsman/math';
import { bestSingleCandidate, type Choice, columnOf, listChoices } from '../../evaluate/baselines.ts';
import type { Comparison } from '../../evaluate/compare.ts';
import type { TrainMeans } from '../../evaluation/train-means.ts';
import { testBatches } from '../../gate/batch-tests.ts';
import { testCalibration } from '../../gate/calibration-test.ts';
import { type Opponent, testNotWorse } from '../../gate/comparison-tests.ts';
import { GATE_DEFAULTS, type GateOptions } from '../../gate/gate-options.ts';
import type { GateTest, GateVerdict } from '../../gate/gate-verdict.ts';
import { testNights } from '../../gate/nights-test.ts';
import { testSlices } from '../../gate/slice-tests.ts';
import { scoreDoubt } from '../../off-policy/score-doubt.ts';
import { fixedMixName } from '../../words/compare.ts';
import { testRows, testSeen } from './tests.ts';
import type { ValueTable } from './values.ts';

export interface GateInput {
  readonly table: ValueTable;
  /** Numbers of the candidates it chose; null where there is no champion yet. */
  readonly champion: Int32Array | null; // [rows]
  readonly challenger: Int32Array; // [rows]
  /** Of the rows that the challenger learned from: they choose best single and mix. */
  readonly means: TrainMeans;
  /** Calibration errors on the judged rows; null where no probability could be compared. */
  readonly calibration: { readonly champion: number | null; readonly challenger: number | null };
  /** Quality that a dollar is worth to the router's policy. @default 0: quality alone counts */
  readonly qualityPerUsd?: number;
  /**
   * Of the tolerance that all nights share, what earlier promotions have spent. Null: that is not known, so all of it.
   * @default 0
   */
  readonly spent?: number | null;
  /** Whether the champion explores by its own policy; null where that is not known. @default null */
  readonly explores?: boolean | null;
  /** Whether candidates were found to have changed. @default false */
  readonly drifted?: boolean;
}

/**
 * Whether a challenger may replace the champion: on rows that neither was trained on, it must not be worse than the champion,
 * than the best single candidate, nor than the best fixed mix at equal cost, as a whole and by slice, and its
 * probabilities must hold. The burden is on the challenger: it must be shown not to be worse than `tolerance`
 * (a non-inferiority test: Wellek 2010, chapter 2), by paired intervals over near-duplicate groups; against the champion,
 * with all nights in mind (`testNights`).
 */
export function judgeChallenger(input: GateInput, given: GateOptions = {}): GateVerdict {
  const options = { ...GATE_DEFAULTS, ...given };
  const { table, champion, challenger, calibration, drifted = false, qualityPerUsd = 0 } = input;
  let spent = 0;
  const rows = challenger.length;
  const tests: GateTest[] = [testRows(table, options)];
  if (tests[0].passed) {
    if (champion !== null && table.kind !== 'full')
      tests.push(testSeen(table, champion, challenger, options, input.explores));
    const opponents = listOpponents(input, worthOf(table, qualityPerUsd));
    const comparisons = [
      ...opponents.map((opponent) => {
        if (opponent.kind !== 'champion') return testNotWorse(opponent, table, options);
        const nights = testNights(opponent, table, options, input.spent, drifted);
        spent = nights.spent;
        return nights.test;
      }),
      ...testBatches(opponents, table, options),
      ...testSlices(opponents[0], table, options),
    ];
    for (const test of comparisons) tests.push(test);
    tests.push(testCalibration(calibration, options));
  }
  const failed = tests.find(({ passed }) => !passed);
  return {
    passed: failed === undefined,
    sentence:
      failed === undefined
        ? `Passed: ${tests.find(({ difference }) => difference !== null)!.sentence}`
        : `Refused: ${failed.sentence}`,
    tests,
    rows,
    values: table.kind,
    agreement:
      champion === null
        ? null
        : champion.filter((c, row) => c === challenger[row]).length / Math.max(1, rows),
    spent: champion === null ? 0 : spent,
  };
}

/** What a cell is worth to the policy: its quality, less what its cost is worth. `[rows, candidates]` */
function worthOf({ quality, costUsd }: ValueTable, qualityPerUsd: number): Float64Array {
  if (costUsd === null || qualityPerUsd === 0) return quality;
  return quality.map((value, cell) => value - qualityPerUsd * costUsd[cell]);
}

/** Champion, best single, best fixed mix: challenger minus each, row by row. */
function listOpponents(
  { table, champion, challenger, means, qualityPerUsd = 0 }: GateInput,
  worth: Float64Array,
): Opponent[] {
  const columns = table.candidates.length;
  const unit = worth === table.quality ? 'points' : 'points of quality minus cost';
  const known = Array.from({ length: columns }, (_, c) => c).filter((c) => !Number.isNaN(means.quality[c]));
  const comparison: Comparison = {
    positions: Int32Array.from(challenger.keys()),
    prompts: Int32Array.from(challenger.keys()),
    groups: table.groups,
    compared: known,
    quality: table.quality,
    costUsd: table.costUsd,
    latencyMs: new Float64Array(table.quality.length).fill(Number.NaN),
    chosen: challenger,
  };
  const choices = listChoices(comparison, {
    names: table.candidates,
    means,
    nearest: null,
    nearestNote: '',
    task: null,
  });
  // An outcome is off by 1 at most, and by what its cost is worth.
  const range =
    1 + (worth === table.quality ? 0 : largest(table.costUsd!.map((cost) => Math.abs(qualityPerUsd * cost))));
  const own = columnOf(worth, { by: { chosen: challenger } }, columns);
  const against = (by: Choice['by']): Pick<Opponent, 'difference' | 'doubt'> => {
    const theirs = columnOf(worth, { by }, columns);
    return {
      difference: own.map((value, row) => value - theirs[row]),
      doubt: scoreDoubt(table.doubt, { chosen: challenger }, by, range),
    };
  };
  const found: Opponent[] =
    champion === null
      ? []
      : [
          {
            kind: 'champion',
            name: 'the champion',
            unit,
            ...against({ chosen: champion }),
          },
        ];
  const { costUsd } = table;
  const meanCost = (by: Choice['by']) => costUsd && mean(columnOf(costUsd, { by }, columns));
  for (const { id, by } of choices) {
    if (id !== 'bestSingle' && id !== 'fixedMix') continue;
    const [ownCost, theirCost] = [meanCost({ chosen: challenger }), meanCost(by)];
    const saved = ownCost === null || theirCost === null ? null : theirCost - ownCost;
    found.push({
      kind: id === 'bestSingle' ? 'best single' : 'best fixed mix',
      name:
        id === 'bestSingle'
          ? `${table.candidates[bestSingleCandidate(comparison, means)]}, the best single candidate in training`
          : fixedMixName({
              own: ownCost,
              other: theirCost,
              saving: {
                estimate: saved,
                low: saved,
                high: saved,
                rows: challenger.length,
                groups: new Set(table.groups).size,
              },
            }),
      unit,
      ...against(by),
    });
  }
  return found;
}
