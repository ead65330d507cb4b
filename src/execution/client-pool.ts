import {
  BrokenCircuitError,
  type BulkheadPolicy,
  BulkheadRejectedError,
  bulkhead,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
} from 'cockatiel';
import { InvalidInputError, UnavailableError } from '../errors.ts';
import type { Request } from '../request.ts';
import type { RouteOptions, Router } from '../router/router.ts';
import type { LoadView } from '../signals/signals.ts';
import type { Client, ClientMap, PricedCandidates } from './answer.ts';
import { openScope, untilAborted } from './async.ts';
import { AttemptError } from './attempt.ts';

/** How the clients of a pool are guarded: breakers, bulkheads, and what counts as recent. */
export interface ClientPoolOptions extends BreakerOptions {
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
  const guards = new Map<string, Breaker>();
  const load = createLoadTracker();
  const guardOf = (candidate: string): Breaker => {
    let guard = guards.get(candidate);
    if (guard === undefined) {
      guard = createBreaker(candidate, options, (state) => options.onBreakerChange?.(candidate, state));
      guards.set(candidate, guard);
    }
    return guard;
  };
  // Options are checked now, and not at the first request.
  createBreaker('', options, () => {});
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
    guardOf(candidate: string): Breaker;
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

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerOptions {
  /** Leaves a candidate alone for a while after it failed. `false` for none. */
  readonly breaker?:
    | false
    | {
        /** Failures one after the other that open it. @default 5 */
        readonly failures?: number;
        /** Milliseconds until one request may try again; the others still pass it by. @default 10000 */
        readonly halfOpenAfterMs?: number;
      };
  /** Bounds the attempts on their way to a candidate. `false` for no bound. */
  readonly bulkhead?:
    | false
    | {
        /** @default 256 */
        readonly concurrent?: number;
        /** Attempts that may wait for a place; with 0 the next candidate is called at once. @default 0 */
        readonly queued?: number;
      };
}

/** Stands before one candidate: its bulkhead, and its breaker behind. */
interface Breaker {
  /**
   * Does the work, if it may be done.
   *
   * @param work throws AttemptError, whose failure says whether it counts.
   * @throws UnavailableError when it may not.
   */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  state(): BreakerState;
}

function createBreaker(
  candidate: string,
  options: BreakerOptions,
  onChange: (state: BreakerState) => void,
): Breaker {
  const limit = createBulkhead(options.bulkhead ?? {});
  const breaker = circuitBreakerOf(options.breaker ?? {});
  breaker?.onStateChange((state) => onChange(STATES[state]));

  const behindBreaker = async <T>(work: () => Promise<T>): Promise<T> => {
    if (breaker === undefined) return work();
    // cockatiel lets the others wait for the one that tries; there are other candidates to ask meanwhile.
    if (breaker.state === CircuitState.HalfOpen) throw new UnavailableError(candidate, 'breaker-open');
    return breaker.execute(work);
  };

  return {
    state: () => (breaker === undefined ? 'closed' : STATES[breaker.state]),
    async run(work, signal) {
      try {
        if (limit === undefined) return await behindBreaker(work);
        if (limit.executionSlots > 0) return await limit.execute(() => behindBreaker(work));
        // Without the signal: a place in cockatiel's queue that was cancelled would hold up those behind it. It is
        // the waiting that is given up; work that has begun sees to the signal itself.
        const waiting = openScope(signal);
        const queued = limit.execute(() => {
          waiting.close();
          if (signal.aborted) throw signal.reason;
          return behindBreaker(work);
        });
        try {
          return await untilAborted(queued, waiting.signal);
        } finally {
          waiting.close();
        }
      } catch (error) {
        if (error instanceof BrokenCircuitError) throw new UnavailableError(candidate, 'breaker-open');
        if (error instanceof BulkheadRejectedError) throw new UnavailableError(candidate, 'bulkhead-full');
        throw error;
      }
    },
  };
}

const STATES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'open',
};

function circuitBreakerOf(
  options: Exclude<BreakerOptions['breaker'], undefined>,
): CircuitBreakerPolicy | undefined {
  if (options === false) return undefined;
  const failures = whole(options.failures ?? 5, 1, 'breaker.failures');
  const halfOpenAfter = whole(options.halfOpenAfterMs ?? 10_000, 0, 'breaker.halfOpenAfterMs');
  const policy: CircuitBreakerPolicy = circuitBreaker(
    handleWhen((error) => {
      if (!(error instanceof AttemptError)) return false;
      // A trial that we stopped ourselves shows nothing: the breaker stays open for another while.
      return error.aborted ? policy.state === CircuitState.HalfOpen : error.failure.unhealthy;
    }),
    { halfOpenAfter, breaker: new ConsecutiveBreaker(failures) },
  );
  return policy;
}

function createBulkhead(options: Exclude<BreakerOptions['bulkhead'], undefined>): BulkheadPolicy | undefined {
  if (options === false) return undefined;
  return bulkhead(
    whole(options.concurrent ?? 256, 1, 'bulkhead.concurrent'),
    whole(options.queued ?? 0, 0, 'bulkhead.queued'),
  );
}

function whole(value: number, least: number, field: string): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new InvalidInputError(
    `\`${field}\` of client pool options must be a whole number >= ${least}. Got ${value}.`,
  );
}

/** Counts what is on its way to each candidate, and how long answers take lately. */
interface LoadTracker extends LoadView {
  /** @returns to be called when it is over, with the latency if there was an answer. */
  begin(candidate: string): (latencyMs: number | null) => void;
}

/** Weight of the newest answer: about the last ten count. */
const NEWEST = 0.2;

function createLoadTracker(): LoadTracker {
  const loads = new Map<string, { inFlight: number; latencyMs: number | null }>();
  const loadOf = (candidate: string) => {
    let load = loads.get(candidate);
    if (load === undefined) {
      load = { inFlight: 0, latencyMs: null };
      loads.set(candidate, load);
    }
    return load;
  };
  return {
    inFlight: (candidate) => loads.get(candidate)?.inFlight ?? 0,
    recentLatencyMs: (candidate) => loads.get(candidate)?.latencyMs ?? null,
    begin(candidate) {
      const load = loadOf(candidate);
      load.inFlight++;
      return (latencyMs) => {
        load.inFlight--;
        if (latencyMs === null) return;
        load.latencyMs =
          load.latencyMs === null ? latencyMs : load.latencyMs + NEWEST * (latencyMs - load.latencyMs);
      };
    },
  };
}

type Pool = ReturnType<typeof poolParts>;

/** Told, once for a pool and candidate, that a candidate of the router has no client. */
export type OnWarning = (warning: string) => void;

/**
 * Options under which a router chooses only whom there is a client for, and a sentence for each candidate that has none. It
 * is asked of the router as it is now: a version that it has gone over to meanwhile may have candidates that nobody has
 * given a client for yet.
 */
export function callableOnly(
  router: DecidingRouter,
  pool: Pool,
  route: RouteOptions | undefined,
  onWarning: OnWarning | undefined,
): { readonly route: RouteOptions | undefined; readonly warnings: readonly string[] } {
  const missing = withoutClient(router, pool, onWarning);
  if (missing.length === 0) return { route, warnings: [] };
  const names = pool.names();
  const asked = route?.callable;
  const callable = asked === undefined ? names : names.filter((name) => asked.includes(name));
  return { route: { ...route, callable }, warnings: missing.map(warningOf) };
}

/**
 * Looks before the first request.
 *
 * @throws InvalidInputError when there is no client for any candidate.
 */
export function checkClients(router: DecidingRouter, pool: Pool, onWarning: OnWarning | undefined): void {
  const inUse = candidatesInUse(router);
  const missing = withoutClient(router, pool, onWarning);
  if (inUse.length === 0 || missing.length < inUse.length) return;
  throw new InvalidInputError(
    `\`clients\` of execute must have a client for one candidate of the router at least: ${inUse.join(', ')}. Got ` +
      `${pool.names().join(', ') || 'none'}. Give clients under the names of the candidates.`,
  );
}

function withoutClient(router: DecidingRouter, pool: Pool, onWarning: OnWarning | undefined): string[] {
  const missing = candidatesInUse(router).filter((name) => pool.clientOf(name) === undefined);
  for (const name of missing) {
    if (onWarning === undefined || pool.warned.has(name)) continue;
    pool.warned.add(name);
    onWarning(warningOf(name));
  }
  return missing;
}

function warningOf(name: string): string {
  return `${name} has no client, so it is out of choice. Give a client for it, or retire it.`;
}

function candidatesInUse({ manifest }: DecidingRouter): string[] {
  return manifest.candidates.filter(({ retired }) => retired !== true).map(({ name }) => name);
}

/** What an execution needs of a router. */
export type DecidingRouter = Pick<Router, 'route'> & {
  readonly manifest: {
    readonly candidates: readonly (PricedCandidates[number] & { readonly retired?: boolean })[];
  };
  /** Told how decisions were carried out. @default nobody is */
  readonly log?: Router['log'];
  /** Where the answer head is, its own and those of routers that it hands over to. @default there is none */
  readonly artifact?: Router['artifact'];
  readonly routers?: Router['routers'];
};
