import type { Decision } from 'pointsman';
import type { Attempt } from 'pointsman/execution';
import type { RatableAnswer } from '../records/decision-records.ts';
import { Cell } from './cell.ts';
import {
  ROLLUP_LABELS,
  type RollupAnswer,
  type RollupLabel,
  type RollupLabels,
  type RollupRow,
  type RollupStep,
} from './rollup.ts';
import {
  type BucketRoom,
  type CellLabels,
  type CountedCell,
  type Cube,
  fitLabels,
  RollupFile,
  STEPS,
  type StoredStep,
} from './rollup-file.ts';

/** Where a request has no router, candidate, key or task. */
export const NONE = 'none';

/** The longest name that is counted under; what a client may say is cut. */
const LONGEST_LABEL = 100;

/** Who a request is of, and what it is about. */
export interface Subject {
  readonly router: string | null;
  readonly keyId: string | null;
  /** Undefined where it came to none. */
  readonly decision: Decision | undefined;
}

/** A request that is over. */
export interface EndedRequest extends Subject {
  readonly state: 'answered' | 'failed' | 'left' | 'refused';
  /** Of the problem; null where it was answered. */
  readonly code: string | null;
  /** Who answered. */
  readonly candidate: string | null;
  readonly attempts: readonly Attempt[];
  readonly latencyMs: number;
  readonly firstByteMs: number | null;
  readonly overheadMs: number;
  readonly isDegraded: boolean;
  readonly cachedInputTokens: number;
}

/** Answers that were asked for in the background. */
export interface ShadowAnswer extends Subject {
  readonly candidate: string;
  readonly isAnswered: boolean;
  readonly costUsd: number;
  readonly judgeCostUsd: number;
  /** 1 where the judge finds it better than what was given, 0.5 as good, 0 worse; null where it does not say. */
  readonly preference: number | null;
}

/** What is asked of rollups. Times are in milliseconds since 1970. */
export interface RollupQuery {
  readonly by: RollupStep;
  readonly from: number;
  readonly to: number;
  readonly group: readonly RollupLabel[];
  /** Requests with these labels alone. Of task and key, one may be named here and in `group` together. */
  readonly only: RollupLabels;
}

/** Counts what a gateway does by minute, hour and day. Nothing that is told to it waits for the disk, or fails because of it. */
export interface Rollups {
  ended(request: EndedRequest): void;
  /** A decision that nothing is called for. */
  decided(subject: Subject & { readonly decision: Decision }): void;
  rated(answer: RatableAnswer, quality: number): void;
  shadowed(answer: ShadowAnswer): void;
  read(query: RollupQuery): Promise<RollupAnswer>;
  /** What other rooms keep in the same file. */
  readonly notes: Pick<RollupFile, 'note' | 'notes' | 'forget'>;
  close(): Promise<void>;
}

export interface RollupOptions {
  /** `:memory:` keeps nothing over a restart. */
  readonly path: string;
  /** Milliseconds within which a change is written down: what `kill -9` can lose. @default 1000 */
  readonly writeEveryMs?: number;
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
  /** Told when the file cannot be written; it is tried again. */
  readonly onError: (error: unknown) => void;
}

/** Buckets of one length that an answer may have. */
const MOST_BUCKETS = 2_000;

/** @throws InvalidInputError for a file that is something else. */
export function openRollups({
  clock = Date.now,
  onError,
  path,
  writeEveryMs = 1000,
}: RollupOptions): Rollups {
  const file = new RollupFile(path, onError);
  let minute = minuteOf(clock());
  let cells = new Map<string, CountedCell>();
  /** Tasks and keys of the minute. */
  const toldApart = new Set<string>();
  const changed = new Set<CountedCell>();
  const sizes = [0, 0];

  /** Of the minute that is under way. A clock that is set back does not open one again. */
  const cellOf = (cube: Cube, labels: CellLabels): Cell => {
    let counted = cells.get(idOf(cube, labels));
    if (counted === undefined) {
      const bucket: BucketRoom = {
        size: sizes[cube],
        isThere: (coarser) => cells.has(idOf(cube, coarser)),
        isToldApart: (router, last) => toldApart.has(`${cube}\0${router}\0${last}`),
      };
      const fitting = fitLabels(labels, bucket, STEPS.minute.cells);
      const id = idOf(cube, fitting);
      counted = cells.get(id);
      if (counted === undefined) {
        counted = { cube, labels: fitting, cell: new Cell() };
        cells.set(id, counted);
        toldApart.add(`${cube}\0${fitting[0]}\0${fitting[3]}`);
        sizes[cube]++;
      }
    }
    changed.add(counted);
    return counted.cell;
  };
  const turnMinute = () => {
    const now = minuteOf(clock());
    if (now <= minute) return;
    write();
    // What could not be written goes on in its minute.
    if (changed.size > 0) return;
    minute = now;
    cells = new Map();
    toldApart.clear();
    sizes.fill(0);
  };
  const count = (
    subject: { router: string | null; version: string; task: string | null; keyId: string | null },
    candidate: string,
    add: (cell: Cell) => void,
    cubes: readonly Cube[] = [0, 1],
  ) => {
    turnMinute();
    const { keyId, router, task, version } = subject;
    for (const cube of cubes)
      add(cellOf(cube, [cut(router), cut(version), cut(candidate), cut(cube === 0 ? task : keyId)]));
  };
  const write = () => {
    if (changed.size === 0) return;
    try {
      file.write(minute, [...changed]);
      changed.clear();
    } catch (error) {
      onError(error);
    }
  };
  let foldedAt = 0;
  const tick = async () => {
    write();
    const now = minuteOf(clock());
    if (now <= foldedAt) return;
    foldedAt = now;
    await file.fold(Math.floor(clock() / 1000));
  };
  const ticking = setInterval(() => void tick().catch(onError), writeEveryMs).unref();

  return {
    notes: file,
    ended(request) {
      const { candidate, decision } = request;
      count(subjectOf(request), candidate ?? decision?.candidate ?? NONE, (cell) => addEnd(cell, request));
      if (decision !== undefined) countDecision(subjectOf(request), decision);
    },
    decided(subject) {
      countDecision(subjectOf(subject), subject.decision);
    },
    rated(answer, quality) {
      const { candidate, predicted, propensity } = answer;
      count(answer, candidate, (cell) => cell.rating(quality, predicted, propensity));
    },
    shadowed(answer) {
      const { candidate, costUsd, isAnswered, judgeCostUsd, preference } = answer;
      count(subjectOf(answer), candidate, (cell) => {
        cell.add(isAnswered ? 'shadowAnswers' : 'shadowFailed');
        cell.add('shadowCostUsd', costUsd);
        cell.add('judgeCostUsd', judgeCostUsd);
        if (preference === null) return;
        cell.add('judged');
        cell.add('preferred', preference);
      });
    },
    async read(query) {
      write();
      const { by, group } = query;
      const step = by === 'all' ? stepFor(query, clock()) : by;
      const { seconds } = STEPS[step];
      const from = floorTo(query.from / 1000, seconds);
      const to = Math.max(from, -floorTo(-query.to / 1000, seconds));
      const groups = new Map<string, { at: number; labels: RollupLabels; cell: Cell }>();
      const cube: Cube = group.includes('key') || query.only.key !== undefined ? 1 : 0;
      for await (const { at, cell, labels } of file.read(step, from, to, cube)) {
        const named = labelsOf(labels, cube);
        if (Object.entries(query.only).some(([label, value]) => named[label as RollupLabel] !== value))
          continue;
        const bucket = by === 'all' ? from : at;
        const shown = Object.fromEntries(group.map((label) => [label, named[label] ?? NONE]));
        const id = JSON.stringify([bucket, ...Object.values(shown)]);
        const found = groups.get(id);
        if (found === undefined) groups.set(id, { at: bucket, labels: shown, cell });
        else found.cell.addCell(cell);
      }
      const rows = [...groups.values()].map(({ at, cell, labels }) => cell.row(isoOf(at), labels));
      return { from: isoOf(from), to: isoOf(to), by, group, rows: rows.sort(byTimeAndLabels(group)) };
    },
    async close() {
      clearInterval(ticking);
      write();
      await file.close();
    },
  };

  /** What was expected of who was chosen, and of everybody who was looked at. Of keys it is not told apart who was looked at. */
  function countDecision(subject: ReturnType<typeof subjectOf>, decision: Decision): void {
    const { candidate, predictions, propensities, propensity } = decision;
    count(subject, candidate, (cell) => {
      addExpected(cell, predictions[0], CHOSEN);
      cell.add('inverse', 1 / propensity);
      cell.add('inverseSquared', 1 / propensity ** 2);
      const likeliest = likeliestOf(propensities, candidate);
      if (likeliest === candidate) return;
      cell.add('explored');
      const instead = predictions.find((prediction) => prediction.candidate === likeliest)?.expectedCostUsd;
      cell.add('exploredCostUsd', (predictions[0].expectedCostUsd ?? 0) - (instead ?? 0));
    });
    for (const prediction of predictions)
      count(subject, prediction.candidate, (cell) => addExpected(cell, prediction, LOOKED_AT), [0]);
  }
}

/** Whether a query can be answered: so many buckets, and one of task and key. */
export function objectionToQuery({ by, from, group, only, to }: RollupQuery): string | null {
  if (!(to > from)) return '`to` must be later than `from`.';
  const asked = new Set([...group, ...Object.keys(only)]);
  if (asked.has('task') && asked.has('key'))
    return '`task` and `key` are counted apart: name one of them in `group` and as filters.';
  if (by !== 'all' && (to - from) / 1000 / STEPS[by].seconds > MOST_BUCKETS)
    return `A range may have ${MOST_BUCKETS} buckets at most. Ask for a shorter one, or by a longer step.`;
  return null;
}

const CHOSEN = ['decisions', 'decidedQuality', 'decidedCostUsd', 'decidedUnknownCosts'] as const;
const LOOKED_AT = ['looks', 'consideredQuality', 'consideredCostUsd', 'consideredUnknownCosts'] as const;

function addExpected(
  cell: Cell,
  { expectedCostUsd, successProbability }: Decision['predictions'][number],
  [decisions, quality, costUsd, unknownCosts]: typeof CHOSEN | typeof LOOKED_AT,
): void {
  cell.add(decisions);
  cell.add(quality, successProbability);
  if (expectedCostUsd === null) cell.add(unknownCosts);
  else cell.add(costUsd, expectedCostUsd);
}

function addEnd(cell: Cell, request: EndedRequest): void {
  const { attempts, cachedInputTokens, candidate, code, decision, firstByteMs, state } = request;
  cell.add(state);
  if (code !== null) cell.error(code.slice(0, LONGEST_LABEL));
  if (request.isDegraded) cell.add('degraded');
  if (candidate !== null && decision !== undefined && candidate !== decision.candidate) cell.add('fallbacks');
  cell.add('attempts', attempts.length);
  // The answer that was given is the last one of its candidate.
  const given = attempts.findLast(
    (attempt) => attempt.state === 'answered' && attempt.candidate === candidate,
  );
  for (const attempt of attempts) {
    const { costUsd, inputTokens, outputTokens, retry } = attempt;
    if (retry > 0) cell.add('retries');
    cell.add('costUsd', costUsd ?? 0);
    if (attempt !== given) cell.add('unusedCostUsd', costUsd ?? 0);
    cell.add('inputTokens', inputTokens ?? 0);
    cell.add('outputTokens', outputTokens ?? 0);
  }
  if (attempts.some(({ costUsd }) => costUsd === null)) cell.add('unknownCosts');
  cell.add('cachedInputTokens', cachedInputTokens);
  if (state !== 'answered') return;
  cell.observe('latencyMs', request.latencyMs);
  cell.observe('overheadMs', Math.max(0, request.overheadMs));
  if (firstByteMs !== null) cell.observe('firstByteMs', firstByteMs);
}

function subjectOf({ decision, keyId, router }: Subject) {
  const { task } = decision?.signals ?? {};
  return { router, keyId, version: decision?.artifactId ?? NONE, task: task ?? null };
}

/** Whom a policy that explores would most probably have chosen; of a tie, whom it chose. */
function likeliestOf(propensities: Decision['propensities'], chosen: string): string {
  let likeliest = chosen;
  for (const [candidate, propensity] of Object.entries(propensities ?? {}))
    if (propensity > (propensities?.[likeliest] ?? 0)) likeliest = candidate;
  return likeliest;
}

const minuteOf = (ms: number): number => floorTo(ms / 1000, STEPS.minute.seconds);

const floorTo = (seconds: number, step: number): number => Math.floor(seconds / step) * step;

const idOf = (cube: Cube, [router, version, candidate, last]: CellLabels): string =>
  `${cube}\0${router}\0${version}\0${candidate}\0${last}`;

const isoOf = (seconds: number): string => new Date(1000 * seconds).toISOString();

const cut = (name: string | null): string => name?.slice(0, LONGEST_LABEL) ?? NONE;

function labelsOf([router, version, candidate, last]: CellLabels, cube: Cube): RollupLabels {
  return { router, version, candidate, ...(cube === 0 ? { task: last } : { key: last }) };
}

/** The shortest buckets that are still kept for the whole range, where they are not too many. */
function stepFor({ from, to }: RollupQuery, now: number): StoredStep {
  const steps = ['minute', 'hour', 'day'] as const;
  const fits = ({ keptSeconds, seconds }: (typeof STEPS)[StoredStep]) =>
    from >= now - 1000 * keptSeconds && (to - from) / 1000 / seconds <= MOST_BUCKETS / 2;
  return steps.find((step) => fits(STEPS[step])) ?? 'day';
}

function byTimeAndLabels(group: readonly RollupLabel[]) {
  const labels = ROLLUP_LABELS.filter((label) => group.includes(label));
  return (a: RollupRow, b: RollupRow): number => {
    if (a.at !== b.at) return a.at < b.at ? -1 : 1;
    for (const label of labels)
      if (a[label] !== b[label]) return (a[label] as string) < (b[label] as string) ? -1 : 1;
    return 0;
  };
}
