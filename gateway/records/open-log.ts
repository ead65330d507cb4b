import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createClient } from '@redis/client';
import { InvalidInputError } from 'pointsman';
import {
  createDecisionLog,
  createPostgresSink,
  createPostgresTable,
  type DecisionLog,
  type LogSink,
} from 'pointsman/log';
import { openDecisionLog } from 'pointsman/node';
import { fillIn, readSecret, type SecretSources } from '../config/load-config.ts';
import type { CheckedConfig } from '../config/schema.ts';
import { sha256 } from './decision-records.ts';

type LogConfig = NonNullable<CheckedConfig['log']>;

/** Ids are the gateway's own, whether decisions are written down or not. */
const newId = () => `dec_${crypto.randomUUID().replaceAll('-', '')}`;

/** Milliseconds that a statement of the log may take; its records are then tried again. */
const QUERY_TIMEOUT_MS = 10_000;

/**
 * The decision log of a configuration: in files of a folder, in a table of PostgreSQL or a stream of Redis that several gateways share, or
 * nowhere.
 *
 * @throws InvalidInputError when a package is missing, a variable is not set, or a server cannot be reached or does not let the log be kept.
 */
export async function openLog(
  { log }: CheckedConfig,
  secrets: SecretSources,
  onError: (error: unknown) => void,
): Promise<DecisionLog> {
  if (log === undefined) {
    // What is told to it is checked as anywhere, and gone at once.
    const nowhere = createDecisionLog({ sink: () => {}, answers: 'none', newId });
    return { ...nowhere, decided: newId, outcome() {} };
  }
  const { content, folder, maxAgeMs, postgres, redis } = log;
  const userKey = await openUserKey(log, secrets);
  const options = { content, newId, onError, ...(userKey === undefined ? {} : { userKey }) };
  if (folder !== undefined)
    return openDecisionLog(folder, { ...options, ...(maxAgeMs === undefined ? {} : { maxAgeMs }) });
  const sink =
    postgres === undefined
      ? await openStream(redis as NonNullable<LogConfig['redis']>, secrets, onError)
      : await openTable(postgres, secrets, onError);
  return createDecisionLog({ ...options, sha256, retries: SERVER_RETRIES, sink });
}

/** For some ten seconds: a server that is started again is waited for, and so is whoever rates an answer meanwhile. */
const SERVER_RETRIES = 6;

/** Beside the folder of a log: what users are hashed with where the configuration gives no secret. */
const USER_KEY = '.user-key';

/** @returns null where users are kept as they are; undefined where they are not, or nobody has given a secret and there is no folder to keep one in */
export async function openUserKey(
  { folder, user, userKey }: LogConfig,
  secrets: SecretSources,
): Promise<string | null | undefined> {
  if (user !== 'hash') return user === 'plain' ? null : undefined;
  if (userKey !== undefined) return readSecret(userKey, 'log.userKey', secrets);
  if (folder === undefined) return undefined;
  const path = `${folder}${USER_KEY}`;
  const known = () => readFile(path, 'utf8').then((text) => text.trim());
  try {
    return await known();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await mkdir(dirname(path), { recursive: true });
  const own = `${path}-${randomBytes(4).toString('hex')}`;
  await writeFile(own, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  try {
    // Of gateways that begin at once, all take what the first has made.
    await link(own, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(own, { force: true });
  }
  return known();
}

async function openTable(
  { table, url }: NonNullable<LogConfig['postgres']>,
  { env }: SecretSources,
  onError: (error: unknown) => void,
): Promise<LogSink> {
  const client = await openPool(fillIn(url, 'log.postgres.url', env), onError);
  try {
    await createPostgresTable(client, table);
  } catch (cause) {
    await client.end();
    const { code = 'no answer' } = cause as { code?: string };
    throw new InvalidInputError(
      `The table ${table} of the decision log could not be opened in PostgreSQL (${code}). Look at \`log.postgres\`, and ` +
        'whether the server runs and lets this user create tables.',
      { cause },
    );
  }
  return { ...createPostgresSink({ client, table }), close: () => client.end() };
}

async function openPool(connectionString: string, onError: (error: unknown) => void) {
  const pg = await import('pg').catch((cause) => {
    throw new InvalidInputError('A log in PostgreSQL needs the package pg. Install it: npm install pg.', {
      cause,
    });
  });
  const pool = new pg.default.Pool({
    connectionString,
    query_timeout: QUERY_TIMEOUT_MS,
    connectionTimeoutMillis: QUERY_TIMEOUT_MS,
  });
  // A connection that breaks while nobody uses it would end the process.
  pool.on('error', onError);
  return pool;
}

const CONNECT_MS = 3_000;
const LONGEST_RECONNECT_MS = 1_000;

/**
 * A stream to which each record is added as it is, in the field `record`. A batch that was cut short comes again, so that a record
 * may be there twice: whoever reads takes it once. When there are more than `maxLength`, Redis drops the oldest, and `onError` is told
 * before that begins.
 */
async function openStream(
  { maxLength, stream, url }: NonNullable<LogConfig['redis']>,
  { env }: SecretSources,
  onError: (error: unknown) => void,
): Promise<LogSink> {
  const client = createClient({
    url: fillIn(url, 'log.redis.url', env),
    // What waits for a connection is in the queue of the log, where it is counted.
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    socket: {
      connectTimeout: QUERY_TIMEOUT_MS,
      reconnectStrategy: (retries) => Math.min(LONGEST_RECONNECT_MS, 20 * 2 ** Math.min(10, retries)),
    },
  });
  let said: NodeJS.ErrnoException | undefined;
  const note = (error: Error) => {
    said = error;
  };
  client.on('error', note);
  await within(client.connect(), CONNECT_MS).catch((cause: Error) => {
    client.destroy();
    throw new InvalidInputError(
      `The stream ${stream} of the decision log could not be opened in Redis (${said?.code ?? said?.message ?? cause.message}). Look at \`log.redis\`, and whether the server runs.`,
      { cause },
    );
  });
  client.off('error', note).on('error', onError);
  let isFull = false;
  return {
    async write(records) {
      const bound = ['MAXLEN', '~', String(maxLength)];
      const refused: Error[] = [];
      const added = records.flatMap((record) => {
        try {
          return [client.sendCommand(['XADD', stream, ...bound, '*', 'record', JSON.stringify(record)])];
        } catch (cause) {
          // It is no JSON, ever.
          refused.push(cause as Error);
          return [];
        }
      });
      await within(Promise.all(added));
      const length = Number(await within(client.xLen(stream)));
      if (length >= maxLength && !isFull)
        onError(
          new Error(
            `The stream ${stream} of the decision log has ${length} entries, and loses the oldest from now on. Compact it more often, or raise \`log.redis.maxLength\`.`,
          ),
        );
      isFull = length >= maxLength;
      return refused;
    },
    async close() {
      client.destroy();
    },
  };
}

/** A server that hangs must not stop the log. */
async function within<Result>(work: Promise<Result>, ms = QUERY_TIMEOUT_MS): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
