import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename, join } from 'node:path';
import { Cron } from 'croner';
import { InvalidInputError, PointsmanError } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import type { BuiltArtifact } from '../artifact/build-artifact.ts';
import { checkFence, pruneVersions, takeFence, withRetrainLock } from '../artifact/versions.ts';
import { pointAtVersion, readVersionPointer, writeArtifact } from '../artifact/write-artifact.ts';
import { openEmbedder, type RouterEmbedder } from '../embed/embedders.ts';
import type { IngestProgress } from '../ingest/options.ts';
import { NoFilesError } from '../ingest/read/files.ts';
import { challenge, FEWEST_SCORES } from './challenger.ts';
import {
  nameOf,
  type RetrainOptions,
  type RetrainRun,
  type RunDraft,
  type StoredTraffic,
  withStore,
  writeNightsSpent,
} from './run.ts';
import { openProgress, writeRun } from './run-page.ts';
import type { Alarm } from './watch/drift.ts';
import { describeLack, watchTraffic } from './watch-traffic.ts';

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
  const { config, dryRun = false, isLeased = false, now = () => new Date() } = options;
  const folder = config.router;
  const retrainAlone = async () => {
    const fence = dryRun ? null : await takeFence(folder, isLeased);
    const progress = openProgress(folder, now);
    const told: Told = { ...options, fence, onProgress: both(progress.tell, options.onProgress) };
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
      const result = await run(told, draft);
      if (!dryRun) draft.pruned = await pruneVersions(folder, config.keep, now().getTime());
      return await finish(options, record(result));
    } catch (error) {
      const { message } = error as Error;
      const alarm: Alarm = { kind: 'failed', subject: basename(folder), sentence: message };
      draft.alarms = [...draft.alarms, alarm];
      await finish(options, record({ outcome: 'failed', sentence: `Failed: ${message}` }));
      throw error;
    } finally {
      await progress.close();
    }
  };
  return withRetrainLock(folder, retrainAlone, isLeased);
}

/** @param fence the number that the run may promote by; null where it may not. */
type Told = RetrainOptions & { readonly fence: number | null };

function both<Event>(first: (event: Event) => void, second: ((event: Event) => void) | undefined) {
  return (event: Event) => {
    first(event);
    second?.(event);
  };
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

async function run(options: Told, draft: RunDraft): Promise<Pick<RetrainRun, 'outcome' | 'sentence'>> {
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
  options: Told,
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
  draft.alarms = [...draft.alarms, ...(await forgottenAlarms(folder, draft.champion, trained.sealed))];
  // A refused one is written too, so that its report can be read.
  if (!dryRun) await writeArtifact(folder, trained.sealed, { point: false });
  const note = trained.note === null ? '' : ` ${trained.note}`;
  if (!trained.verdict.passed) return kept(trained.verdict.sentence + note);
  const pointer = await readVersionPointer(folder);
  if (pointer?.withdrawn.includes(version))
    return kept(`${version} was rolled back from. Promote it by hand: npx pointsman rollback --to.`);
  if ((pointer?.version ?? null) !== draft.champion)
    return kept(`${pointer?.version ?? 'no version'} came into use while it was trained.`);
  const { fence } = options;
  if (fence !== null)
    await pointAtVersion(folder, version, async () => {
      await checkFence(folder, fence);
      await writeNightsSpent(folder, { spent: trained.verdict.spent, version, at: now().toISOString() });
    });
  const done = dryRun ? 'Would be promoted' : 'Promoted';
  return { outcome: 'promoted', sentence: trained.verdict.sentence.replace(/^Passed/, done) + note };
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

/** Whom to tell of alarms: a program, an address, a function. */
interface AlertHook {
  readonly command?: readonly string[] | undefined;
  readonly url?: string | undefined;
  readonly call?: ((run: RetrainRun) => void | Promise<void>) | undefined;
}

const PATIENCE_MS = 15_000;

/**
 * Tells of a run with alarms. Whoever is told, the run goes on: what could not be told is given back.
 * @returns what went wrong, null when nothing did
 */
export async function sendAlert(
  { call, command, url }: AlertHook,
  run: RetrainRun,
  fetcher: typeof fetch = fetch,
): Promise<string | null> {
  const text = JSON.stringify({
    router: run.router,
    run: run.id,
    outcome: run.outcome,
    sentence: run.sentence,
    alarms: run.alarms,
  });
  const problems: string[] = [];
  const attempt = async (who: string, tell: () => Promise<void>) => {
    await tell().catch((error: Error) => problems.push(`${who}: ${error.message}`));
  };
  if (call !== undefined) await attempt('function', async () => call(run));
  if (command !== undefined) await attempt(command[0], () => tellCommand(command, text));
  if (url !== undefined) {
    await attempt(new URL(url).host, async () => {
      const response = await fetcher(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: text,
        // What it tells is for this address alone.
        redirect: 'manual',
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`it answered ${response.status}`);
    });
  }
  return problems.length === 0 ? null : problems.join('; ');
}

/** No shell: what the alarms say comes from traffic, and must not be run. */
async function tellCommand([program, ...args]: readonly string[], text: string): Promise<void> {
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'], timeout: PATIENCE_MS });
  // A program that does not read breaks the pipe; its exit code is what counts.
  child.stdin.on('error', () => {});
  child.stdin.end(text);
  const [code, signal] = await once(child, 'exit');
  if (code !== 0) throw new Error(`it ended with ${code === null ? `signal ${signal}` : `code ${code}`}`);
}

export interface ScheduleOptions {
  /** Ends the schedule; a run that is under way ends first. */
  readonly signal: AbortSignal;
  /** IANA name. @default that of the machine */
  readonly timezone?: string;
  /** Told of a run that failed; the schedule goes on. */
  readonly onError?: (error: Error) => void;
  /** Told when the next run is due. */
  readonly onNext?: (next: Date) => void;
}

/**
 * Runs at the times of a cron expression until `signal` says otherwise. Runs never overlap: one that would begin while
 * another is under way is passed over.
 *
 * @param pattern five fields (minute, hour, day, month, weekday), or six with seconds first
 * @throws InvalidInputError where the pattern is none, or never comes, or the time zone is none
 */
export async function scheduleRetrain(
  pattern: string,
  run: () => Promise<unknown>,
  { onError = () => {}, onNext = () => {}, signal, timezone }: ScheduleOptions,
): Promise<void> {
  firstRun(pattern, timezone);
  let running: Promise<unknown> = Promise.resolve();
  let underWay = false;
  const tellNext = (job: Cron) => {
    const next = job.nextRun();
    if (next !== null) onNext(next);
  };
  const job = createJob(pattern, timezone, (self) => {
    // Croner's own protection would make up for a run that was passed over as soon as the one before has ended.
    if (underWay) return;
    underWay = true;
    running = run()
      .catch((error: unknown) => onError(error instanceof Error ? error : new Error(String(error))))
      .then(() => {
        underWay = false;
        if (!signal.aborted) tellNext(self);
      });
  });
  tellNext(job);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
  job.stop();
  await running;
}

/**
 * When a schedule is due first.
 * @throws InvalidInputError where the pattern is none, or never comes, or the time zone is none
 */
export function firstRun(pattern: string, timezone: string | undefined): Date {
  const job = createJob(pattern, timezone, () => {});
  const first = job.nextRun();
  job.stop();
  if (first !== null) return first;
  throw new InvalidInputError(
    `\`schedule\` "${pattern}" never comes. Give one such as "0 3 * * *": every night at three.`,
  );
}

function createJob(pattern: string, timezone: string | undefined, run: (job: Cron) => void): Cron {
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch (cause) {
    throw new InvalidInputError(
      `\`timezone\` must be an IANA name such as "Europe/Berlin". Got "${timezone}".`,
      { cause },
    );
  }
  try {
    return new Cron(pattern, timezone === undefined ? {} : { timezone }, run);
  } catch (cause) {
    throw new InvalidInputError(
      `\`schedule\` must be a cron expression such as "0 3 * * *". Got "${pattern}": ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** An alarm for each candidate that may be chosen now, and that a challenger does not know: it would be lost without a word. */
async function forgottenAlarms(
  folder: string,
  champion: string | null,
  challenger: BuiltArtifact,
): Promise<Alarm[]> {
  if (champion === null) return [];
  const { manifest } = await readArtifactFolder(join(folder, champion));
  const known = challenger.manifest.candidates.map(({ name }) => name);
  return manifest.candidates
    .filter(({ name, retired }) => retired !== true && !known.includes(name))
    .map(({ name }) => ({
      kind: 'candidate',
      subject: name,
      sentence:
        `${name} is not known to the challenger: of its answers fewer than ${FEWEST_SCORES} have a score to learn from. ` +
        'Where the challenger comes into use, nothing goes to it any more. Let some of the traffic go to it, or put the probes that it was added with among the logs.',
    }));
}
