import { NoCandidateError } from 'pointsman';
import type { ClientPool, ExecuteOptions } from 'pointsman/execution';
import type { DecisionLog } from 'pointsman/log';
import type { Conversations } from '../conversations/conversations.ts';
import type { Action, Grant, Guard, Scope } from '../keys/guard.ts';
import { secretFromHeaders } from '../keys/secret.ts';
import { type FailedRequest, Problem, problemOf, RefusalError } from '../problem.ts';
import { type DecisionRecords, type RatableAnswers, shownPrompt } from '../records/decision-records.ts';
import type { Rollups } from '../rollups/open-rollups.ts';
import type { Routers } from '../routing/routers.ts';
import type { Shadow } from '../shadow/shadow.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Tracing } from '../telemetry/trace.ts';
import type { GatewayRequest } from '../upstreams/clients.ts';
import type { TokenCounters } from '../upstreams/other-routes.ts';
import { DEEPEST, type Fields, isTooDeep, parseFields } from '../upstreams/wire.ts';
import type { SpeakingParts } from './speakers.ts';

/** What a gateway is made of; made once, and used by every route. */
export interface GatewayParts extends SpeakingParts {
  readonly routers: Routers;
  readonly pool: ClientPool<GatewayRequest>;
  /** Milliseconds until the breaker of a candidate lets a request try it; 0 where it is not open. */
  readonly reopensInMs: (candidate: string) => number;
  /** Options of every execution but those of embeddings. */
  readonly execution: ExecuteOptions<GatewayRequest>;
  readonly tokenCounters: TokenCounters;
  /** Models that turn texts into vectors. */
  readonly embeddings: ClientPool<GatewayRequest>;
  readonly embeddingExecution: ExecuteOptions<GatewayRequest>;
  readonly guard: Guard;
  readonly log: DecisionLog;
  readonly conversations: Conversations;
  readonly records: DecisionRecords;
  readonly ratable: RatableAnswers;
  readonly rollups: Rollups;
  /** Undefined where nobody is asked in the background. */
  readonly shadow: Shadow | undefined;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  /** Does what nobody need wait for once the answer is on its way, and before the next request is looked at. */
  readonly afterwards: (work: () => void) => void;
  /** Told of mistakes of the gateway's own, and of what its operator has to know. */
  readonly onError: (error: unknown) => void;
}

/** What an error means for the client, once whoever runs the gateway has been told of it, on every route alike. */
export function reportedProblem(
  { metrics, onError, reopensInMs }: GatewayParts,
  error: unknown,
  request: Pick<FailedRequest, 'decisionId'> = {},
): Problem {
  const problem = problemOf(error, { ...request, reopensInMs });
  if (problem.status === 500) onError(error);
  if (error instanceof RefusalError) metrics.refusals.inc({ kind: error.kind });
  return problem;
}

/** What is kept of the words of a request beside its decision; null where the decision log is to hold none. */
export function keptPrompt({ config }: GatewayParts, request: GatewayRequest): string | null {
  return config.log?.content === 'hash' ? null : shownPrompt(request);
}

/** Asks the guard for what calls no model. @throws RefusalError */
export function admit(
  { guard }: GatewayParts,
  { headers }: Request,
  action: Exclude<Action, 'answer'>,
  router: string | null,
): Promise<Grant> {
  const token = secretFromHeaders(headers);
  return guard.admit({ action, token, router, candidate: null, inputTokens: 0 });
}

/**
 * A decision, or why there is none.
 *
 * @throws NoCandidateError that tells of no candidate that the key may not use.
 */
export async function withoutOthers<T>({ candidates }: Grant, decision: Promise<T>): Promise<T> {
  try {
    return await decision;
  } catch (error) {
    if (candidates === null || !(error instanceof NoCandidateError)) throw error;
    const removed = [...error.removed].filter(([name]) => candidates.includes(name));
    const none = 'No candidate of this router is one that the key may use.';
    if (removed.length === 0) throw new Problem(400, 'no_candidate', none);
    const isOwn = candidates.includes(error.nearest?.candidate ?? '');
    throw new NoCandidateError(new Map(removed), isOwn ? error.nearest : null);
  }
}

/**
 * The JSON object of a body, which is not read for whoever has no key, and what the key may be told of.
 *
 * @throws RefusalError without a key.
 * @throws Problem when it is none, longer than `maxBodyBytes`, or nested too deeply.
 */
export async function receive(
  { config, guard }: GatewayParts,
  request: Request,
  headers: Pick<Headers, 'get'> = request.headers,
): Promise<{ readonly body: Fields; readonly scope: Scope }> {
  const { maxBodyBytes } = config;
  const scope = await guard.identify(secretFromHeaders(headers));
  const length = headers.get('content-length');
  if (length !== null && Number(length) > maxBodyBytes) throw tooLong(maxBodyBytes);
  // What is of a known length cannot become longer.
  const text = length === null ? await readBounded(request, maxBodyBytes) : await request.text();
  const body = parseFields(text);
  if (body !== undefined && isTooDeep(body))
    throw new Problem(
      400,
      'invalid_request',
      `The body must have at most ${DEEPEST} levels of lists and objects in each other, and it has more. Send it with fewer.`,
    );
  if (body !== undefined) return { body, scope };
  throw new Problem(
    400,
    'invalid_json',
    'The body must be a JSON object. Send one, with `content-type: application/json`.',
  );
}

async function readBounded({ body }: Request, maxBodyBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const piece of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += piece.byteLength;
    if (bytes > maxBodyBytes) throw tooLong(maxBodyBytes);
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

function tooLong(maxBodyBytes: number): Problem {
  return new Problem(
    413,
    'body_too_long',
    `The body must be at most ${maxBodyBytes} bytes. Send less, or raise \`maxBodyBytes\`.`,
  );
}
