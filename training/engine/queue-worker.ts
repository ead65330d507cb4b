import { PointsmanError } from 'pointsman';
import { type JobRunner, type JobTime, ReleaseMismatchError, runJob } from './engine.ts';
import { closeAll, openQueue, QUEUE, type QueuedJob, writeFailure } from './queue.ts';

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
