import { join } from 'node:path';
import type { Artifact, Manifest } from 'pointsman';
import { largest, smallest } from 'pointsman/internal';
import { readArtifactFolder } from 'pointsman/node';
import { embedPrompts } from '../embed/embed.ts';
import type { RouterEmbedder } from '../embed/embedders.ts';
import type { Matrix } from '../fit/rows.ts';
import { FEWEST_IN_SPLIT, FEWEST_PROMPTS } from '../ingest/report.ts';
import { type OutcomeMatrix, takeCells, takePrompts } from '../outcomes/matrix.ts';
import { groupPrompts } from '../split/split.ts';
import { alignCandidates } from '../train/evaluate-router.ts';
import { formatCount, plural } from '../words.ts';
import { workPart } from '../work/run-folder.ts';
import type { RetrainConfig } from './config.ts';
import {
  type RetrainOptions,
  type RunDraft,
  type RunTraffic,
  rescaleChanged,
  type StoredTraffic,
} from './run.ts';
import {
  batchesToScreen,
  quarantinedBatches,
  readQuarantine,
  remember,
  sourcesBelieved,
  writeQuarantine,
} from './watch/batches.ts';
import {
  DAY_MS,
  dayName,
  dayOf,
  loadForGate,
  type ScoredTraffic,
  scoreTraffic,
} from './watch/candidate-shifts.ts';
import { type Alarm, type DriftReport, findDrift } from './watch/drift.ts';
import { batchesOf, screenBatches } from './watch/screen.ts';

interface WatchInput {
  readonly options: RetrainOptions;
  readonly stored: StoredTraffic;
  readonly embedder: RouterEmbedder;
  /** Version in use; null where there is none. */
  readonly champion: string | null;
  /** ISO 8601. */
  readonly at: string;
}

/** Traffic that was looked through, and parted into what teaches and what judges. */
export interface WatchedTraffic {
  /** Of the days that matter, candidates those of traffic and champion; outcomes of changed candidates restated. */
  readonly matrix: OutcomeMatrix;
  readonly groups: Int32Array;
  /** By the embedder of the config: `[prompts, dimensions]`. */
  readonly embeddings: Matrix;
  readonly learn: Int32Array;
  readonly holdout: Int32Array;
  /** What the champion says of it; null where there is none. */
  readonly champion: ScoredTraffic | null;
  readonly championVersion: string | null;
  readonly championProvenance: Manifest['provenance'] | null;
  readonly championPolicy: unknown;
  readonly found: Pick<RunDraft, 'traffic' | 'screened' | 'drift' | 'restated' | 'alarms'>;
}

/** Screens new batches, looks for drift, and parts what is left by time. */
export async function watchTraffic(input: WatchInput): Promise<WatchedTraffic> {
  const { options, stored, embedder, at } = input;
  const { config, dryRun = false, onProgress = () => {} } = options;
  const folder = config.router;
  const { future, older, recent } = recentRows(
    stored.matrix,
    config.traffic.learnDays + config.traffic.holdoutDays,
    Date.parse(at),
  );
  const artifact = input.champion === null ? null : await readArtifactFolder(join(folder, input.champion));
  const names = new Set([
    ...recent.candidates,
    ...(artifact?.manifest.candidates.map(({ name }) => name) ?? []),
  ]);
  const matrix = alignCandidates(recent, [...names].sort());
  const { groups } = groupPrompts(matrix);
  const embeddings = await embedPrompts(matrix, embedder.embedder, {
    cacheFolder: await workPart(config.work, 'embeddings'),
    onProgress: (progress) => onProgress({ kind: 'embed', ...progress }),
  });
  onProgress({ kind: 'step', what: 'asking the champion', folds: null });
  const champion = artifact && (await askChampion(input, artifact, matrix, embeddings));

  const batches = batchesOf(matrix);
  const scored = scoredRows(matrix);
  const rows = new Map<string, number>();
  for (const row of scored) rows.set(batches[row], (rows.get(batches[row]) ?? 0) + 1);
  const before = await readQuarantine(folder);
  const { enabled, fewestPrompts, z } = config.screening;
  const screened = enabled
    ? screenBatches(
        champion ?? unscored(matrix),
        groups,
        batchesToScreen(before, rows, fewestPrompts),
        quarantinedBatches(before),
        { fewestRows: fewestPrompts, z, believedSince: sourcesBelieved(before) },
      )
    : [];
  const quarantine = remember(before, rows, screened, at, future.length);
  if (!dryRun && enabled) await writeQuarantine(folder, quarantine);
  const distrusted = enabled ? quarantinedBatches(quarantine) : new Set<string>();
  const trusted = (row: number) => !distrusted.has(batches[row]);

  const parted = splitTraffic(matrix, groups, trusted, config.traffic);
  const drift = champion && lookForDrift(config, champion, groups, embeddings, parted, trusted);
  const { restated, matrix: current } =
    champion === null || drift === null || !config.drift.restate
      ? { restated: [], matrix }
      : rescaleChanged(matrix, groups, parted.learn, champion, drift.candidates);
  return {
    matrix: current,
    groups,
    embeddings,
    learn: parted.learn,
    holdout: parted.holdout,
    champion,
    championVersion: input.champion,
    championProvenance: artifact?.manifest.provenance ?? null,
    championPolicy: artifact?.manifest.policy ?? null,
    found: {
      screened,
      drift,
      restated,
      alarms: [
        ...screened.flatMap(quarantineAlarm),
        ...(future.length > before.future ? [futureAlarm(stored.matrix, future, at)] : []),
        ...(drift?.alarms ?? []),
      ],
      traffic: {
        rowsInStore: stored.rowsInStore,
        rowsAdded: stored.rowsAdded,
        fingerprint: stored.fingerprint,
        learn: parted.learn.length,
        holdout: parted.holdout.length,
        quarantined: scored.filter((row) => !trusted(row)).length,
        repeats: parted.repeats,
        undated: parted.undated,
        future: future.length,
        older: older.length,
        learnDays: daysOf(matrix, parted.learn),
        holdoutDays: daysOf(matrix, parted.holdout),
      },
    },
  };
}

/** Clocks of those who write logs may be ahead by this much. */
const AHEAD_MS = 3_600_000;

/**
 * Prompts of the newest days, and those without a time, which are counted. What is dated in the future is set aside until
 * then: the days that teach and judge would be empty up to it.
 *
 * @returns the rows of the others, that have a quality.
 */
function recentRows(matrix: OutcomeMatrix, days: number, nowMs: number) {
  const { prompts } = matrix;
  const isFuture = (row: number) => (prompts[row].timestampMs ?? nowMs) > nowMs + AHEAD_MS;
  let newest = Number.NEGATIVE_INFINITY;
  for (const [row, { timestampMs }] of prompts.entries())
    if (!isFuture(row)) newest = Math.max(newest, timestampMs ?? newest);
  const since = newest - (days + 1) * DAY_MS;
  const isOlder = (row: number) => (prompts[row].timestampMs ?? newest) < since;
  const scored = scoredRows(matrix);
  const rows = Array.from(prompts.keys()).filter((row) => !isFuture(row) && !isOlder(row));
  return {
    recent: takePrompts(matrix, rows),
    future: scored.filter(isFuture),
    older: scored.filter((row) => !isFuture(row) && isOlder(row)),
  };
}

function futureAlarm({ prompts }: OutcomeMatrix, rows: Int32Array, at: string): Alarm {
  const last = prompts[rows[rows.length - 1]];
  const sources = [...new Set(Array.from(rows, (row) => prompts[row].source))];
  const named = sources.slice(0, MOST_NAMED).join(', ') + (sources.length > MOST_NAMED ? ', ...' : '');
  return {
    kind: 'future',
    subject: last.requestId,
    sentence:
      `${rows.length} prompts are dated after this run (${at}), the last on ${dayName(dayOf(last.timestampMs))} ` +
      `(${last.requestId}). They are set aside until then. Look at the clock, or the time zone, of ${named}.`,
  };
}
const MOST_NAMED = 5;

async function askChampion(
  { champion, embedder, options }: WatchInput,
  { manifest }: Artifact,
  matrix: OutcomeMatrix,
  embeddings: Matrix,
): Promise<ScoredTraffic> {
  const folder = join(options.config.router, champion!);
  const same = manifest.embedder.id === embedder.embedder.id;
  const router = await loadForGate(folder, same ? { embedder: embedder.embedder } : {});
  return scoreTraffic(router, matrix, same ? embeddings : null);
}

function lookForDrift(
  { drift, train }: RetrainConfig,
  { chosen, costUsd, latencyMs, matrix, success }: ScoredTraffic,
  groups: Int32Array,
  embeddings: Matrix,
  { learn, newest }: TrafficSplit,
  trusted: (row: number) => boolean,
): DriftReport {
  const { restate, sample, ...thresholds } = drift;
  const rows = Int32Array.from(matrix.prompts.keys()).filter(trusted);
  const numberOf = new Map(Array.from(rows, (row, i) => [row, i]));
  const renumber = (some: Int32Array) => some.map((row) => numberOf.get(row)!);
  const take = (cells: Float64Array) => takeCells(cells, matrix.candidates.length, rows);
  return findDrift(
    {
      matrix: takePrompts(matrix, rows),
      success: take(success),
      costUsd: take(costUsd),
      latencyMs: take(latencyMs),
      chosen: rows.map((row) => chosen[row]),
    },
    rows.map((row) => groups[row]),
    renumber(newest),
    renumber(learn),
    { values: takeCells(embeddings.values, embeddings.columns, rows), columns: embeddings.columns },
    { ...thresholds, rows: sample, seed: train.seed },
  );
}

/** Traffic that no router has an opinion of. */
function unscored(matrix: OutcomeMatrix): ScoredTraffic {
  const nothing = () => new Float64Array(matrix.quality.length).fill(Number.NaN);
  return {
    matrix,
    success: nothing(),
    costUsd: nothing(),
    latencyMs: nothing(),
    chosen: new Int32Array(matrix.prompts.length),
  };
}

function quarantineAlarm({ batch, rows, suspicions }: RunDraft['screened'][number]): Alarm[] {
  if (suspicions.length === 0) return [];
  const why = suspicions.map(({ sentence }) => sentence).join('; ');
  return [
    {
      kind: 'quarantine',
      subject: batch,
      sentence: `The ${plural(rows, 'prompt')} of ${batch}, in quarantine, are neither learned from nor judged by: ${why}.`,
    },
  ];
}

function daysOf({ prompts }: OutcomeMatrix, rows: Int32Array): readonly [string, string] | null {
  if (rows.length === 0) return null;
  const name = (row: number) => dayName(dayOf(prompts[row].timestampMs));
  return [name(rows[0]), name(rows[rows.length - 1])];
}

interface SplitTrafficOptions {
  readonly learnDays: number;
  readonly learnPrompts: number;
  readonly holdoutDays: number;
  readonly holdoutPrompts: number;
}

/** Prompts of the matrix by what they are for; ascending, so by time. */
interface TrafficSplit {
  readonly learn: Int32Array;
  readonly holdout: Int32Array;
  /** All of the days that judge, near-duplicates of what is learned from among them. */
  readonly newest: Int32Array;
  /** Of the days that judge, but near-duplicates of what is learned from. */
  readonly repeats: number;
  readonly undated: number;
}

/**
 * The newest days judge, those before teach. A day is of one kind only, so that no batch both teaches and judges; near-duplicates
 * of what is learned from do not judge. Of traffic without a quality nothing can be said.
 *
 * @param usable prompts that are trusted: `[prompts]` @param groups near-duplicate group of each prompt
 */
export function splitTraffic(
  matrix: OutcomeMatrix,
  groups: Int32Array,
  usable: (row: number) => boolean,
  { holdoutDays, holdoutPrompts, learnDays, learnPrompts }: SplitTrafficOptions,
): TrafficSplit {
  const { prompts } = matrix;
  const scored = scoredRows(matrix).filter(usable);
  const dated = scored.filter((row) => prompts[row].timestampMs !== null);
  const day = (row: number) => dayOf(prompts[row].timestampMs);
  const perDay = new Map<number, number>();
  for (const row of dated) perDay.set(day(row), (perDay.get(day(row)) ?? 0) + 1);
  const days = [...perDay.keys()].sort((a, b) => b - a);
  let first = Number.POSITIVE_INFINITY;
  let judging = 0;
  for (const one of days) {
    if (one <= days[0] - holdoutDays && judging >= holdoutPrompts) break;
    first = one;
    judging += perDay.get(one)!;
  }
  const learn = dated.filter((row) => day(row) < first && day(row) >= first - learnDays).slice(-learnPrompts);
  const learned = new Set(Array.from(learn, (row) => groups[row]));
  const newest = dated.filter((row) => day(row) >= first);
  const holdout = newest.filter((row) => !learned.has(groups[row]));
  return {
    learn,
    holdout,
    newest,
    repeats: newest.length - holdout.length,
    undated: scored.length - dated.length,
  };
}

/**
 * Which window has too few prompts to train and judge a challenger, and when there will be enough if traffic goes on as it does;
 * null where both have. A sentence without its beginning: "Kept: ...".
 *
 * @param traffic prompts with a quality that are set aside, counted by why
 */
export function describeLack(
  matrix: OutcomeMatrix,
  { holdout, learn }: Pick<TrafficSplit, 'holdout' | 'learn'>,
  traffic: Pick<RunTraffic, 'future' | 'quarantined' | 'repeats' | 'undated'>,
  { holdoutDays, holdoutPrompts, learnDays }: SplitTrafficOptions,
): string | null {
  if (learn.length >= FEWEST_PROMPTS && holdout.length >= FEWEST_IN_SPLIT) return null;
  const { prompts } = matrix;
  const dated = [...learn, ...holdout];
  const aside = [
    [traffic.undated, 'have no timestamp'],
    [traffic.future, 'are dated after this run'],
    [traffic.quarantined, 'are in quarantine'],
    [traffic.repeats, 'repeat what is learned from'],
  ].flatMap(([count, why]) => ((count as number) > 0 ? [`${formatCount(count as number)} ${why}`] : []));
  const apart = aside.length === 0 ? '' : ` Besides, ${aside.join(', ')}.`;
  if (dated.length === 0) {
    const none =
      scoredRows(matrix).length === 0
        ? `none of ${formatCount(prompts.length)} prompts has a quality yet: it comes with the log, or by feedback`
        : 'no prompt with a quality can be used yet';
    return `there is nothing to learn from: ${none}.${apart}`;
  }
  const days = dated.map((row) => dayOf(prompts[row].timestampMs));
  const [first, last] = [smallest(days), largest(days)];
  const perDay = dated.length / (last - first + 1);
  const span = first === last ? dayName(first) : `${dayName(first)} to ${dayName(last)}`;
  const rate = `At ${formatCount(Math.max(1, Math.round(perDay)))} prompts with a quality a day`;
  if (learn.length >= FEWEST_PROMPTS) {
    return (
      `the newest days, which judge, have ${holdout.length} prompts with a quality, and ${FEWEST_IN_SPLIT} are the fewest that can.${apart} ` +
      `${rate} there are enough on ${dayName(last + 1)}.`
    );
  }
  const has = learn.length === 0 ? 'no prompts' : `${learn.length} prompts`;
  const why =
    `the days that teach have ${has} with a quality, and ${FEWEST_PROMPTS} are the fewest that can: the newest ${holdoutDays} days judge, and more until ` +
    `there are ${formatCount(holdoutPrompts)} prompts; there are ${formatCount(dated.length)} in all, of ${span}.${apart}`;
  if (perDay * learnDays < FEWEST_PROMPTS)
    return `${why} ${rate} ${learnDays} days are too few: raise \`traffic.learnDays\`.`;
  const judging = Math.max(holdoutDays, Math.ceil(holdoutPrompts / perDay));
  const when = Math.max(last + 1, first + judging + Math.ceil(FEWEST_PROMPTS / perDay) - 1);
  return `${why} ${rate} there will be enough about ${dayName(when)}; fewer \`traffic.holdoutDays\` or \`holdoutPrompts\` would do sooner.`;
}

/** Prompts with at least one quality, ascending. */
function scoredRows({ candidates, prompts, quality }: OutcomeMatrix): Int32Array {
  const columns = candidates.length;
  return Int32Array.from(prompts.keys()).filter((row) =>
    quality.subarray(row * columns, (row + 1) * columns).some((value) => !Number.isNaN(value)),
  );
}
