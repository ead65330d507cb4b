import type { Artifact } from '../artifact/read-artifact.ts';
import { ExecutionError, InvalidInputError } from '../errors.ts';
import type { DecisionLog, OutcomeInput } from '../log/record.ts';
import { largest } from '../math.ts';
import type { Decision } from '../policy/plan.ts';
import type { Request } from '../request.ts';
import type { RouteOptions } from '../router/router.ts';
import type { AnswerChunk, ClientMap } from './answer.ts';
import { createChannel, untilAborted } from './async.ts';
import type { Attempt, ExecutionResult, PlannedExecution } from './attempt.ts';
import {
  type ClientPool,
  callableOnly,
  checkClients,
  type DecidingRouter,
  type OnWarning,
  poolParts,
} from './client-pool.ts';
import { type ExecuteOptions, readSettings, type Settings } from './options.ts';
import { createOutput } from './run.ts';
import { openTerm, type PlanRun, runPlan, type Term } from './run-plan.ts';

/** The options of execution, and those of the decision before it. */
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
  const { artifact, decision, settings, term } = await routeInTime(router, request, pool, options);
  const running = runPlan({
    planned: decision,
    request,
    pool,
    settings,
    output: null,
    artifact,
    term,
    isMadeBefore: false,
  });
  const { answer, candidate, outcome, trace } = await logOutcome(router.log, decision, request, running);
  return { answer, candidate, outcome, trace, decision };
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
  const settings = anyRequest(readSettings(options));
  const pool = poolParts(clients);
  // Last: nothing that throws may leave its timer behind.
  const term = openTerm(settings);
  return runPlan({ planned, request, pool, settings, output: null, term, isMadeBefore: true });
}

interface Routed {
  readonly settings: Settings;
  /** Closed when the plan has been run. */
  readonly term: Term;
  readonly decision: Decision;
  /** Of the version that took the request, also where another one is in use by now. */
  readonly artifact: Artifact | undefined;
}

/** Asks the router, which may have to ask an endpoint for an embedding, within the time and the signal of all. */
async function routeInTime<R extends Request>(
  router: DecidingRouter,
  request: R,
  pool: ReturnType<typeof poolParts>,
  options: RoutedOptions<R>,
): Promise<Routed> {
  const prices = options.prices ?? router.manifest.candidates;
  const settings = anyRequest(readSettings({ ...options, prices }));
  const { route, warnings } = callableOnly(router, pool, options.route, options.onWarning);
  const { artifact } = router;
  const term = openTerm(settings);
  try {
    const decision = await untilAborted(router.route(request, route), term.scope.signal);
    return {
      settings,
      term,
      // Whoever gave nobody to be told reads it with the reasons.
      decision:
        warnings.length === 0 ? decision : { ...decision, reasons: [...decision.reasons, ...warnings] },
      artifact: artifactOf(decision, artifact, router),
    };
  } catch (error) {
    term.close();
    throw error;
  }
}

/**
 * The artifact that made a decision: the one that was in use when the request came, the one in use now, or that of the router which
 * it was handed over to.
 */
function artifactOf(
  { artifactId, policyPath }: Decision,
  before: Artifact | undefined,
  router: DecidingRouter,
): Artifact | undefined {
  let at: Pick<DecidingRouter, 'artifact' | 'routers'> | undefined = router;
  for (const policy of policyPath)
    if (policy.startsWith(HANDED)) at = at?.routers?.[policy.slice(HANDED.length)];
  return [at?.artifact, before].find((artifact) => artifact?.manifest.id === artifactId);
}

/** In the path of a decision, before the name of the router that it was handed over to. */
const HANDED = 'router:';

/** Functions of the caller's are only ever given the request that they came with, or what `extendRequest` makes of it. */
function anyRequest<R extends Request>(settings: Settings<R>): Settings {
  return settings as unknown as Settings;
}

/**
 * Tells a router's log how its decision was carried out: whose answer it was and what that one cost, beside what
 * everything cost. A cost that the router only expected is not told: it would be learned as if it had been seen. A
 * verifier's score goes along as feedback; what the answer head says does not, or it would learn from itself. Of an execution that the caller cancelled nothing is told: nobody knows
 * what the answer would have been.
 */
async function logOutcome<Result extends ExecutionResult>(
  log: DecisionLog | undefined,
  { id, candidate }: Pick<Decision, 'id' | 'candidate'>,
  request: Request,
  execution: Promise<Result>,
): Promise<Result> {
  if (log === undefined || id === undefined) return execution;
  try {
    const result = await execution;
    tell(() => log.outcome(id, answered(result, request)));
    const { quality, qualitySource } = result.outcome;
    if (quality !== null && qualitySource !== 'answer') {
      tell(() => log.feedback(id, { quality, candidate: result.candidate, source: 'verifier' }));
    }
    return result;
  } catch (error) {
    if (error instanceof ExecutionError) {
      tell(() => log.outcome(id, failed(error.code, error.attempts as readonly Attempt[], candidate)));
    }
    throw error;
  }
}

/** A log that refuses a record takes nobody's answer away. */
function tell(record: () => void): void {
  try {
    record();
  } catch {
    // What the log is not given to keep was of a decision that it has not kept either, and has counted.
  }
}

function answered({ answer, candidate, trace }: ExecutionResult, request: Request): OutcomeInput {
  const { attempts } = trace;
  const own = attempts.filter((attempt) => attempt.candidate === candidate && attempt.state === 'answered');
  const { finishReason, text } = answer;
  return { candidate, ...amountsOf(own), ...totalsOf(attempts), answer: { text, finishReason, request } };
}

function failed(code: string, attempts: readonly Attempt[], candidate: string): OutcomeInput {
  const own = attempts.filter((attempt) => attempt.candidate === candidate);
  return { candidate, status: 'failed', ...amountsOf(own), ...totalsOf(attempts), error: code };
}

/** Of several samples or retries: their costs and tokens together, and the latency of the last. */
function amountsOf(own: readonly Attempt[]) {
  const sources = own.map(({ costSource }) => costSource);
  return {
    costUsd: sum(own.map((attempt) => (attempt.costSource === null ? null : seenCost(attempt)))),
    costSource: sources.every((source) => source === 'computed') ? 'computed' : 'reported',
    latencyMs: sum(own.slice(-1).map(({ latencyMs }) => latencyMs)),
    inputTokens: sum(own.map(({ inputTokens }) => inputTokens)),
    outputTokens: sum(own.map(({ outputTokens }) => outputTokens)),
  } as const;
}

/** Nothing where one attempt was all; no cost where that of one of them is not known. */
function totalsOf(attempts: readonly Attempt[]) {
  if (attempts.length < 2) return {};
  const totalCostUsd = sum(attempts.map(seenCost));
  const totalLatencyMs = largest(attempts.map(({ latencyMs, startedMs }) => startedMs + latencyMs));
  return { ...(totalCostUsd === null ? {} : { totalCostUsd }), totalLatencyMs };
}

/** Null where nothing but the router's own expectation is known. */
function seenCost({ costSource, costUsd }: Attempt): number | null {
  return costSource === 'estimated' ? null : costUsd;
}

/** Null where one of them is not known. */
function sum(values: readonly (number | null)[]): number | null {
  if (values.length === 0) return null;
  return values.reduce<number | null>(
    (total, value) => (total === null || value === null ? null : total + value),
    0,
  );
}

/** What a router can do beside, once it has clients. */
export interface Executing<R extends Request = Request> {
  /**
   * Decides and carries out: the function `execute`.
   *
   * @param clients @default those that the router was given
   * @param options go before those that the router was given, field by field.
   * @throws InvalidInputError when there are no clients, and as the function does.
   */
  execute(
    request: R,
    clients?: ClientMap<R> | ClientPool<R>,
    options?: RoutedOptions<R>,
  ): Promise<RoutedResult>;
  /** The same in pieces: the function `executeStream`. */
  executeStream(
    request: R,
    clients?: ClientMap<R> | ClientPool<R>,
    options?: RoutedOptions<R>,
  ): Promise<RoutedStream>;
}

/**
 * The router, able to execute what it decides. All else of it is as it was, also where it swaps its artifact later.
 *
 * A function beside the router and no method of it: most of what executing needs would else be loaded, and sent to
 * browsers and edges, by everybody who only decides.
 *
 * @param clients for every request that brings none of its own. @default none
 * @param options for every request. @default {}
 * @example
 * const router = withExecution(await loadRouter('models/support', { load: pool.load }), pool, { deadlineMs: 20_000 });
 * const { answer } = await router.execute({ text: 'What is 17 * 23?' });
 */
export function withExecution<T extends DecidingRouter, R extends Request = Request>(
  router: T,
  clients?: ClientMap<R> | ClientPool<R>,
  options: RoutedOptions<R> = {},
): T & Executing<R> {
  if (clients !== undefined) checkClients(router, poolParts(clients), options.onWarning);
  const executing: Executing<R> = {
    execute: (request, own = clients, more = {}) =>
      execute(router, request, needed(own), { ...options, ...more }),
    executeStream: (request, own = clients, more = {}) =>
      executeStream(router, request, needed(own), { ...options, ...more }),
  };
  // Inherited, not copied: what the router computes when it is asked is still asked of it.
  return Object.assign(Object.create(router) as T, executing);
}

function needed<C>(clients: C | undefined): C {
  if (clients !== undefined) return clients;
  throw new InvalidInputError(
    '`clients` of execute must be clients by candidate, or a pool of them. Got nothing. Pass them here, or to `withExecution`.',
  );
}

/**
 * An answer on its way, from the commit point on: what is read here will not be taken back. Ends with a chunk that has
 * `finish`, or throws; there is no third way. Leaving the loop early cancels what is under way.
 */
export interface ExecutionStream extends AsyncIterable<AnswerChunk> {
  /** When the last chunk has been read. Rejects with the error that reading throws. */
  readonly result: Promise<ExecutionResult>;
}

/** The decision, and the stream of what comes of it. */
export interface RoutedStream extends ExecutionStream {
  readonly decision: Decision;
}

/** Pieces that may wait for the reader before the upstream is slowed down. */
const ROOM = 16;

/**
 * As `execute`, but the answer comes in pieces. Resolves at the commit point, when the first piece is there; until
 * then whatever fails is retried and replaced, and when all fails this rejects. Answers that must be whole before they
 * can be judged, compared or merged come at the end, all at once.
 *
 * @throws as `execute` does; reading the stream throws BrokenStreamError, or DeadlineError, when the answer does not
 * come to its end.
 * @example
 * const stream = await executeStream(router, { text: 'Tell me a story.' }, clients);
 * for await (const { text } of stream) show(text ?? '');
 * const { outcome } = await stream.result;
 */
export async function executeStream<R extends Request>(
  router: DecidingRouter,
  request: R,
  clients: ClientMap<R> | ClientPool<R>,
  options: RoutedOptions<R> = {},
): Promise<RoutedStream> {
  const pool = poolParts(clients);
  const { decision, ...routed } = await routeInTime(router, request, pool, options);
  const planRun = { ...routed, planned: decision, request, pool, isMadeBefore: false };
  const stream = await openStream(planRun, (result) => logOutcome(router.log, decision, request, result));
  return Object.assign(stream, { decision });
}

/** `executePlan`, in pieces. */
export async function executePlanStream<R extends Request>(
  planned: PlannedExecution,
  request: R,
  clients: ClientMap<R> | ClientPool<R>,
  options: ExecuteOptions<R> = {},
): Promise<ExecutionStream> {
  const settings = anyRequest(readSettings(options));
  const pool = poolParts(clients);
  return openStream({ planned, request, pool, settings, term: openTerm(settings), isMadeBefore: true });
}

/**
 * Resolves when the first piece is there.
 *
 * @param watch is given the result before anything else is; what it does with it is its own affair.
 */
async function openStream(
  planRun: Omit<PlanRun, 'output'>,
  watch: (result: Promise<ExecutionResult>) => Promise<unknown> = async () => {},
): Promise<ExecutionStream> {
  const { settings, term } = planRun;
  const channel = createChannel<AnswerChunk>(ROOM, () => {
    term.scope.abort(new DOMException('The reader of the stream left.', 'AbortError'));
  });
  let commit = () => {};
  const committed = new Promise<void>((resolve) => {
    commit = resolve;
  });
  const result = runPlan({
    ...planRun,
    output: createOutput(channel, settings.commitAfterCharacters, commit),
  });
  // Whoever reads the stream gets the error.
  watch(result).catch(() => {});
  result.then(
    () => channel.end(),
    (error: unknown) => channel.fail(error),
  );
  await Promise.race([committed, result]);
  return { result, [Symbol.asyncIterator]: () => channel.reader };
}
