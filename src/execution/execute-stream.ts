import type { Decision } from '../decision.ts';
import type { Request } from '../request.ts';
import { openScope } from './abort-scope.ts';
import type { AnswerChunk } from './answer.ts';
import { createChannel } from './async.ts';
import type { DecidingRouter } from './callable.ts';
import type { ClientMap } from './client.ts';
import { type ClientPool, poolParts } from './client-pool.ts';
import { anyRequest, type RoutedOptions, routeInTime } from './execute.ts';
import type { ExecutionResult } from './execution-result.ts';
import { logOutcome } from './log-outcome.ts';
import type { ExecuteOptions } from './options.ts';
import { createOutput } from './output.ts';
import type { PlannedExecution } from './planned.ts';
import { type PlanRun, runPlan } from './run-plan.ts';
import { readSettings } from './settings.ts';

/**
 * An answer on its way, from the commit point on: what is read here will not be taken back. Ends with a chunk that has
 * `finish`, or throws; there is no third way. Leaving the loop early cancels what is under way.
 */
export interface ExecutionStream extends AsyncIterable<AnswerChunk> {
  /** When the last chunk has been read. Rejects with the error that reading throws. */
  readonly result: Promise<ExecutionResult>;
}

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
  const { settings, begun, decision } = await routeInTime(router, request, pool, options);
  const planRun = { planned: decision, request, pool, settings, begun };
  const stream = await openStream(planRun, (result) => logOutcome(router.log, decision, result));
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
  return openStream({ planned, request, pool: poolParts(clients), settings });
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
  const { settings } = planRun;
  const scope = openScope(settings.signal);
  const channel = createChannel<AnswerChunk>(ROOM, () => {
    scope.abort(new DOMException('The reader of the stream left.', 'AbortError'));
  });
  let commit = () => {};
  const committed = new Promise<void>((resolve) => {
    commit = resolve;
  });
  const result = runPlan({
    ...planRun,
    settings: { ...settings, signal: scope.signal },
    output: createOutput(channel, settings.commitAfterCharacters, commit),
  }).finally(() => scope.close());
  // Whoever reads the stream gets the error.
  watch(result).catch(() => {});
  result.then(
    () => channel.end(),
    (error: unknown) => channel.fail(error),
  );
  await Promise.race([committed, result]);
  return { result, [Symbol.asyncIterator]: () => channel.reader };
}
