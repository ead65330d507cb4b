import { createHash } from 'node:crypto';
import { createClient } from '@redis/client';
import { type KeyRecord, parseKeyRecord } from './key-record.ts';
import { emptyDay, type Mutable } from './ledger.ts';
import { refusalOf, withTaken } from './limits.ts';
import type { Memo } from './memory.ts';
import { CHARGE, DELETE_KEY, EXPIRE, RESERVE, SETTLE, WRITE_KEY } from './redis-scripts.ts';
import {
  type Account,
  type DayUse,
  type GatewayState,
  type ReserveRequest,
  type ReserveResult,
  type Settlement,
  type Standing,
  StateUnavailableError,
} from './state.ts';

export interface RedisStateOptions {
  /** Gateways of one name share their keys and budgets. @default 'main' */
  readonly namespace?: string;
  /** Milliseconds that Redis has to answer. @default 500 */
  readonly timeoutMs?: number;
  /** Milliseconds since 1970, for tests. @default the clock of Redis, which replicas have in common */
  readonly clock?: () => number;
  /** Told when the connection breaks; it is made again by itself. */
  readonly onError?: (error: unknown) => void;
}

/** What was let through where this state could not be asked. */
export interface Charge {
  readonly settlement: Settlement;
  readonly accounts: readonly string[];
  /** The day it is counted on. */
  readonly day: string;
  readonly requests: number;
}

/** A script with the name that Redis knows it by. */
interface Script {
  readonly text: string;
  readonly sha1: string;
}

const script = (text: string): Script => ({ text, sha1: createHash('sha1').update(text).digest('hex') });

const SCRIPTS = {
  reserve: script(RESERVE),
  settle: script(SETTLE),
  charge: script(CHARGE),
  writeKey: script(WRITE_KEY),
  deleteKey: script(DELETE_KEY),
  expire: script(EXPIRE),
};

const RECONNECT_MS = 1_000;

/**
 * A state that several gateways share in a Redis, of version 6 or later: each decision is one script, and so one step that no other
 * comes between.
 */
export class RedisState implements GatewayState {
  readonly #client: ReturnType<typeof createClient>;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  readonly #clock: (() => number) | null;

  /** Does not wait for the connection: until there is one, every call throws. @param url such as `redis://127.0.0.1:6379/0` */
  constructor(url: string, options: RedisStateOptions = {}) {
    this.#prefix = `pointsman:{${options.namespace ?? 'main'}}:`;
    this.#timeoutMs = options.timeoutMs ?? 500;
    this.#clock = options.clock ?? null;
    this.#client = createClient({
      url,
      // A command that waits for a connection would be a decision that nobody waits for any more.
      disableOfflineQueue: true,
      maintNotifications: 'disabled',
      socket: {
        connectTimeout: 2_000,
        reconnectStrategy: (retries) => Math.min(RECONNECT_MS, 20 * 2 ** Math.min(10, retries)),
      },
    });
    this.#client.on('error', (cause) => options.onError?.(unreachable(cause)));
  }

  /** Waits for a connection, but not for longer than a call may take. */
  async connect(): Promise<void> {
    const connected = this.#client.connect().catch(() => {});
    await within(this.#timeoutMs, connected).catch(() => {});
  }

  async key(id: string): Promise<KeyRecord | undefined> {
    const json = await this.#ask((client) => client.hGet(`${this.#prefix}k:${id}`, 'j'));
    return typeof json === 'string' ? parseKeyRecord(json) : undefined;
  }

  async keys(after: string | null, limit: number): Promise<KeyRecord[]> {
    const min = after === null ? '-' : `(${after}`;
    const ids = await this.#ask((client) =>
      client.zRange(`${this.#prefix}k`, min, '+', { BY: 'LEX', LIMIT: { offset: 0, count: limit } }),
    );
    const records = await Promise.all(ids.map((id) => this.key(id)));
    return records.filter((record) => record !== undefined);
  }

  async writeKey(record: KeyRecord): Promise<boolean> {
    const { id, version } = record;
    return (await this.#run(SCRIPTS.writeKey, { id, version, record: JSON.stringify(record) })) === 1;
  }

  async deleteKey(id: string): Promise<boolean> {
    return (await this.#run(SCRIPTS.deleteKey, { id })) === 1;
  }

  async reserve(request: ReserveRequest): Promise<ReserveResult> {
    const { accounts, id, isHeld, key, leaseMs, nanoUsd, onExpiry, requests, tokens } = request;
    const reply = (await this.#run(SCRIPTS.reserve, {
      id,
      key: key?.id ?? '',
      version: key?.version ?? -1,
      accounts: accounts.map(accountOf),
      requests,
      tokens,
      nano: nanoUsd,
      held: isHeld,
      lease: leaseMs,
      expiry: onExpiry,
    })) as string[];
    const [state, now, ...numbers] = reply;
    if (state === 'changed') return { state: 'key-changed' };
    if (state === 'void') throw new StateUnavailableError('This request was given up before Redis answered.');
    const before = accounts.map((account, i) => standingOf(account, numbers.slice(4 * i, 4 * i + 4)));
    if (state === 'held') return { state: 'reserved', standings: before };
    if (state === 'reserved')
      return { state, standings: before.map((standing) => withTaken(standing, request)) };
    const refusal = refusalOf(request, before, Number(now));
    if (refusal === null) throw new Error('Redis refused what its own numbers allow.');
    return { state: 'refused', refusal, standings: before };
  }

  async settle({ id, inputTokens, nanoUsd, outputTokens }: Settlement): Promise<boolean> {
    const settled = { id, nano: nanoUsd ?? -1, input: inputTokens, output: outputTokens };
    return (await this.#run(SCRIPTS.settle, settled)) === 1;
  }

  /** Counts what was let through elsewhere, once; what it says was never sent takes back a reservation that may have been made. */
  async charge({ accounts, day, requests, settlement }: Charge): Promise<void> {
    const { id, inputTokens, nanoUsd, outputTokens } = settlement;
    await this.#run(SCRIPTS.charge, {
      ...{ id, nano: nanoUsd ?? 0, input: inputTokens, output: outputTokens },
      ...{ accounts, day, requests },
    });
  }

  async usage(account: string, days: number): Promise<DayUse[]> {
    await this.#run(SCRIPTS.expire, {});
    const found: DayUse[] = [];
    const [year, month] = new Date(this.#clock?.() ?? Date.now()).toISOString().split('-').map(Number);
    // One month ahead, as the clocks need not agree, and a year back: days without use have no row.
    for (let back = -1; back <= 13 && found.length < days; back++) {
      const name = new Date(Date.UTC(year, month - 1 - back, 1)).toISOString().slice(0, 7);
      const fields = await this.#ask((client) => client.hGetAll(`${this.#prefix}s:${account}:${name}`));
      for (const use of daysOf(name, fields)) found.push(use);
    }
    return found.slice(0, days);
  }

  async recall(keys: readonly string[]): Promise<(string | undefined)[]> {
    if (keys.length === 0) return [];
    const values = await this.#ask((client) => client.mGet(keys.map((key) => this.#memoKey(key))));
    return values.map((value) => (typeof value === 'string' ? value : undefined));
  }

  async remember(memos: readonly Memo[], ttlMs: number): Promise<void> {
    const expiration = { type: 'PX', value: Math.ceil(ttlMs) } as const;
    await this.#ask((client) =>
      Promise.all(memos.map(({ key, value }) => client.set(this.#memoKey(key), value, { expiration }))),
    );
  }

  #memoKey(key: string): string {
    return `${this.#prefix}m:${key}`;
  }

  async ready(): Promise<boolean> {
    return this.#ask((client) => client.ping()).then(
      () => true,
      () => false,
    );
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  #run({ sha1, text }: Script, question: object): Promise<unknown> {
    const options = {
      // What the cluster finds the right server by.
      keys: [`${this.#prefix}k`],
      arguments: [this.#prefix, JSON.stringify({ now: this.#clock?.() ?? -1, ...question })],
    };
    return this.#ask((client) =>
      client.evalSha(sha1, options).catch((error: unknown) => {
        if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return client.eval(text, options);
        throw error;
      }),
    );
  }

  /** @throws StateUnavailableError when Redis does not answer in time, or with an error. */
  async #ask<T>(ask: (client: ReturnType<typeof createClient>) => Promise<T>): Promise<T> {
    try {
      return await within(this.#timeoutMs, ask(this.#client));
    } catch (cause) {
      throw unreachable(cause);
    }
  }
}

function unreachable(cause: unknown): StateUnavailableError {
  const { code, message, name } = cause as NodeJS.ErrnoException;
  return new StateUnavailableError(
    `Redis does not answer: ${message || code || name || String(cause)}. Start it, or mend \`keys.state\`, which says where it is.`,
    { cause },
  );
}

const accountOf = ({ id, limits }: Account) => [
  id,
  limits.requestsPerMinute ?? -1,
  limits.tokensPerMinute ?? -1,
  limits.nanoUsdPerDay ?? -1,
  limits.nanoUsdPerMonth ?? -1,
];

function standingOf({ id }: Account, texts: readonly string[]): Standing {
  const [requestsUsed, tokensUsed, dayNanoUsd, monthNanoUsd] = texts.map(Number);
  return { account: id, requestsUsed, tokensUsed, dayNanoUsd, monthNanoUsd };
}

const FIELDS: Readonly<Record<string, Exclude<keyof DayUse, 'day'>>> = {
  n: 'nanoUsd',
  h: 'heldNanoUsd',
  q: 'requests',
  i: 'inputTokens',
  o: 'outputTokens',
  x: 'expired',
};

/** The days of one month's fields, such as `29n`, the latest first. */
function daysOf(month: string, fields: Readonly<Record<string, string>>): DayUse[] {
  const days = new Map<string, Mutable<DayUse>>();
  for (const [name, value] of Object.entries(fields)) {
    const field = FIELDS[name.slice(2)];
    if (field === undefined) continue;
    const day = `${month}-${name.slice(0, 2)}`;
    const use = days.get(day) ?? emptyDay(day);
    use[field] = Number(value);
    days.set(day, use);
  }
  return [...days.values()].sort((a, b) => (a.day < b.day ? 1 : -1));
}

/** Rejects when a promise takes longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  // Whoever asked is gone by then.
  promise.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
