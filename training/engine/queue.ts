import type { ConnectionOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { InvalidInputError, MissingPackageError, type PointsmanError } from 'pointsman';
import { EngineError, type Job, type Release } from './engine.ts';

type BullMq = typeof import('bullmq');

/** What an entry of the queue says: a job, and what must be the same wherever it runs. */
export interface QueuedJob {
  readonly job: Job;
  readonly release: Release;
}

/** All runs and all workers of one Redis share a queue. */
export const QUEUE = 'pointsman';

/** What an entry says of its end where trying again changes nothing: JSON, so that it can be thrown again as it was. */
export function writeFailure({ code, message }: PointsmanError): string {
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
export interface QueueAccess {
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
