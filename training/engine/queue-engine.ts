import type { Job as Entry } from 'bullmq';
import {
  type Engine,
  type Job,
  JobCounter,
  jobKey,
  type Release,
  type RunOptions,
  type Steps,
  stepFailed,
} from './engine.ts';
import { closeAll, openQueue, QUEUE, type QueuedJob, readFailure } from './queue.ts';
import type { ShardStore } from './shard-store.ts';

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
  const { lookMs = 2000, release, steps, store, url, window = 1000 } = options;
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
      counter.workers = await queue.getWorkersCount();
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
