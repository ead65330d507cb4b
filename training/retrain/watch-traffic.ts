import { join } from 'node:path';
import type { Artifact } from 'pointsman';
import type { Manifest } from 'pointsman/artifact';
import { readArtifactFolder } from 'pointsman/node';
import type { Alarm } from '../drift/alarm.ts';
import { DAY_MS, dayName, dayOf, type ScoredTraffic } from '../drift/scored-traffic.ts';
import type { Matrix } from '../head/matrix.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { takeCells, takeRows } from '../outcomes/take-rows.ts';
import { alignCandidates } from '../pipeline/align-candidates.ts';
import type { RouterEmbedder } from '../pipeline/router-embedder.ts';
import { groupPrompts } from '../split/prompt-groups.ts';
import { embedPrompts } from '../train/embed-prompts.ts';
import { plural } from '../words/format-number.ts';
import { workPart } from '../work/private-folder.ts';
import type { RetrainConfig } from './config.ts';
import { type PartedTraffic, partTraffic, scoredRows } from './part-traffic.ts';
import { restateChanged } from './restate-changed.ts';
import type { RetrainOptions } from './retrain-options.ts';
import type { RunDraft } from './retrain-run.ts';
import type { StoredTraffic } from './run.ts';
import { loadToJudge, scoreTraffic } from './score-traffic.ts';
import { type DriftReport, findDrift } from './watch/drift.ts';
import {
  batchesToScreen,
  quarantinedBatches,
  readQuarantine,
  remember,
  sourcesBelieved,
  writeQuarantine,
} from './watch/quarantine.ts';
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
  readonly judge: Int32Array;
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
    config.traffic.learnDays + config.traffic.judgeDays,
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

  const parted = partTraffic(matrix, groups, trusted, config.traffic);
  const drift = champion && lookForDrift(config, champion, groups, embeddings, parted, trusted);
  const { restated, matrix: current } =
    champion === null || drift === null || !config.drift.restate
      ? { restated: [], matrix }
      : restateChanged(matrix, groups, parted.learn, champion, drift.candidates);
  return {
    matrix: current,
    groups,
    embeddings,
    learn: parted.learn,
    judge: parted.judge,
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
        judge: parted.judge.length,
        quarantined: scored.filter((row) => !trusted(row)).length,
        repeats: parted.repeats,
        undated: parted.undated,
        future: future.length,
        older: older.length,
        learnDays: daysOf(matrix, parted.learn),
        judgeDays: daysOf(matrix, parted.judge),
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
    recent: takeRows(matrix, rows),
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
  const router = await loadToJudge(folder, same ? { embedder: embedder.embedder } : {});
  return scoreTraffic(router, matrix, same ? embeddings : null);
}

function lookForDrift(
  { drift, train }: RetrainConfig,
  { chosen, costUsd, latencyMs, matrix, success }: ScoredTraffic,
  groups: Int32Array,
  embeddings: Matrix,
  { learn, newest }: PartedTraffic,
  trusted: (row: number) => boolean,
): DriftReport {
  const { restate, sample, ...thresholds } = drift;
  const rows = Int32Array.from(matrix.prompts.keys()).filter(trusted);
  const numberOf = new Map(Array.from(rows, (row, i) => [row, i]));
  const renumber = (some: Int32Array) => some.map((row) => numberOf.get(row)!);
  const take = (cells: Float64Array) => takeCells(cells, matrix.candidates.length, rows);
  return findDrift(
    {
      matrix: takeRows(matrix, rows),
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
