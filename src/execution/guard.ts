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
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { UnavailableError } from '../errors/unavailable-error.ts';
import { openScope } from './abort-scope.ts';
import { AttemptError } from './attempt-error.ts';
import { untilAborted } from './until-aborted.ts';

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface GuardOptions {
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
export interface Guard {
  /**
   * Does the work, if it may be done.
   *
   * @param work throws AttemptError, whose failure says whether it counts.
   * @throws UnavailableError when it may not.
   */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  state(): BreakerState;
}

export function createGuard(
  candidate: string,
  options: GuardOptions,
  onChange: (state: BreakerState) => void,
): Guard {
  const limit = createBulkhead(options.bulkhead ?? {});
  const breaker = createBreaker(options.breaker ?? {});
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

function createBreaker(
  options: Exclude<GuardOptions['breaker'], undefined>,
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

function createBulkhead(options: Exclude<GuardOptions['bulkhead'], undefined>): BulkheadPolicy | undefined {
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
