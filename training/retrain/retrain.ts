import { basename } from 'node:path';
import { InvalidInputError, PointsmanError } from 'pointsman';
import { pointAtVersion, readVersionPointer } from '../artifact/version-pointer.ts';
import { writeArtifact } from '../artifact/write-artifact.ts';
import type { Alarm } from '../drift/alarm.ts';
import type { IngestProgress } from '../ingest/options.ts';
import { NoFilesError } from '../outcomes/source-files.ts';
import { openEmbedder, type RouterEmbedder } from '../pipeline/router-embedder.ts';
import { pruneVersions } from '../versions/prune-versions.ts';
import { withRetrainLock } from '../versions/retrain-lock.ts';
import { challenge } from './challenger.ts';
import { writeNightsSpent } from './nights-spent.ts';
import { describeLack } from './part-traffic.ts';
import type { RetrainOptions } from './retrain-options.ts';
import type { RetrainRun, RunDraft } from './retrain-run.ts';
import { nameOf, type StoredTraffic, withStore } from './run.ts';
import { sendAlert } from './send-alert.ts';
import { watchTraffic } from './watch-traffic.ts';
import { writeRun } from './write-run.ts';

/**
 * One retraining: new logs into the outcomes table, what is not to be trusted into quarantine, a challenger from the older
 * rows, the gate on the newest, and then it is promoted or the champion is kept. A run that fails changes nothing
 * that routes. Every run leaves a record and a page in `runs/` of the router's folder.
 *
 * @throws RouterBusyError where another retraining is at it; whatever stopped it, after it was recorded as failed.
 * @example
 * const run = await retrain({ config: parseRetrainConfig({ router: 'models/support', logs: { files: ['logs/*.jsonl'] } }) });
 * run.outcome; // 'promoted' or 'kept'
 */
export async function retrain(options: RetrainOptions): Promise<RetrainRun> {
  const { config, dryRun = false, now = () => new Date() } = options;
  const folder = config.router;
  return withRetrainLock(folder, async () => {
    const started = performance.now();
    const at = now().toISOString();
    const draft: RunDraft = { ...EMPTY, champion: (await readVersionPointer(folder))?.version ?? null };
    const record = (rest: Pick<RetrainRun, 'outcome' | 'sentence'>): RetrainRun => ({
      schemaVersion: 1,
      id: at.replace(/[-:.]/g, ''),
      startedAt: at,
      router: nameOf(config.router, config.name),
      dryRun,
      ...draft,
      ...rest,
      durationMs: Math.round(performance.now() - started),
      alertProblem: null,
    });
    try {
      const result = await run(options, draft);
      if (!dryRun) draft.pruned = await pruneVersions(folder, config.keep, now().getTime());
      return await finish(options, record(result));
    } catch (error) {
      const { message } = error as Error;
      const alarm: Alarm = { kind: 'failed', subject: basename(folder), sentence: message };
      draft.alarms = [...draft.alarms, alarm];
      await finish(options, record({ outcome: 'failed', sentence: `Failed: ${message}` }));
      throw error;
    }
  });
}

const EMPTY: RunDraft = {
  champion: null,
  challenger: null,
  traffic: null,
  screened: [],
  drift: null,
  restated: [],
  gate: null,
  alarms: [],
  pruned: [],
};

async function run(
  options: RetrainOptions,
  draft: RunDraft,
): Promise<Pick<RetrainRun, 'outcome' | 'sentence'>> {
  const { config, dryRun = false, onProgress = () => {} } = options;
  // First, since a missing key or package should not be found out after a long reading.
  const embedder = options.embedder ?? (await openEmbedder(config.train.embedder));
  const onRead = (progress: IngestProgress) => onProgress({ kind: 'read', ...progress });
  const { memoryLimitMb, temporaryFolder } = options;
  const reading = { ...config, scratch: { memoryLimitMb, temporaryFolder } };
  return withStore(reading, !dryRun, onRead, (stored) => learn(options, draft, embedder, stored)).catch(
    (error: unknown) => {
      // A night before the first log, or after one without any: there is nothing to do yet.
      if (error instanceof NoFilesError) return kept(`there is no log to learn from. ${error.message}`);
      throw error;
    },
  );
}

/** What is made of what the store and the logs hold. */
async function learn(
  options: RetrainOptions,
  draft: RunDraft,
  embedder: RouterEmbedder,
  stored: StoredTraffic,
): Promise<Pick<RetrainRun, 'outcome' | 'sentence'>> {
  const { config, dryRun = false, now = () => new Date() } = options;
  const folder = config.router;
  const name = nameOf(folder, config.name);
  const watched = await watchTraffic({
    options,
    stored,
    embedder,
    champion: draft.champion,
    at: now().toISOString(),
  });
  Object.assign(draft, watched.found);
  const { matrix } = watched;
  const lack = watched.found.traffic && describeLack(matrix, watched, watched.found.traffic, config.traffic);
  if (lack !== null) return kept(lack);
  const challenger = await challenge({ options, name, embedder, stored, watched }).catch((error: unknown) => {
    // Too little traffic is no failure: there is nothing to do yet.
    if (error instanceof InvalidInputError) return error;
    throw error;
  });
  if (challenger instanceof PointsmanError) return kept(`there is no challenger: ${challenger.message}`);
  const { trained, version } = challenger;
  draft.challenger = version;
  if (trained === null)
    return kept('nothing is new: the version in use was made of this very traffic, by this config.');
  draft.gate = trained.verdict;
  // A refused one is written too, so that its report can be read.
  if (!dryRun) await writeArtifact(folder, trained.sealed, { point: false });
  if (!trained.verdict.passed) return kept(trained.verdict.sentence);
  const pointer = await readVersionPointer(folder);
  if (pointer?.withdrawn.includes(version))
    return kept(`${version} was rolled back from. Promote it by hand: npx pointsman rollback --to.`);
  if ((pointer?.version ?? null) !== draft.champion)
    return kept(`${pointer?.version ?? 'no version'} came into use while it was trained.`);
  if (!dryRun) {
    await writeNightsSpent(folder, { spent: trained.verdict.spent, version, at: now().toISOString() });
    await pointAtVersion(folder, version);
  }
  const done = dryRun ? 'Would be promoted' : 'Promoted';
  return { outcome: 'promoted', sentence: trained.verdict.sentence.replace(/^Passed/, done) };
}

function kept(why: string): Pick<RetrainRun, 'outcome' | 'sentence'> {
  return { outcome: 'kept', sentence: why.startsWith('Refused') ? why : `Kept: ${why}` };
}

/** Tells whoever is to be told, and writes the record. */
async function finish({ config, dryRun, onAlert }: RetrainOptions, done: RetrainRun): Promise<RetrainRun> {
  const alertProblem =
    done.alarms.length === 0 || dryRun ? null : await sendAlert({ ...config.alert, call: onAlert }, done);
  const recorded = { ...done, alertProblem };
  await writeRun(config.router, recorded);
  return recorded;
}
