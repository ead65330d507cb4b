import { createHash, randomUUID } from 'node:crypto';
import type { Job as Entry } from 'bullmq';
import { closeAll, openQueue } from '../engine/queue.ts';
import { firstRun } from './retrain.ts';

/** All routers of one Redis share it; shards have another, which no retraining keeps waiting. */
const QUEUE = 'pointsman-retrain';

/** One retraining, as it stands in the queue. Its paths hold on every worker. */
export interface RetrainJob {
  /** Of `retrain.yaml`, which is read when its turn comes. */
  readonly config: string;
  /** Where paths of the configuration begin. */
  readonly folder: string;
  /** The router's folder. */
  readonly router: string;
}

/** A router by the path of its folder. */
function keyOf({ router }: RetrainJob): string {
  return createHash('sha256').update(router).digest('hex').slice(0, 16);
}

const JOB = { removeOnComplete: true, removeOnFail: true } as const;

async function withQueue<Result>(
  url: string,
  use: (queue: import('bullmq').Queue<RetrainJob>) => Promise<Result>,
): Promise<Result> {
  const { bullmq, connection } = await openQueue(url);
  const queue = new bullmq.Queue<RetrainJob>(QUEUE, { connection });
  queue.on('error', () => {});
  try {
    return await use(queue);
  } finally {
    await closeAll([queue]);
  }
}

/**
 * Puts a retraining into the queue. A router has one place in it, however often it is asked for, so that none keeps another waiting by
 * asking often; asked for while its retraining is under way, it has its turn once more.
 * @throws EngineError where Redis does not answer; MissingPackageError
 */
export async function enqueueRetrain(url: string, job: RetrainJob): Promise<void> {
  await withQueue(url, (queue) =>
    queue.add('retrain', job, { ...JOB, deduplication: { id: keyOf(job), keepLastIfActive: true } }),
  );
}

/**
 * Lets the queue ask for a retraining at the times of a cron expression, until another schedule of the router takes its place.
 * @returns when it is due first
 * @throws InvalidInputError where the pattern or the time zone is none
 */
export async function scheduleOnQueue(
  url: string,
  job: RetrainJob,
  pattern: string,
  timezone?: string,
): Promise<Date> {
  const first = firstRun(pattern, timezone);
  await withQueue(url, (queue) =>
    queue.upsertJobScheduler(
      keyOf(job),
      { pattern, ...(timezone === undefined ? {} : { tz: timezone }) },
      { name: 'retrain', data: job, opts: JOB },
    ),
  );
  return first;
}

/** What a worker tells of retrainings. */
export type RetrainEvent =
  | { readonly kind: 'retraining'; readonly router: string }
  | { readonly kind: 'retrained'; readonly router: string; readonly outcome: string }
  | { readonly kind: 'not retrained'; readonly router: string; readonly reason: string };

export interface RetrainWorkerOptions {
  readonly url: string;
  /**
   * Does one retraining, and returns how it ended. Where `lost` is aborted, another may have the router by now: it should end.
   */
  readonly run: (job: RetrainJob, lost: AbortSignal) => Promise<string>;
  readonly onEvent?: (event: RetrainEvent) => void;
  /** How long a worker may be silent before another may have its router, in milliseconds. @default 30000 */
  readonly leaseMs?: number;
  /** How soon a router is tried again that another worker has, in milliseconds. @default 5000 */
  readonly againMs?: number;
}

/** Gives more time to whoever holds the lease, and to nobody else. */
const RENEW = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('pexpire', KEYS[1], ARGV[2]) or 0";
const RELEASE = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) or 0";

/**
 * Takes retrainings from the queue, one at a time, and each router by one worker at a time: a lease in Redis says whose turn it is. Who was
 * silent for longer than the lease may still wake up; the fence in the router's folder keeps it from promoting.
 * @throws EngineError where Redis does not answer; MissingPackageError
 */
export async function startRetrainWorker({
  againMs = 5000,
  leaseMs = 30_000,
  onEvent = () => {},
  run,
  url,
}: RetrainWorkerOptions): Promise<{ close(): Promise<void> }> {
  const { bullmq, connection } = await openQueue(url);
  const { Redis } = await import('ioredis');
  const client = new Redis(url, { maxRetriesPerRequest: null });
  client.on('error', () => {});
  const withLease = async (entry: Entry<RetrainJob>, token: string | undefined): Promise<void> => {
    const { router } = entry.data;
    const [lease, holder] = [`${QUEUE}:lease:${keyOf(entry.data)}`, randomUUID()];
    if ((await client.set(lease, holder, 'PX', leaseMs, 'NX')) !== 'OK') {
      await entry.moveToDelayed(Date.now() + againMs, token);
      throw new bullmq.DelayedError();
    }
    const lost = new AbortController();
    const renewing = setInterval(() => {
      client.eval(RENEW, 1, lease, holder, leaseMs).then(
        (renewed) => renewed === 1 || lost.abort(),
        () => {},
      );
    }, leaseMs / 3);
    onEvent({ kind: 'retraining', router });
    try {
      onEvent({ kind: 'retrained', router, outcome: await run(entry.data, lost.signal) });
    } catch (error) {
      const reason = (error as Error).message;
      onEvent({ kind: 'not retrained', router, reason });
      // Its record says why; the next night tries again.
      throw new bullmq.UnrecoverableError(reason);
    } finally {
      clearInterval(renewing);
      await client.eval(RELEASE, 1, lease, holder).catch(() => {});
    }
  };
  const worker = new bullmq.Worker<RetrainJob>(QUEUE, withLease, {
    connection,
    lockDuration: leaseMs,
    stalledInterval: leaseMs,
    maxStalledCount: MOST_STALLS,
    drainDelay: 2,
  });
  worker.on('error', () => {});
  return {
    async close() {
      await worker.close();
      client.disconnect();
    },
  };
}

/** How often a retraining may take its worker down with it before it is given up. */
const MOST_STALLS = 3;
