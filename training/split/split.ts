import { createHash } from 'node:crypto';
import { InvalidInputError, readPrompt } from 'pointsman';
import { createRandom } from 'pointsman/internal';
import type { OutcomeMatrix, PromptRecord } from '../outcomes/matrix.ts';
import {
  groupNearDuplicates,
  type NearDuplicateGroups,
  type NearDuplicateOptions,
  normalisedText,
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
  const texts = matrix.prompts.map(textToCompare);
  return groupNearDuplicates(texts, options);
}

/** What a prompt is compared with others by. Of a hash only the very same prompt can be told. */
export function textToCompare({ promptHash, request }: PromptRecord): string {
  return promptHash ?? (readPrompt(request).text || JSON.stringify(request.messages ?? ''));
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

/** What of a router saw a prompt: its heads, or only what makes probabilities of their numbers. */
export type SeenRole = 'fit' | 'calibrate';

/** Which prompts a router was made of. Of the prompts themselves it holds nothing that can be read. */
interface SeenPrompts {
  /** Null where the router has not seen the prompt. */
  roleOf(prompt: PromptRecord): SeenRole | null;
}

type Prompts = Pick<OutcomeMatrix, 'prompts'>['prompts'];

/** "PSEN", read as a little-endian number. */
const MAGIC = 0x4e45_5350;
const VERSION = 1;
const HEADER_BYTES = 16;

/** 48 bits: of a million keys, one prompt in 280 million that was not seen has one by chance. */
const KEY_BYTES = 6;

/**
 * The record of what a router has seen: magic, version, how many keys of either role, then the keys of the fit prompts and those
 * of the calibrate prompts, ascending, 6 bytes each, all little-endian.
 * @param salt of the router, so that records of two routers cannot be compared: its data fingerprint
 */
export function encodeSeenPrompts(
  { calibrate, fit }: { readonly fit: Prompts; readonly calibrate: Prompts },
  salt: string,
): Uint8Array {
  const fitted = keysOf(fit, salt);
  return encodeKeys(
    fitted,
    [...keysOf(calibrate, salt)].filter((key) => !fitted.has(key)),
  );
}

/**
 * The record with more prompts that were fitted on.
 * @throws InvalidInputError when the bytes are no such record.
 */
export function addFittedPrompts(record: Uint8Array, prompts: Prompts, salt: string): Uint8Array {
  const { calibrate, fit } = decodeKeys(record);
  for (const key of keysOf(prompts, salt)) {
    fit.add(key);
    calibrate.delete(key);
  }
  return encodeKeys(fit, calibrate);
}

/** The record of what any of some records has, of the same salt. It takes 16 bytes a key, as there may be millions. */
export function joinSeenPrompts(records: readonly Uint8Array[]): Uint8Array {
  const all = records.map(readKeys);
  const joined = (role: SeenRole) => {
    const keys = new Float64Array(all.reduce((sum, { [role]: own }) => sum + own.length, 0));
    let at = 0;
    for (const { [role]: own } of all) {
      keys.set(own, at);
      at += own.length;
    }
    return keys.sort().filter((key, i) => i === 0 || key !== keys[i - 1]);
  };
  const fit = joined('fit');
  let next = 0;
  const others = joined('calibrate').filter((key) => {
    while (next < fit.length && fit[next] < key) next++;
    return fit[next] !== key;
  });
  return encodeKeys(fit, others);
}

/** @throws InvalidInputError when the bytes are no such record. */
export function decodeSeenPrompts(record: Uint8Array, salt: string): SeenPrompts {
  const { calibrate, fit } = decodeKeys(record);
  return {
    roleOf(prompt) {
      const keys = promptKeys(prompt, salt);
      if (keys.some((key) => fit.has(key))) return 'fit';
      return keys.some((key) => calibrate.has(key)) ? 'calibrate' : null;
    },
  };
}

/**
 * Two keys of a prompt: of its words but for case and white space, and of the hash that stands for it in a table without words. One
 * where its words are gone already.
 */
function promptKeys({ promptHash, request }: PromptRecord, salt: string): number[] {
  if (promptHash !== undefined) return [keyOf(salt, 'hash', promptHash)];
  const { text } = readPrompt(request);
  const hash = createHash('sha256').update(text).digest('hex');
  return [
    keyOf(salt, 'text', normalisedText(text || JSON.stringify(request.messages ?? ''))),
    ...(text === '' ? [] : [keyOf(salt, 'hash', hash)]),
  ];
}

function keyOf(salt: string, kind: 'text' | 'hash', text: string): number {
  return createHash('sha256').update(`${salt}\n${kind}\n${text}`).digest().readUIntLE(0, KEY_BYTES);
}

function keysOf(prompts: Prompts, salt: string): Set<number> {
  const keys = new Set<number>();
  for (const prompt of prompts) for (const key of promptKeys(prompt, salt)) keys.add(key);
  return keys;
}

function encodeKeys(fit: Iterable<number>, calibrate: Iterable<number>): Uint8Array {
  const roles = [fit, calibrate].map((keys) => Float64Array.from(keys).sort());
  const bytes = Buffer.alloc(HEADER_BYTES + KEY_BYTES * (roles[0].length + roles[1].length));
  let at = 0;
  for (const word of [MAGIC, VERSION, roles[0].length, roles[1].length]) at = bytes.writeUInt32LE(word, at);
  for (const keys of roles) for (const key of keys) at = bytes.writeUIntLE(key, at, KEY_BYTES);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function decodeKeys(record: Uint8Array): Record<SeenRole, Set<number>> {
  const { calibrate, fit } = readKeys(record);
  return { fit: new Set(fit), calibrate: new Set(calibrate) };
}

function readKeys(record: Uint8Array): Record<SeenRole, Float64Array> {
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.length);
  const [magic, version, fit, calibrate] =
    bytes.length < HEADER_BYTES ? [] : [0, 4, 8, 12].map((at) => bytes.readUInt32LE(at));
  const length = HEADER_BYTES + KEY_BYTES * (fit + calibrate);
  if (magic !== MAGIC || version !== VERSION || bytes.length !== length) {
    throw new InvalidInputError(
      'The record of the prompts that a router was trained on must be of version 1, and whole. Train the router again, or ' +
        'update pointsman where it was trained with a newer version.',
    );
  }
  const keys = (from: number, count: number) =>
    Float64Array.from({ length: count }, (_, i) =>
      bytes.readUIntLE(HEADER_BYTES + KEY_BYTES * (from + i), KEY_BYTES),
    );
  return { fit: keys(0, fit), calibrate: keys(fit, calibrate) };
}
