import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { Request } from '../request.ts';
import type { LoadView } from '../signals/load-view.ts';
import type { Client, ClientMap } from './client.ts';
import { type BreakerState, createGuard, type Guard, type GuardOptions } from './guard.ts';
import { createLoadTracker, type LoadTracker } from './load-tracker.ts';

export interface ClientPoolOptions extends GuardOptions {
  /** Told whenever a breaker opens, half opens or closes. @default nobody */
  readonly onBreakerChange?: (candidate: string, state: BreakerState) => void;
}

/** Clients with what is remembered of them from one request to the next: breakers, bulkheads, load. */
export interface ClientPool<R extends Request = Request> {
  readonly clients: ClientMap<R>;
  /** For the router's `load` signal. */
  readonly load: LoadView;
  breakerState(candidate: string): BreakerState;
}

/**
 * Makes a pool; one for each process, made once.
 *
 * @throws InvalidInputError when an option is out of its range, or a client is no function.
 * @example
 * const pool = createClientPool({ small: createOpenAiClient({ model: 'small', baseUrl }) }, { breaker: { failures: 3 } });
 */
export function createClientPool<R extends Request>(
  clients: ClientMap<R>,
  options: ClientPoolOptions = {},
): ClientPool<R> {
  for (const [name, client] of Object.entries(clients)) {
    if (typeof client === 'function') continue;
    throw new InvalidInputError(`\`${name}\` of clients must be a function. Got ${typeof client}.`);
  }
  const guards = new Map<string, Guard>();
  const load = createLoadTracker();
  const guardOf = (candidate: string): Guard => {
    let guard = guards.get(candidate);
    if (guard === undefined) {
      guard = createGuard(candidate, options, (state) => options.onBreakerChange?.(candidate, state));
      guards.set(candidate, guard);
    }
    return guard;
  };
  // Options are checked now, and not at the first request.
  createGuard('', options, () => {});
  const pool: ClientPool<R> & PoolParts = {
    clients,
    load,
    breakerState: (candidate) => guardOf(candidate).state(),
    [PARTS]: {
      guardOf,
      load,
      clientOf: (candidate) => ownClient(clients, candidate),
      names: () => Object.keys(clients),
      warned: new Set(),
    },
  };
  return pool;
}

const PARTS = Symbol('parts');

interface PoolParts {
  readonly [PARTS]: {
    guardOf(candidate: string): Guard;
    readonly load: LoadTracker;
    /** Undefined where there is none. */
    clientOf(candidate: string): Client | undefined;
    names(): string[];
    /** Candidates of which it was said that they have no client. */
    readonly warned: Set<string>;
  };
}

/** What an execution uses of a pool; of plain clients, those that were made when they were first seen. */
export function poolParts<R extends Request>(clients: ClientMap<R> | ClientPool<R>): PoolParts[typeof PARTS] {
  if (PARTS in clients) return (clients as unknown as PoolParts)[PARTS];
  const map = clients as ClientMap<R>;
  const known = pools.get(map) ?? createClientPool(map);
  pools.set(map, known);
  return (known as unknown as PoolParts)[PARTS];
}

/** So that breakers remember, although the caller gives nothing but clients. Held only as long as the clients are. */
const pools = new WeakMap<object, ClientPool<never>>();

/** Clients of another request type are only ever given the requests they were passed in with. */
function ownClient<R extends Request>(clients: ClientMap<R>, candidate: string): Client | undefined {
  return Object.hasOwn(clients, candidate) ? (clients[candidate] as unknown as Client) : undefined;
}
