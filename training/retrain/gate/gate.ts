import { largest, mean } from 'pointsman/internal';
import {
  bestSingleCandidate,
  type Choice,
  columnOf,
  costsOf,
  listChoices,
  type PlannedChoice,
} from '../../evaluate/baselines.ts';
import type { Comparison } from '../../evaluate/compare.ts';
import type { TrainMeans } from '../../evaluate/evaluation-input.ts';
import { scoreDoubt } from '../../off-policy/score-interval.ts';
import {
  fixedMixName,
  formatApart,
  formatConfidence,
  formatPoints,
  formatSignedPoints,
} from '../../words.ts';
import {
  GATE_DEFAULTS,
  type GateOptions,
  type GateTest,
  type GateVerdict,
  type Opponent,
  type PlansTold,
  sayNotWorse,
  sureOf,
  testBatches,
  testNotWorse,
  testPlans,
  testRows,
  testSeen,
  testSlices,
} from './tests.ts';
import type { ValueTable } from './values.ts';

export interface GateInput {
  readonly table: ValueTable;
  /** Whose answers it gives, and whom it asks for them; null where there is no champion yet. */
  readonly champion: PlannedChoice | null; // [rows]
  readonly challenger: PlannedChoice; // [rows]
  /** Where one of the two may ask several candidates for a prompt: how far the prompts say what comes of that. @default neither does */
  readonly plans?: PlansTold | null;
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
export function runGate(input: GateInput, given: GateOptions = {}): GateVerdict {
  const options = { ...GATE_DEFAULTS, ...given };
  const { table, champion, challenger, calibration, drifted = false } = input;
  let spent = 0;
  const rows = challenger.chosen.length;
  const tests: GateTest[] = [testRows(table, options)];
  if (input.plans) tests.push(testPlans(input.plans, options));
  if (tests.every(({ passed }) => passed)) {
    if (champion !== null && table.kind !== 'full')
      tests.push(testSeen(table, champion.chosen, challenger.chosen, options, input.explores));
    const opponents = listOpponents(input);
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
  }
  // What its probabilities are worth can be told where what comes of its plans cannot.
  if (tests[0].passed) tests.push(testCalibration(calibration, options));
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
    agreement: champion && shareAlike(champion, challenger),
    spent: champion === null ? 0 : spent,
  };
}

/** Share of the rows on which both give the answer of the same candidate, and ask the same ones for it. */
function shareAlike(champion: PlannedChoice, challenger: PlannedChoice): number {
  const rows = challenger.chosen.length;
  const askedBy = ({ chosen, plans }: PlannedChoice, row: number, c: number) =>
    plans ? plans.asked[(row * plans.asked.length) / rows + c] : Number(chosen[row] === c);
  const columns = ((champion.plans ?? challenger.plans)?.asked.length ?? 0) / Math.max(1, rows);
  const asksAlike = (row: number) =>
    Array.from({ length: columns }).every(
      (_, c) => askedBy(champion, row, c) === askedBy(challenger, row, c),
    );
  const alike = champion.chosen.filter((c, row) => c === challenger.chosen[row] && asksAlike(row));
  return alike.length / Math.max(1, rows);
}

/** Champion, best single, best fixed mix: challenger minus each, row by row. */
function listOpponents({ table, champion, challenger, means, qualityPerUsd = 0 }: GateInput): Opponent[] {
  const columns = table.candidates.length;
  const { costUsd } = table;
  const rate = costUsd === null ? 0 : qualityPerUsd;
  const unit = rate === 0 ? 'points' : 'points of quality minus cost';
  const known = Array.from({ length: columns }, (_, c) => c).filter((c) => !Number.isNaN(means.quality[c]));
  const rows = challenger.chosen.length;
  const comparison: Comparison = {
    positions: Int32Array.from({ length: rows }, (_, row) => row),
    prompts: Int32Array.from({ length: rows }, (_, row) => row),
    groups: table.groups,
    compared: known,
    quality: table.quality,
    costUsd,
    latencyMs: new Float64Array(table.quality.length).fill(Number.NaN),
    ...challenger,
  };
  const choices = listChoices(comparison, {
    names: table.candidates,
    means,
    nearest: null,
    nearestNote: '',
    task: null,
    told: null,
  });
  const costOf = (by: Choice['by']) => costUsd && costsOf(costUsd, { by }, columns);
  // What a choice is worth to the policy: its quality, less what its cost is worth.
  const worthOf = (by: Choice['by']): Float64Array => {
    const [quality, cost] = [columnOf(table.quality, { by }, columns), rate === 0 ? null : costOf(by)];
    return cost === null ? quality : quality.map((value, row) => value - rate * cost[row]);
  };
  // An outcome is off by 1 at most, and by what its cost is worth.
  const range = 1 + (rate === 0 ? 0 : largest(costUsd!.map((cost) => Math.abs(rate * cost))));
  const own = worthOf(challenger);
  const against = (by: Choice['by']): Pick<Opponent, 'difference' | 'doubt'> => {
    const theirs = worthOf(by);
    return {
      difference: own.map((value, row) => value - theirs[row]),
      doubt: scoreDoubt(table.doubt, challenger, by, range),
    };
  };
  const found: Opponent[] =
    champion === null ? [] : [{ kind: 'champion', name: 'the champion', unit, ...against(champion) }];
  const meanCost = (by: Choice['by']) => {
    const cost = costOf(by);
    return cost && mean(cost);
  };
  for (const { id, by } of choices) {
    if (id !== 'bestSingle' && id !== 'fixedMix') continue;
    const [ownCost, theirCost] = [meanCost(challenger), meanCost(by)];
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
                rows,
                groups: new Set(table.groups).size,
              },
            }),
      unit,
      ...against(by),
    });
  }
  return found;
}

/** Probabilities must hold: an error within the limit, or no larger than the champion's on the same rows. */
export function testCalibration(
  { challenger, champion }: GateInput['calibration'],
  { calibrationLimit }: Required<GateOptions>,
): GateTest {
  const limit = Math.max(calibrationLimit, champion ?? 0);
  const passed = challenger !== null && challenger <= limit;
  const [own, allowed] = formatApart(challenger ?? limit, limit, (error, digits) => error.toFixed(digits), 3);
  return {
    kind: 'calibration',
    passed,
    sentence:
      `The calibration error of its probabilities is ${challenger === null ? 'not known' : own}` +
      `${champion === null ? '' : `, the champion's ${champion.toFixed(3)}`}; ${allowed} is allowed.`,
    difference: null,
    limit,
  };
}

/** What was found against the champion, and what the promotion would make of the tolerance. */
interface NightsTest {
  readonly test: GateTest;
  /** Of the tolerance, what is spent once the challenger is promoted. */
  readonly spent: number;
}

/** What the tolerance that all nights share has come to, once a challenger that passed is in use. */
export function sayNightsSpent(spent: number): string {
  return spent === 0
    ? 'It is surely no worse than the best version so far.'
    : `Beside the best version so far it loses ${formatPoints(spent)} points at most; later nights may not spend these again.`;
}

/** A version that was not shown to be as good spends this share of the tolerance at least: so no month has many. */
const LEAST_CHARGE = 0.5;

/**
 * Whether a challenger may follow the champion, with all nights in mind. Every night could let a version pass that is a little
 * worse, so the tolerance is spent once: `spent` is what the versions since the best so far may have lost against it,
 * and `spent` minus what this one surely gains must stay within `nightsTolerance`. A version that is surely better
 * than the champion always passes, whatever was spent, and earns back what it surely gains. Each night's confidence is its
 * part of `nightsAlpha` (Bonferroni), so all promotions of so many nights are right together.
 *
 * @param opponent the champion @param before what was spent; null: not known, so all of it @param drifted whether candidates were found to have changed:
 * then an estimate a little below the champion's is no reason against a version that knows of it
 */
export function testNights(
  opponent: Opponent,
  table: ValueTable,
  { nights, nightsAlpha, nightsTolerance }: Required<GateOptions>,
  before: number | null = 0,
  drifted = false,
): NightsTest {
  const confidence = 1 - nightsAlpha / nights;
  const interval = sureOf(opponent, table, confidence);
  const { estimate, low } = interval;
  const spent = before ?? nightsTolerance;
  const left = nightsTolerance - spent;
  const charge = low === null ? 0 : low >= 0 ? -low : Math.max(-low, LEAST_CHARGE * nightsTolerance);
  const tolerance = left >= LEAST_CHARGE * nightsTolerance ? Math.max(0, left) : 0;
  const isSure = low !== null && low >= -tolerance;
  const isWorse = estimate !== null && estimate < 0 && !drifted;
  const { name, unit } = opponent;
  const together = ` (${formatConfidence(1 - nightsAlpha)} over ${nights} ${nights === 1 ? 'night' : 'nights'})`;
  const reasons = [
    sayNotWorse(interval, { confidence, name, tolerance, unit }, together),
    ...(spent > 0 && low !== null && low < 0
      ? [
          `Of the ${formatPoints(nightsTolerance)} points that all nights together may lose, ${
            before === null
              ? 'nobody knows how much is spent, so all of it counts as spent'
              : `${formatPoints(spent)} are spent`
          }${tolerance === 0 ? ': only a version that is surely no worse comes into use' : ''}.`,
        ]
      : []),
    ...(isSure && isWorse
      ? [
          `Its estimate is ${formatSignedPoints(estimate)}, and no candidate has changed that would explain it.`,
        ]
      : []),
  ];
  return {
    test: {
      kind: opponent.kind,
      passed: isSure && !isWorse,
      sentence: reasons.join(' '),
      difference: interval,
      limit: -tolerance,
    },
    spent: Math.min(nightsTolerance, Math.max(0, spent + charge)),
  };
}
