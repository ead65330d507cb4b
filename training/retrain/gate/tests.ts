import { clusteredMean } from '../../fit/rows.ts';
import { type ScoreDoubt, scoreInterval, takeDoubt } from '../../off-policy/score-interval.ts';
import {
  formatApart,
  formatConfidence,
  formatCount,
  formatPercent,
  formatPoints,
  formatSignedPoints,
  type Interval,
  plural,
  pluralInGroups,
} from '../../words.ts';
import type { ValueTable } from './values.ts';

/** A choice that the log makes less often than this cannot be valued by it: one outcome would speak for more than 100 prompts. */
const LEAST_SHARE = 0.01;

/** A share of the weights that is cut from here on is worth a sentence. */
const WORTH_SAYING = 0.01;

/** Too few prompts to judge by, copies counted once, are no reason to change anything. */
export function testRows({ groups }: ValueTable, { fewestGroups }: Required<GateOptions>): GateTest {
  const distinct = new Set(groups).size;
  return {
    kind: 'rows',
    passed: distinct >= fewestGroups,
    sentence:
      `${plural(groups.length, 'prompt')} with a quality score to judge by` +
      `${distinct < groups.length ? `, ${plural(distinct, 'near-duplicate group')} of them` : ''}; ${fewestGroups} are needed.`,
    difference: null,
    limit: fewestGroups,
  };
}

/** What brings outcomes of other choices into the log. */
const TO_SEE_MORE = {
  exploring:
    'The version in use explores: with more prompts that judge, or a larger share of exploring, they will be there.',
  not: 'The version in use does not explore by its own policy. Train it again with an `explore` policy (`pointsman train --policy`), or serve it with one (`loadRouter(folder, { policy })`); that of this config is the policy of the next version.',
  unknown: 'An `explore` policy of the version in use sees to it that they are there.',
};

/**
 * Where the challenger chooses otherwise than the champion, the log must hold outcomes of its choices: else their value is
 * what a model expects, and nothing that was seen.
 * @param explores whether the champion does by its own policy; null where that is not known
 */
export function testSeen(
  { candidates, clippedMass, groups, observed }: ValueTable,
  champion: Int32Array,
  challenger: Int32Array,
  { fewestSeen }: Required<GateOptions>,
  explores: boolean | null = null,
): GateTest {
  const different: number[] = [];
  const seen: number[] = [];
  challenger.forEach((choice, row) => {
    if (choice === champion[row]) return;
    different.push(groups[row]);
    if (observed[row * candidates.length + choice] === 1) seen.push(groups[row]);
  });
  const needed = Math.min(fewestSeen, Math.ceil(LEAST_SHARE * new Set(different).size));
  const distinct = new Set(seen).size;
  const passed = distinct >= needed;
  return {
    kind: 'seen',
    passed,
    sentence:
      different.length === 0
        ? 'It chooses as the champion does on every prompt.'
        : `On ${plural(different.length, 'prompt')} it chooses otherwise than the champion, and the log has the outcome of ${seen.length} of those ` +
          `choices${distinct < seen.length ? `, ${plural(distinct, 'near-duplicate group')} of them` : ''}; ${needed} ${needed === 1 ? 'is' : 'are'} needed.${
            passed
              ? ''
              : ` ${explores === null ? TO_SEE_MORE.unknown : explores ? TO_SEE_MORE.exploring : TO_SEE_MORE.not}`
          }${
            clippedMass > WORTH_SAYING
              ? ` ${formatPercent(clippedMass)} of the weight of the log's outcomes is cut (\`gate.clip\`), and counts as not seen.`
              : ''
          }`,
    difference: null,
    limit: needed,
  };
}

/** What the judging prompts say of plans that may ask several candidates. */
export interface PlansTold {
  /** Near-duplicate group of each prompt that says what comes of them, of champion and challenger alike. */
  readonly groups: ArrayLike<number>;
  /** Prompts that could judge, these among them. */
  readonly of: number;
  /** What the others lack most often, in the middle of a sentence; null where they lack nothing. */
  readonly lacking: string | null;
}

/**
 * Plans of several candidates are worth what comes of them, and not what the first one asked is worth. That is read off prompts
 * with all outcomes and answers; where those are too few, it is not known.
 */
export function testPlans(
  { groups, lacking, of }: PlansTold,
  { fewestGroups }: Required<GateOptions>,
): GateTest {
  const distinct = new Set(Array.from(groups)).size;
  const passed = distinct >= fewestGroups;
  const left = of - groups.length;
  const told = `${pluralInGroups(groups.length, distinct, 'prompt')}`;
  const lacks = lacking === null ? '' : `; most of the others lack ${lacking}`;
  return {
    kind: 'plans',
    passed,
    sentence: passed
      ? `What comes of policies that may ask several candidates for a prompt is read off ${told}${
          left === 0 ? '' : `; ${formatCount(left)} that do not say it are left out`
        }.`
      : `A policy that may ask several candidates for a prompt is worth what comes of that, and of ${plural(of, 'prompt')} that judge ${
          groups.length === 0
            ? 'none says'
            : `${formatCount(groups.length)} say${groups.length === 1 ? 's' : ''}`
        } it${distinct < groups.length ? ` (${plural(distinct, 'near-duplicate group')})` : ''}${lacks}. ${fewestGroups} are needed: send some hundred prompts of the newest days to every ` +
        'candidate with their answers kept, or bring the version into use by hand (`pointsman rollback --to`).',
    difference: null,
    limit: fewestGroups,
  };
}

/** How strict the gate is. Differences are in quality, 0 to 1: 0.01 is a point. */
export interface GateOptions {
  /** A challenger may be worse than the best single candidate and the best fixed mix by this much. @default 0.02 */
  readonly tolerance?: number;
  /** How sure it must be that it is not worse than that: one-sided, 0.5 to 1. @default 0.9 */
  readonly confidence?: number;
  /** What all promotions together may lose against the best version so far: spent once, and not anew each night. @default 0.005 */
  readonly nightsTolerance?: number;
  /** Nights over which `nightsAlpha` holds. @default 30 */
  readonly nights?: number;
  /** Chance, over so many nights together, that more than `nightsTolerance` is lost. @default 0.05 */
  readonly nightsAlpha?: number;
  /** A slice may be worse by this much. @default 0.03 */
  readonly sliceTolerance?: number;
  /** Slices with fewer near-duplicate groups are not tested. @default 50 */
  readonly sliceGroups?: number;
  /** Chance, over all slices together, that an equal challenger is refused for one. @default 0.05 */
  readonly sliceAlpha?: number;
  /** Calibration error (ECE, noise taken off) that is always good enough. @default 0.1 */
  readonly calibrationLimit?: number;
  /** Fewer judged near-duplicate groups than this decide nothing: copies of one prompt are one. @default 100 */
  readonly fewestGroups?: number;
  /** Where it would choose otherwise than the champion, so many of its choices must have been seen, or one in a hundred, near-duplicates counted once. @default 10 */
  readonly fewestSeen?: number;
}

export const GATE_DEFAULTS: Required<GateOptions> = {
  tolerance: 0.02,
  confidence: 0.9,
  nightsTolerance: 0.005,
  nights: 30,
  nightsAlpha: 0.05,
  sliceTolerance: 0.03,
  sliceGroups: 50,
  sliceAlpha: 0.05,
  calibrationLimit: 0.1,
  fewestGroups: 100,
  fewestSeen: 10,
};

type GateTestKind =
  | 'rows'
  | 'plans'
  | 'seen'
  | 'champion'
  | 'best single'
  | 'best fixed mix'
  | 'slice'
  | 'batch'
  | 'calibration';

/** One thing that a challenger must not fail. Plain JSON. */
export interface GateTest {
  readonly kind: GateTestKind;
  readonly passed: boolean;
  /** What was compared with what, the figures, and what is allowed. */
  readonly sentence: string;
  /** Challenger minus the other, in quality; null where no difference is tested. */
  readonly difference: Interval | null;
  /** The least that passes; of `calibration`, the most. */
  readonly limit: number;
}

export interface GateVerdict {
  readonly passed: boolean;
  /** Why, in a sentence: the first test that failed, or what it was better in. */
  readonly sentence: string;
  readonly tests: readonly GateTest[];
  readonly rows: number;
  /** `full`: every candidate seen on every row; else doubly robust scores. */
  readonly values: 'full' | 'doubly robust';
  /** Share of the rows where challenger and champion choose alike; null without a champion. */
  readonly agreement: number | null;
  /** Of the tolerance that all nights share, what is spent once this challenger is promoted; quality, 0 to 1. */
  readonly spent: number;
}

/** Standard errors by which a batch must differ from all others before it is said to disagree with them. */
const DISAGREES = 3;

/**
 * Fails a verdict that one batch (a day of one source) carries: a challenger that is worse on all other rows, while
 * this batch says otherwise, and more clearly than chance would. A log with wrong scores likes the wrong router.
 */
export function testBatches(
  opponents: readonly Opponent[],
  { batches, groups }: ValueTable,
  { tolerance }: Required<GateOptions>,
): GateTest[] {
  const names = [...new Set(batches)];
  if (names.length < 2) return [];
  const failed: GateTest[] = [];
  for (const { difference, name, unit } of opponents) {
    for (const batch of names) {
      const meanWhere = (isIt: (row: number) => boolean) =>
        clusteredMean(
          difference.filter((_, row) => isIt(row)),
          groups.filter((_, row) => isIt(row)),
        );
      const inside = meanWhere((row) => batches[row] === batch);
      const outside = meanWhere((row) => batches[row] !== batch);
      if (outside.mean >= -tolerance) continue;
      const gap = inside.mean - outside.mean;
      const error = Math.hypot(inside.standardError, outside.standardError);
      if (!(gap > DISAGREES * error)) continue;
      failed.push({
        kind: 'batch',
        passed: false,
        sentence:
          `Without the ${plural(batches.filter((one) => one === batch).length, 'prompt')} of ${batch} it scores ${formatSignedPoints(outside.mean)} ${unit} ` +
          `against ${name}, with ${formatSignedPoints(inside.mean)} on those alone; one batch must not carry the verdict.`,
        difference: null,
        limit: -tolerance,
      });
    }
  }
  if (failed.length > 0) return failed;
  return [
    {
      kind: 'batch',
      passed: true,
      sentence: `None of ${names.length} batches carries the verdict by itself.`,
      difference: null,
      limit: -tolerance,
    },
  ];
}

/** What a challenger is compared with. */
export interface Opponent {
  readonly kind: 'champion' | 'best single' | 'best fixed mix';
  /** In the middle of a sentence. */
  readonly name: string;
  /** What differences are counted in: "points", or points with something taken off. */
  readonly unit: string;
  /** Challenger minus this one: `[rows]` */
  readonly difference: Float64Array;
  /** What the differences do not show. */
  readonly doubt: ScoreDoubt;
}

/**
 * What is sure of an opponent's difference on some rows, at a one-sided confidence. NaN: nothing.
 * @param rows numbers of those that count. @default all
 */
export function sureOf(
  { difference, doubt }: Opponent,
  { groups }: ValueTable,
  confidence: number,
  rows: ArrayLike<number> = Int32Array.from(difference.keys()),
): Interval {
  const found = scoreInterval(
    Float64Array.from(rows, (row) => difference[row]),
    Array.from(rows, (row) => groups[row]),
    { level: 2 * confidence - 1, doubt: takeDoubt(doubt, rows) },
  );
  return Number.isNaN(found.estimate) ? { ...found, estimate: null, low: null, high: null } : found;
}

/** Passes where the challenger is surely no worse than `tolerance`. */
export function testNotWorse(
  opponent: Opponent,
  table: ValueTable,
  { confidence, tolerance }: Required<GateOptions>,
): GateTest {
  const { kind, name, unit } = opponent;
  const interval = sureOf(opponent, table, confidence);
  const passed = interval.low !== null && interval.low >= -tolerance;
  return {
    kind,
    passed,
    sentence: sayNotWorse(interval, { confidence, name, tolerance, unit }),
    difference: interval,
    limit: -tolerance,
  };
}

/**
 * What was found against an opponent, what is sure of it, and what is allowed.
 * @param together says of what the confidence is a part
 */
export function sayNotWorse(
  { estimate, low }: Interval,
  {
    confidence,
    name,
    tolerance,
    unit,
  }: Pick<Opponent, 'name' | 'unit'> & Pick<Required<GateOptions>, 'confidence' | 'tolerance'>,
  together = '',
): string {
  if (estimate === null || low === null) return `It could not be compared with ${name}.`;
  const [sure, allowed] = formatApart(low, -tolerance, formatSignedPoints, 1);
  const short = formatPoints(-tolerance - low, allowed.split('.')[1]?.length ?? 0);
  return (
    `${formatSignedPoints(estimate)} ${unit} against ${name}, and with ${formatConfidence(confidence)} confidence${together} at least ` +
    `${sure}; ${allowed} is allowed.${low >= -tolerance ? '' : ` That is ${short} points too low.`}`
  );
}

/**
 * Fails a slice (a task, a tier) where the challenger is surely worse than `sliceTolerance`. Slices are small, so the burden
 * is the other way about than for the whole: were each to be shown not to be worse, chance alone would refuse everything.
 * Bonferroni's correction holds over all slices tested. One test for all that pass.
 */
export function testSlices(
  opponent: Opponent,
  table: ValueTable,
  { sliceAlpha, sliceGroups, sliceTolerance }: Required<GateOptions>,
): GateTest[] {
  const { name, unit } = opponent;
  const { groups, slices } = table;
  const groupsOf = (rows: readonly number[]) => new Set(rows.map((row) => groups[row])).size;
  const found = slices.flatMap(({ by, of }) => {
    const rowsOf = new Map<string, number[]>();
    of.forEach((value, row) => {
      if (value === null) return;
      const rows = rowsOf.get(value);
      if (rows === undefined) rowsOf.set(value, [row]);
      else rows.push(row);
    });
    // A slice of all rows is the whole, which is tested already.
    return [...rowsOf]
      .filter(([, rows]) => groupsOf(rows) >= sliceGroups && rows.length < of.length)
      .map(([value, rows]) => ({ by, value, rows }));
  });
  const failed: GateTest[] = [];
  for (const { by, value, rows } of found) {
    const interval = sureOf(opponent, table, 1 - sliceAlpha / found.length, rows);
    if (interval.high === null || interval.high >= -sliceTolerance) continue;
    const [most, allowed] = formatApart(interval.high, -sliceTolerance, formatSignedPoints, 1);
    failed.push({
      kind: 'slice',
      passed: false,
      sentence:
        `${formatSignedPoints(interval.estimate ?? 0)} ${unit} against ${name} on the ${plural(rows.length, 'prompt')} of ${by} ` +
        `"${value}", and at most ${most}; ${allowed} is allowed.`,
      difference: interval,
      limit: -sliceTolerance,
    });
  }
  if (failed.length > 0 || found.length === 0) return failed;
  return [
    {
      kind: 'slice',
      passed: true,
      sentence:
        `It is not surely worse than ${name} by more than ${formatPoints(sliceTolerance)} ${unit} in ` +
        `${found.length === 1 ? 'the one slice' : `any of ${found.length} slices`} that is large enough.`,
      difference: null,
      limit: -sliceTolerance,
    },
  ];
}
