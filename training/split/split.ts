import { InvalidInputError, readPrompt } from 'pointsman';
import { createRandom } from 'pointsman/internal';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import {
  groupNearDuplicates,
  type NearDuplicateGroups,
  type NearDuplicateOptions,
} from './near-duplicates.ts';

/** The three uses of a prompt. Each is its own type, so passing the wrong one does not compile. */
type SplitRole = 'fit' | 'calibrate' | 'test';

/** Rows (indices of an OutcomeMatrix, ascending) that may be used for one purpose only. */
export interface Split<Role extends SplitRole> {
  readonly role: Role;
  readonly rows: Int32Array;
}

export interface Splits {
  readonly fit: Split<'fit'>;
  readonly calibrate: Split<'calibrate'>;
  readonly test: Split<'test'>;
}

/** Names three lists of rows by their use. */
export function nameSplits(fit: Int32Array, calibrate: Int32Array, test: Int32Array): Splits {
  return {
    fit: { role: 'fit', rows: fit },
    calibrate: { role: 'calibrate', rows: calibrate },
    test: { role: 'test', rows: test },
  };
}

interface TimeSplitOutcome {
  readonly splits: Splits;
  readonly groups: NearDuplicateGroups;
  /** Prompts in no split: later repeats of what an earlier split holds already. Ascending. */
  readonly leftOut: Int32Array;
}

/**
 * Parts the prompts by time: the oldest to fit, the next to calibrate, the newest to test, so that the test asks what
 * production asks. Prompts of the same moment stay together. A near-duplicate of a prompt in an earlier split is left
 * out of the later one: moving it back would let fitting see the future, and keeping it would test on what was
 * learned by heart.
 * @throws InvalidInputError when a prompt has no timestamp.
 */
export function splitByTime(
  matrix: Pick<OutcomeMatrix, 'prompts'>,
  { sizes = DEFAULT_SPLIT_SIZES, nearDuplicates, groups: known }: Omit<SplitOptions, 'seed'> = {},
): TimeSplitOutcome {
  const { prompts } = matrix;
  const timeless = prompts.find((prompt) => prompt.timestampMs === null);
  if (timeless !== undefined) {
    throw new InvalidInputError(
      `\`timestamp\` of every prompt must be given to split by time. "${timeless.requestId}" has none. Split by chance instead.`,
    );
  }
  const times = prompts.map((prompt) => prompt.timestampMs ?? 0);
  const order = Int32Array.from(prompts.keys()).sort((a, b) => times[a] - times[b] || a - b);
  const counts = countSplitSizes(sizes, prompts.length);
  const groups = known ?? groupPrompts(matrix, nearDuplicates);
  const parts: number[][] = [[], [], []];
  const leftOut: number[] = [];
  const partOfGroup = new Map<number, number>();
  let part = 0;
  let end = counts[0];
  for (const [place, row] of order.entries()) {
    const sameMoment = place > 0 && times[order[place - 1]] === times[row];
    while (place >= end && !sameMoment && part < 3) end += counts[++part];
    const group = groups.groups[row];
    const holder = partOfGroup.get(group) ?? part;
    partOfGroup.set(group, holder);
    if (holder === part && part < 3) parts[part].push(row);
    else leftOut.push(row);
  }
  const [fit, calibrate, test] = parts.map((rows) => Int32Array.from(rows).sort());
  return {
    splits: nameSplits(fit, calibrate, test),
    groups,
    leftOut: Int32Array.from(leftOut).sort(),
  };
}

/**
 * The near-duplicate group of each prompt. What the user said counts; a system prompt, the same for every request of
 * a product, does not. Only where the user said nothing are all messages compared.
 */
export function groupPrompts(
  matrix: Pick<OutcomeMatrix, 'prompts'>,
  options?: NearDuplicateOptions,
): NearDuplicateGroups {
  const texts = matrix.prompts.map(
    // Of a hash only the very same prompt can be told.
    ({ request, promptHash }) =>
      promptHash ?? (readPrompt(request).text || JSON.stringify(request.messages ?? '')),
  );
  return groupNearDuplicates(texts, options);
}

interface SplitOptions {
  /** Shares or counts. @default { fit: 0.6, calibrate: 0.2 }, the rest for testing */
  readonly sizes?: SplitSizes;
  /** @default 0 */
  readonly seed?: number;
  /** What counts as a near-duplicate. */
  readonly nearDuplicates?: NearDuplicateOptions;
  /** The groups, when they are known already: they do not depend on the seed, and finding them takes a while. */
  readonly groups?: NearDuplicateGroups;
}

interface SplitOutcome {
  readonly splits: Splits;
  readonly groups: NearDuplicateGroups;
}

/**
 * Parts the prompts into fit, calibrate and test: by chance, each task spread alike over the three, near-duplicates
 * on one side. The same seed gives the same split.
 * @example
 * const { splits } = splitOutcomes(matrix, { sizes: { fit: 1000, calibrate: 500 }, seed: 1 });
 */
export function splitOutcomes(
  matrix: Pick<OutcomeMatrix, 'prompts'>,
  { sizes = DEFAULT_SPLIT_SIZES, seed = 0, nearDuplicates, groups: known }: SplitOptions = {},
): SplitOutcome {
  const counts = countSplitSizes(sizes, matrix.prompts.length);
  const groups = known ?? groupPrompts(matrix, nearDuplicates);
  const tasks = matrix.prompts.map((prompt) => prompt.task);
  const rows = Int32Array.from(matrix.prompts.keys());
  const [fit, calibrate, test] = assignGroups(rows, groups.groups, tasks, counts, seed);
  return {
    splits: nameSplits(fit, calibrate, test),
    groups,
  };
}

/**
 * Deals rows into parts of given sizes: whole groups only, each stratum spread over the parts as the sizes are,
 * seeded. Sizes are met exactly where single rows are left to fill up with, else as nearly as groups allow.
 * @param rows indices into `groups` and `strata`.
 * @param sizes rows wanted in each part; together as many as `rows`.
 * @returns the rows of each part, ascending.
 */
export function assignGroups(
  rows: Int32Array,
  groups: Int32Array,
  strata: readonly (string | null)[],
  sizes: readonly number[],
  seed: number,
): Int32Array[] {
  const members = new Map<number, number[]>();
  for (const row of rows) {
    const found = members.get(groups[row]);
    if (found === undefined) members.set(groups[row], [row]);
    else found.push(row);
  }
  // Large groups first, while there is room everywhere; then stratum by stratum, for ties only chance decides.
  const dealt = createRandom(seed)
    .shuffle([...members.values()])
    .map((held, drawn) => ({ held, drawn, stratum: strata[held[0]] ?? '' }))
    .sort(
      (a, b) =>
        b.held.length - a.held.length ||
        (a.stratum < b.stratum ? -1 : a.stratum > b.stratum ? 1 : a.drawn - b.drawn),
    );
  const parts: number[][] = sizes.map(() => []);
  const shares = sizes.map((size) => size / Math.max(1, rows.length));
  const perStratum = new Map<string, { seen: number; given: number[] }>();
  const tallyOf = (row: number): { seen: number; given: number[] } => {
    const stratum = strata[row] ?? '';
    let tally = perStratum.get(stratum);
    if (tally === undefined) {
      tally = { seen: 0, given: sizes.map(() => 0) };
      perStratum.set(stratum, tally);
    }
    return tally;
  };
  let seen = 0;
  for (const { held } of dealt) {
    seen += held.length;
    for (const row of held) tallyOf(row).seen++;
    let best = 0;
    let bestLack = Number.NEGATIVE_INFINITY;
    for (const part of sizes.keys()) {
      const room = sizes[part] - parts[part].length;
      // How far the part lags behind its share, over all rows and within the strata of this group.
      let lack = shares[part] * seen - parts[part].length;
      for (const row of held) {
        const tally = tallyOf(row);
        lack += (shares[part] * tally.seen - tally.given[part]) / held.length;
      }
      if (room < held.length) lack = room - 2 * rows.length - held.length;
      if (lack > bestLack) {
        best = part;
        bestLack = lack;
      }
    }
    for (const row of held) {
      parts[best].push(row);
      tallyOf(row).given[best]++;
    }
  }
  return parts.map((part) => Int32Array.from(part).sort());
}

/** Shares that sum to 1 (0.6, 0.2, 0.2), or whole numbers of prompts. Without `test`, the rest is for testing. */
export interface SplitSizes {
  readonly fit: number;
  readonly calibrate: number;
  readonly test?: number;
}

const DEFAULT_SPLIT_SIZES: SplitSizes = { fit: 0.6, calibrate: 0.2 };

/**
 * Prompts wanted for [fit, calibrate, test], n in all. With counts that do not use up n, a fourth part is left out.
 * @throws InvalidInputError when sizes are negative, or more than there is.
 */
function countSplitSizes({ fit, calibrate, test }: SplitSizes, n: number): [number, number, number, number] {
  const given = test === undefined ? [fit, calibrate] : [fit, calibrate, test];
  const sum = given.reduce((total, size) => total + size, 0);
  const shares = sum <= 1 + 1e-9;
  const most = shares ? 1 + 1e-9 : n;
  if (given.some((size) => !(size >= 0)) || sum > most || (shares && test !== undefined && sum < 1 - 1e-9)) {
    throw new InvalidInputError(
      `\`sizes\` of a split must be shares that sum to 1, or at most ${n} prompts. Got ${JSON.stringify({ fit, calibrate, test })}.`,
    );
  }
  if (!shares && given.some((size) => !Number.isInteger(size))) {
    throw new InvalidInputError(
      `\`sizes\` of a split must be all shares or all whole numbers. Got ${JSON.stringify({ fit, calibrate, test })}.`,
    );
  }
  const count = (size: number): number => (shares ? Math.round(size * n) : size);
  const fitted = count(fit);
  const calibrated = Math.min(count(calibrate), n - fitted);
  const tested = test === undefined || shares ? n - fitted - calibrated : test;
  return [fitted, calibrated, tested, n - fitted - calibrated - tested];
}
