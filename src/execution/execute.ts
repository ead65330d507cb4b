import type { Decision } from '../decision.ts';
import { DeadlineError } from '../errors/deadline-error.ts';
import type { Request } from '../request.ts';
import type { RouteOptions } from '../router/router.ts';
import { openScope } from './abort-scope.ts';
import { callableOnly, type DecidingRouter, type OnWarning } from './callable.ts';
import type { ClientMap } from './client.ts';
import { type ClientPool, poolParts } from './client-pool.ts';
import type { ExecutionResult } from './execution-result.ts';
import { logOutcome } from './log-outcome.ts';
import type { ExecuteOptions } from './options.ts';
import type { PlannedExecution } from './planned.ts';
import { runPlan } from './run-plan.ts';
import { readSettings, type Settings } from './settings.ts';
import { untilAborted } from './until-aborted.ts';

export interface RoutedOptions<R extends Request = Request> extends ExecuteOptions<R> {
  /** Weights, limits and signals for this request. @default none */
  readonly route?: RouteOptions;
  /**
   * Told, once for the same clients, of each candidate that has none and so is out of choice: at construction, and when
   * the router has gone over to another version. The reasons of each decision say so too. @default nobody is
   */
  readonly onWarning?: OnWarning;
}

/** An answer, how it came about, and why it was asked for there. */
export interface RoutedResult extends ExecutionResult {
  readonly decision: Decision;
}

/**
 * Decides, carries out the decision's plan, and falls back in its order when that fails.
 *
 * @param clients one for each candidate that may be called, or a pool of them. Breakers, bulkheads and load are
 * remembered from call to call, for as long as it is the same object.
 * @throws InvalidInputError when an option is wrong, or the plan names what is not there.
 * @throws NoCandidateError when limits leave no candidate, or none that is left has a client.
 * @throws ExecutionFailedError, DeadlineError, CostBudgetError when there is no answer; each has the `attempts`.
 * @throws the reason of `signal` when it aborts.
 * @example
 * const { answer, outcome } = await execute(router, { text: 'What is 17 * 23?' }, clients, { deadlineMs: 20_000 });
 */
export async function execute<R extends Request>(
  router: DecidingRouter,
  request: R,
  clients: ClientMap<R> | ClientPool<R>,
  options: RoutedOptions<R> = {},
): Promise<RoutedResult> {
  const pool = poolParts(clients);
  const { settings, begun, decision } = await routeInTime(router, request, pool, options);
  const running = runPlan({
    planned: decision,
    request,
    pool,
    settings,
    output: null,
    begun,
  });
  const result = await logOutcome(router.log, decision, running);
  return { ...result, decision };
}

/**
 * Carries out a plan that is there already: a `Decision`, or one written by hand.
 *
 * @throws as {@link execute} does.
 */
export async function executePlan<R extends Request>(
  planned: PlannedExecution,
  request: R,
  clients: ClientMap<R> | ClientPool<R>,
  options: ExecuteOptions<R> = {},
): Promise<ExecutionResult> {
  return runPlan({
    planned,
    request,
    pool: poolParts(clients),
    settings: anyRequest(readSettings(options)),
    output: null,
  });
}

interface Routed {
  readonly settings: Settings;
  /** When the router was asked, on the clock of the settings. */
  readonly begun: number;
  readonly decision: Decision;
}

/** Asks the router, which may have to ask an endpoint for an embedding, within the time and the signal of all. */
export async function routeInTime<R extends Request>(
  router: DecidingRouter,
  request: R,
  pool: ReturnType<typeof poolParts>,
  options: RoutedOptions<R>,
): Promise<Routed> {
  const prices = options.prices ?? router.manifest.candidates;
  const settings = anyRequest(readSettings({ ...options, prices }));
  const { clock, deadlineMs } = settings;
  const { route, warnings } = callableOnly(router, pool, options.route, options.onWarning);
  const begun = clock.now();
  const scope = openScope(settings.signal);
  const cancelDeadline = clock.after(deadlineMs, () => scope.abort(new DeadlineError(deadlineMs, [])));
  try {
    const decision = await untilAborted(router.route(request, route), scope.signal);
    // Whoever gave nobody to be told reads it with the reasons.
    const reasons = [...decision.reasons, ...warnings];
    return { settings, begun, decision: warnings.length === 0 ? decision : { ...decision, reasons } };
  } finally {
    cancelDeadline();
    scope.close();
  }
}

/** Functions of the caller's are only ever given the request that they came with, or what `extendRequest` makes of it. */
export function anyRequest<R extends Request>(settings: Settings<R>): Settings {
  return settings as unknown as Settings;
}
