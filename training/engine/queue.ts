import type { ConnectionOptions, Job as Entry } from 'bullmq';
import type { Redis } from 'ioredis';
import { InvalidInputError, MissingPackageError, PointsmanError } from 'pointsman';
import {
  type Engine,
  type Job,
  JobCounter,
  type JobRunner,
  type JobTime,
  jobKey,
  type Release,
  ReleaseMismatchError,
  type RunOptions,
  runJob,
  type ShardStore,
  type Steps,
  stepFailed,
} from './engine.ts';
import { EngineError } from './objects.ts';

export interface QueueEngineOptions {
  /** Of Redis. */
  readonly url: string;
  readonly store: ShardStore;
  readonly steps: Steps;
  readonly release: Release;
  /** Jobs that are in the queue at a time. @default 1000 */
  readonly window?: number;
  /** How often it is looked whether what is not done yet is still in the queue, in milliseconds. @default 2000 */
  readonly lookMs?: number;
  /** Told that jobs wait and there is no worker, once until there is one. */
  readonly onNobody?: () => void;
}

/** How often a job is tried again that failed for a reason that may pass. */
const ATTEMPTS = 3;

/**
 * Runs jobs on the workers of a queue of BullMQ. What is done is what the store says is done; the queue only tells of it sooner.
 * So a queue that forgets (a Redis that was restarted from an older state) costs time alone: what is in neither is queued again.
 *
 * @throws EngineError where Redis does not answer; MissingPackageError
 */
export async function openQueueEngine(options: QueueEngineOptions): Promise<Engine> {
  const { lookMs = 2000, onNobody = () => {}, release, steps, store, url, window = 1000 } = options;
  const { bullmq, connection } = await openQueue(url);
  const queue = new bullmq.Queue<QueuedJob>(QUEUE, { connection });
  const events = new bullmq.QueueEvents(QUEUE, { connection });
  // That Redis is away for a while is no failure of the run.
  queue.on('error', () => {});
  events.on('error', () => {});

  async function run(
    jobs: readonly Job[],
    { onProgress, signal }: RunOptions = {},
  ): Promise<readonly (readonly string[])[]> {
    const counter = new JobCounter(jobs, onProgress);
    const outputs: (readonly string[])[] = [];
    /** Places of jobs that are in the queue, by key: equal jobs are one. */
    const waiting = new Map<string, number[]>();
    const next = jobs.entries();
    const keys = jobs.map((job) => jobKey(job, steps, release));

    const settle = async (key: string, wasKnown: boolean): Promise<boolean> => {
      const made = await store.outputsOf(key);
      const places = waiting.get(key);
      if (made === null || places === undefined) return made !== null;
      waiting.delete(key);
      for (const at of places) {
        outputs[at] = made;
        counter.add(wasKnown);
      }
      return true;
    };
    const fill = async (): Promise<void> => {
      const added: string[] = [];
      while (waiting.size < window) {
        const { done, value } = next.next();
        if (done === true) break;
        const [at] = value;
        const places = waiting.get(keys[at]);
        if (places !== undefined) places.push(at);
        else {
          waiting.set(keys[at], [at]);
          if (await settle(keys[at], true)) continue;
          // One that an earlier run gave up would stand in the way of its own repetition.
          const old = await queue.getJob(keys[at]);
          if ((await old?.isFailed()) === true) await old?.remove();
          added.push(keys[at]);
        }
      }
      await enqueue(added);
    };
    const enqueue = async (added: readonly string[]): Promise<void> => {
      if (added.length === 0) return;
      await queue.addBulk(
        added.map((key) => {
          const job = jobs[waiting.get(key)![0]];
          const opts = {
            jobId: key,
            attempts: ATTEMPTS,
            backoff: { type: 'fixed', delay: 1000 },
            removeOnComplete: true,
          };
          return { name: job.step, data: { job, release }, opts };
        }),
      );
    };
    /** Looks after each job that is not done: done meanwhile, failed, or forgotten. */
    const lookAfter = async (): Promise<void> => {
      const workers = await queue.getWorkersCount();
      if (workers === 0 && counter.workers !== 0) onNobody();
      counter.workers = workers;
      const lost: string[] = [];
      for (const [key, [at]] of [...waiting]) {
        if (await settle(key, false)) continue;
        const entry = await queue.getJob(key);
        // Between the two it may have been done.
        if (entry === undefined) {
          if (!(await settle(key, false))) lost.push(key);
        } else if (await entry.isFailed()) throw failureOf(entry, jobs[at]);
      }
      await enqueue(lost);
      counter.tell();
    };
    return new Promise((resolve, reject) => {
      let isOver = false;
      let turn: Promise<void> = Promise.resolve();
      const end = (finish: () => void): void => {
        if (isOver) return;
        isOver = true;
        clearInterval(timer);
        events.off('completed', onCompleted).off('failed', onFailed);
        signal?.removeEventListener('abort', onAbort);
        finish();
      };
      /** One thing after the other, since each looks at what is waiting. */
      const then = (work: () => Promise<unknown>): void => {
        turn = turn
          .then(async () => {
            if (isOver) return;
            await work();
            await fill();
            if (waiting.size === 0) end(() => resolve(outputs));
          })
          .catch((error) => end(() => reject(error)));
      };
      const onCompleted = ({ jobId }: { readonly jobId: string }): void => {
        if (waiting.has(jobId)) then(() => settle(jobId, false));
      };
      const onFailed = ({ jobId }: { readonly jobId: string }): void => {
        if (waiting.has(jobId)) then(lookAfter);
      };
      const onAbort = (): void => {
        const keysLeft = [...waiting.keys()];
        end(() => {
          // What a worker has begun ends by itself.
          const removed = keysLeft.map((key) => queue.remove(key).catch(() => {}));
          void Promise.all(removed).then(() => reject(signal?.reason));
        });
      };
      const timer = setInterval(() => then(lookAfter), lookMs);
      events.on('completed', onCompleted).on('failed', onFailed);
      if (signal?.aborted === true) return onAbort();
      signal?.addEventListener('abort', onAbort);
      counter.tell();
      then(async () => {});
    });
  }

  return {
    store,
    run,
    async close() {
      await closeAll([queue, events]);
    },
  };
}

/** Why a job failed for good, as the step said it where that was for the user. */
function failureOf({ failedReason }: Entry<QueuedJob>, job: Job): Error {
  return readFailure(failedReason) ?? stepFailed(job, failedReason);
}

/** What a worker tells of. */
export type WorkerEvent =
  | { readonly kind: 'ready' }
  | { readonly kind: 'begun'; readonly step: string; readonly job: string }
  /** `time` is null where the job had been done before. */
  | { readonly kind: 'done'; readonly step: string; readonly job: string; readonly time: JobTime | null }
  | { readonly kind: 'failed'; readonly step: string; readonly job: string; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Redis has gone, or is there again. */
  | { readonly kind: 'away'; readonly reason: string }
  | { readonly kind: 'back' };

export interface WorkerOptions extends JobRunner {
  /** Of Redis. */
  readonly url: string;
  readonly onEvent?: (event: WorkerEvent) => void;
  /**
   * How long a job stays with a worker that says nothing, in milliseconds; then another may have it. @default 15,000
   */
  readonly lockMs?: number;
  /** How often a job may take its worker down with it before it is given up. @default 25 */
  readonly mostStalls?: number;
}

export interface RunningWorker {
  /** Resolves when it has ended because it was closed. Rejects where it does not take part any more. */
  readonly ended: Promise<void>;
  /** Ends it when the job that it has is done. */
  close(): Promise<void>;
}

/** How soon a job that a worker would not take is offered to the others. */
const OFFER_AGAIN_MS = 500;

/**
 * Takes jobs from a queue and does them, one at a time, until it is closed. It needs nothing of the machine that the run was
 * started on but the store. One of another release gives its job back, and ends.
 *
 * @throws EngineError where Redis does not answer; MissingPackageError
 */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { lockMs = 15_000, mostStalls = 25, onEvent = () => {}, url } = options;
  const { bullmq, connection } = await openQueue(url);
  let isAway = false;
  let refuse: (error: Error) => void = () => {};
  let resolveEnded: () => void = () => {};
  const ended = new Promise<void>((resolve, reject) => {
    resolveEnded = resolve;
    refuse = reject;
  });
  // Whoever starts it may look at this later.
  ended.catch(() => {});
  const worker = new bullmq.Worker<QueuedJob>(
    QUEUE,
    async (entry, token) => {
      const { release, job } = entry.data;
      const named = { step: job.step, job: String(entry.id).slice(0, 16) };
      onEvent({ kind: 'begun', ...named });
      try {
        const { time } = await runJob(job, options, release);
        onEvent({ kind: 'done', ...named, time });
      } catch (error) {
        const reason = (error as Error).message;
        if (error instanceof ReleaseMismatchError) {
          onEvent({ kind: 'refused', reason });
          await entry.moveToDelayed(Date.now() + OFFER_AGAIN_MS, token);
          void leave(error);
          throw new bullmq.DelayedError();
        }
        onEvent({ kind: 'failed', ...named, reason });
        if (!(error instanceof PointsmanError)) throw error;
        const said = writeFailure(error);
        // What is wrong with a shard stays wrong.
        throw FOR_A_WHILE.has(error.code) ? new Error(said) : new bullmq.UnrecoverableError(said);
      }
    },
    {
      connection,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      maxStalledCount: mostStalls,
      runRetryDelay: 1000,
      drainDelay: 2,
    },
  );
  worker.on('error', (error: NodeJS.ErrnoException) => {
    // A job that another worker has by now is none of ours any more.
    if (error.code === undefined && !/connection/i.test(error.message)) return;
    if (!isAway) onEvent({ kind: 'away', reason: error.message });
    isAway = true;
  });
  worker.on('ready', () => onEvent({ kind: 'ready' }));
  worker.on('active', () => {
    if (isAway) onEvent({ kind: 'back' });
    isAway = false;
  });
  async function leave(error: Error): Promise<void> {
    await closeAll([worker]);
    refuse(error);
  }
  return {
    ended,
    async close() {
      await worker.close();
      resolveEnded();
    },
  };
}

/** Codes of errors that may pass: a disk that is full, a store that does not answer. */
const FOR_A_WHILE: ReadonlySet<string> = new Set(['ENGINE', 'MEMORY_LIMIT', 'EMBEDDING', 'MISSING_SHARD']);

type BullMq = typeof import('bullmq');

/** What an entry of the queue says: a job, and what must be the same wherever it runs. */
interface QueuedJob {
  readonly job: Job;
  readonly release: Release;
}

/** All runs and all workers of one Redis share a queue. */
export const QUEUE = 'pointsman';

/** What an entry says of its end where trying again changes nothing: JSON, so that it can be thrown again as it was. */
function writeFailure({ code, message }: PointsmanError): string {
  return JSON.stringify({ code, message });
}

/** @returns null where the reason is in other words: of BullMQ, or of an error that nobody expected */
export function readFailure(reason: string): PointsmanError | null {
  try {
    const { code, message } = JSON.parse(reason) as { readonly code: string; readonly message: string };
    return code === 'INVALID_INPUT' ? new InvalidInputError(message) : new EngineError(message);
  } catch {
    return null;
  }
}

const CONNECT_MS = 10_000;

/** BullMQ, and how its parts reach Redis: each on connections of its own, which wait for a Redis that has gone. */
interface QueueAccess {
  readonly bullmq: BullMq;
  readonly connection: ConnectionOptions;
}

/**
 * Loads what a queue needs, and sees that Redis answers.
 * @param url `redis://host:6379`, or `rediss://` with TLS
 * @throws MissingPackageError, InvalidInputError; EngineError where nobody answers
 */
export async function openQueue(url: string): Promise<QueueAccess> {
  if (!/^rediss?:\/\/[^/]/.test(url))
    throw new InvalidInputError(
      `\`--engine\` must be the address of a Redis, as redis://host:6379. Got "${url}".`,
    );
  const [bullmq, { Redis: Client }] = await Promise.all([import('bullmq'), import('ioredis')]).catch(
    (cause) => {
      throw new MissingPackageError('bullmq ioredis', `The engine ${nameOf(url)}`, { cause });
    },
  );
  const once = { lazyConnect: true, maxRetriesPerRequest: null, retryStrategy: () => null };
  await seeAnswer(new Client(url, { ...once, connectTimeout: CONNECT_MS }), url);
  const retryStrategy = (times: number): number => Math.min(2000, 50 * times);
  return { bullmq, connection: { url, maxRetriesPerRequest: null, retryStrategy } };
}

async function seeAnswer(client: Redis, url: string): Promise<void> {
  let said: Error | null = null;
  client.on('error', (error) => {
    said ??= error;
  });
  try {
    await client.connect();
    await client.ping();
  } catch (cause) {
    const { code, message } = (said ?? cause) as NodeJS.ErrnoException;
    throw new EngineError(
      `\`--engine\` must be a Redis that answers. ${nameOf(url)} said: ${message || (code ?? 'nothing')}. Start it, or check the address.`,
      { cause },
    );
  } finally {
    client.disconnect();
  }
}

/** An address without its password. */
export function nameOf(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}

const CLOSE_MS = 3000;

/** Closes what has connections. Where Redis is away they cannot say goodbye, and are left. */
export async function closeAll(parts: readonly { close(): Promise<unknown> }[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_MS);
  });
  await Promise.race([Promise.allSettled(parts.map((part) => part.close())), enough]);
  clearTimeout(timer);
}
