import type { ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Decision, RouteOptions } from 'pointsman';
import { type ExecutionResult, execute, executeStream, type RoutedOptions } from 'pointsman/execution';
import type { Grant, Scope } from '../keys/guard.ts';
import { CLIENT_LEFT, type Problem, RefusalError } from '../problem.ts';
import type { AnswerFacts, AnswerWriter, AskedAnswer, Protocol } from '../protocols/protocol.ts';
import { decideNamed } from '../routing/named-candidate.ts';
import type { Target } from '../routing/routers.ts';
import type { AnsweredRequest } from '../shadow/shadow.ts';
import { type GatewayRequest, pricesOf } from '../upstreams/clients.ts';
import { isRawAnswer, isTranslated } from '../upstreams/raw-answer.ts';
import { type Course, openCourse } from './course.ts';
import { estimatedTokens, pricingOf } from './expected-cost.ts';
import { type Aim, boundsOf, type GivenHeaders, type Hints, readAim } from './hints.ts';
import { type GatewayParts, keptPrompt, receive, withoutOthers } from './parts.ts';
import { checkUpstreams, speakersFor } from './speakers.ts';
import { piecesBody, sendPieces, type TextPieces } from './text-pieces.ts';

// Where a server of Node was made before this was loaded, it is one of that server's own, which would be sent once more:
// asked for its body, it is one of the platform.
void RESPONSE_ALREADY_SENT.body;

/** What a server of Node gives along with a request; nothing where there is none, as in tests without a socket. */
export interface Connection {
  readonly incoming?: { readonly headers: Readonly<Record<string, unknown>> };
  readonly outgoing?: ServerResponse;
}

/** Answers a request of any protocol: decides, reserves, carries out, and writes what comes in the protocol's own words. */
export async function answerRequest(
  parts: GatewayParts,
  protocol: Protocol,
  request: Request,
  { incoming, outgoing }: Connection = {},
): Promise<Response> {
  const headers = incoming === undefined ? request.headers : headersOf(incoming);
  // Who is not behind a connection is told of what was done, once it is.
  const later = outgoing === undefined ? (work: () => void) => work() : parts.afterwards;
  const course = openCourse(parts, protocol.route, headers, request.signal, later);
  return course.trace.run(async () => {
    try {
      const { body, scope } = await receive(parts, request, headers);
      const asked = protocol.read(body);
      const aim = readAim(parts.routers, headers, asked, scope);
      const plan = await prepare(parts, course, headers, asked, aim, scope);
      const writer = protocol.writer(body);
      return await (asked.stream ? streamed(plan, writer, outgoing) : whole(plan, writer, later));
    } catch (error) {
      const problem = course.failed(error);
      // Of a stream that was open already, nobody reads what comes.
      course.leave();
      return problemResponse(protocol, problem, course);
    }
  });
}

/** As the server has read them: `Headers` of the platform take longer to make than to use. */
function headersOf({ headers }: Required<Connection>['incoming']): GivenHeaders {
  const get = (name: string) => {
    const own = name.toLowerCase();
    return Object.hasOwn(headers, own) ? String(headers[own]) : null;
  };
  return { get, has: (name) => get(name) !== null, keys: () => Object.keys(headers) };
}

/** A request that may be carried out, and with what. */
interface Prepared {
  readonly parts: GatewayParts;
  readonly course: Course;
  readonly router: Parameters<typeof execute>[0];
  readonly routerName: string | null;
  readonly request: GatewayRequest;
  readonly options: RoutedOptions<GatewayRequest>;
  /** For what may be asked in the background; null where nothing may. */
  readonly offer: Pick<AnsweredRequest, 'router' | 'keyId' | 'allowed'> | null;
  /** Of the decision that is carried out, once it is made. */
  readonly decision: () => Decision;
  readonly conversationId: string;
  /** An answer came, whole. */
  answered(result: ExecutionResult): void;
}

async function prepare(
  parts: GatewayParts,
  course: Course,
  headers: GivenHeaders,
  asked: AskedAnswer,
  { hints, target }: Aim,
  scope: Scope,
): Promise<Prepared> {
  const routerName = target.kind === 'router' ? target.name : null;
  checkUpstreams(parts, target, scope);
  const speakers = speakersFor(parts, asked.request, target, scope);
  const inputTokens = estimatedTokens(asked.request);
  const grant = await course.admit({
    router: routerName,
    candidate: target.kind === 'candidate' ? target.name : null,
    inputTokens,
    ...(target.kind === 'router' ? { version: target.router.manifest.id } : {}),
  });
  const talk = await parts.conversations.open(asked.request, grant.keyId, hints.conversationId);
  const facts = {
    asked: asked.model,
    conversationId: talk.id,
    unit: hints.unit,
    prompt: keptPrompt(parts, asked.request),
  };
  let made: Decision | undefined;
  const pricing = pricingOf(parts, target, asked.request, inputTokens);
  const decide = async (given: GatewayRequest, options: RouteOptions | undefined) =>
    pricing.priced(
      target.kind === 'router'
        ? await withoutOthers(grant, target.router.route(given, options))
        : await decideNamed(target.name, given, parts.routers, parts.log),
    );
  /** The router as the execution sees it: what it decides is paid for before it is carried out. */
  const router: Prepared['router'] = {
    manifest:
      target.kind === 'router' ? target.router.manifest : { candidates: namedPrices(parts, target.name) },
    log: course.log,
    async route(given, options) {
      made = await decide(given, options);
      course.decided(made, facts);
      try {
        await course.reserve(grant, pricing.use(made));
      } catch (error) {
        const cheaper = cheapestInstead(error, grant, made, target, options);
        if (cheaper === undefined) throw error;
        course.degraded(error);
        made = await decide(given, cheaper);
        course.decided(made, facts);
        await course.reserve(grant, pricing.use(made));
      }
      return made;
    },
  };
  const route = {
    ...routeOptions(hints, grant, boundSpeakers(parts, talk.boundTo, speakers)),
    conversation: talk.conversation,
  };
  const mayOffer = parts.shadow !== undefined && routerName !== null && route.explore !== false;
  const forwarded = forwardedHeaders(parts.config.forwardHeaders, headers);
  const outgoing = () => ({ ...forwarded, ...course.trace.outgoing() });
  const sent = { ...asked.request, outgoing };
  return {
    parts,
    course,
    router,
    routerName,
    request: hints.user === undefined ? sent : { ...sent, user: hints.user },
    options: {
      ...parts.execution,
      route: mayOffer ? { ...route, uncertainty: true } : route,
      ...boundsOf(hints, parts.config.execution),
      signal: course.signal,
      telemetry: course.telemetry,
    },
    offer: mayOffer ? { router: routerName, keyId: grant.keyId, allowed: route.callable ?? null } : null,
    decision: () => made as Decision,
    conversationId: talk.id,
    answered(result) {
      course.answered(result);
      talk.answered(result);
    },
  };
}

/** Where a request goes on from an answer that its upstream keeps, candidates of that upstream alone. */
function boundSpeakers(
  { config: { candidates } }: GatewayParts,
  boundTo: string | null,
  speakers: readonly string[] | null,
): readonly string[] | null {
  const { upstream } = candidates[boundTo ?? ''] ?? {};
  if (upstream === undefined) return speakers;
  const known = speakers ?? Object.keys(candidates);
  return known.filter((name) => candidates[name]?.upstream === upstream);
}

function namedPrices({ config }: GatewayParts, name: string) {
  return [{ name, ...pricesOf(config.candidates[name]) }];
}

/** @param speakers who may be called at all; null for all. @default null */
export function routeOptions(
  { route }: Pick<Hints, 'route'>,
  { candidates, tier }: Grant,
  speakers: readonly string[] | null = null,
): RouteOptions {
  const callable = candidates?.filter((name) => speakers?.includes(name) ?? true) ?? speakers;
  return {
    ...route,
    ...(callable === null ? {} : { callable }),
    ...(tier === null ? {} : { signals: { ...route.signals, tier } }),
  };
}

/** Options under which only the cheapest candidate within the limits is left; undefined where that would change nothing. */
function cheapestInstead(
  error: unknown,
  { onBudget }: Grant,
  { candidate, predictions }: Decision,
  target: Target,
  options: RouteOptions | undefined,
): RouteOptions | undefined {
  const isOverBudget = error instanceof RefusalError && error.kind === 'over-budget';
  if (!isOverBudget || onBudget !== 'degrade' || target.kind !== 'router') return undefined;
  const [cheapest] = predictions
    .filter(({ expectedCostUsd, removedBy }) => expectedCostUsd !== null && removedBy === undefined)
    .sort((a, b) => (a.expectedCostUsd ?? 0) - (b.expectedCostUsd ?? 0));
  if (cheapest === undefined || cheapest.candidate === candidate) return undefined;
  return { ...options, explore: false, limits: { ...options?.limits, allow: [cheapest.candidate] } };
}

/** Of a request what goes on to upstreams. */
export function forwardedHeaders(
  allowed: readonly string[],
  headers: Pick<Headers, 'get'>,
): Record<string, string> {
  const found = allowed.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name.toLowerCase(), value]];
  });
  return Object.fromEntries(found);
}

async function whole(
  prepared: Prepared,
  writer: AnswerWriter,
  later: GatewayParts['afterwards'],
): Promise<Response> {
  const { options, parts, request, router } = prepared;
  const result = await execute(router, request, parts.pool, options);
  const text = writer.whole(result.answer, factsOf(prepared, result.candidate));
  later(() => {
    prepared.answered(result);
    offerShadow(prepared, result);
  });
  const headers = {
    'content-type': 'application/json',
    ...answerHeaders(prepared, result.candidate, result.answer.raw),
  };
  return new Response(text, { headers });
}

async function streamed(
  prepared: Prepared,
  writer: AnswerWriter,
  outgoing: Connection['outgoing'],
): Promise<Response> {
  const { course, options, parts, request, router } = prepared;
  const started = performance.now();
  const stream = await executeStream(router, request, parts.pool, options);
  course.began(performance.now() - started);
  let isUnwritten = false;
  stream.result
    .then(
      (result) => {
        prepared.answered(result);
        offerShadow(prepared, result);
      },
      (error) => {
        if (!isUnwritten) course.failed(error);
      },
    )
    .catch(parts.onError);
  const pieces = stream[Symbol.asyncIterator]();
  // The first piece says who answers, which may be another one than was decided; of an answer that was whole before it
  // was handed on, the last, and all are there.
  const read = [await pieces.next()];
  let raw: unknown;
  for (;;) {
    const { done, value } = read[read.length - 1];
    if (done !== true) raw = value.raw ?? value.finish?.raw;
    if (done === true || raw !== undefined || value.finish !== undefined || course.answeredBy === undefined)
      break;
    read.push(await pieces.next());
  }
  const candidate =
    isRawAnswer(raw) || isTranslated(raw)
      ? raw.candidate
      : (course.answeredBy ?? prepared.decision().candidate);
  const facts = factsOf(prepared, candidate);
  /** What cannot be written down nobody reads on: the upstream is told so, and what it took is known before it is counted. */
  const letGo = async () => {
    isUnwritten = true;
    await pieces.return?.();
    await stream.result.catch(() => {});
  };
  const texts: TextPieces = {
    async next() {
      for (;;) {
        const { done, value } = read.shift() ?? (await pieces.next());
        if (done === true) return writer.end() || null;
        try {
          const text = writer.piece(value, facts);
          if (text !== '') return text;
        } catch (error) {
          await letGo();
          throw error;
        }
      }
    },
    broken: (error) => writer.broken(course.failed(error)),
    async leave() {
      course.leave();
      await pieces.return?.();
    },
  };
  const headers = {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    'x-accel-buffering': 'no',
    ...answerHeaders(prepared, candidate, raw),
  };
  if (outgoing === undefined) return new Response(piecesBody(texts), { headers });
  outgoing.writeHead(200, headers);
  sendPieces(texts, outgoing).catch((error) => {
    parts.onError(error);
    if (outgoing.socket === null) outgoing.destroy();
    else outgoing.socket.destroySoon();
  });
  return RESPONSE_ALREADY_SENT;
}

/** To whoever asks other candidates too, in the background. */
function offerShadow(
  { decision, offer, parts, request }: Prepared,
  { answer, candidate }: ExecutionResult,
): void {
  if (offer === null) return;
  const made = decision();
  const isRated = () => (parts.records.get(made.id ?? '')?.feedback.length ?? 0) > 0;
  parts.shadow?.offer({ ...offer, request, decision: made, candidate, answer: answer.text, isRated });
}

function factsOf({ decision }: Prepared, candidate: string): AnswerFacts {
  return { id: decision().id ?? '', candidate, created: Math.floor(Date.now() / 1000) };
}

/** Characters of what was not carried; some servers refuse headers of some kilobytes. */
const LONGEST_HEADER = 1000;

/** Headers hold no more than Latin letters. */
function headerText(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : encodeURIComponent(text);
}

function answerHeaders(
  { conversationId, course, decision, routerName }: Prepared,
  candidate: string,
  raw: unknown,
): Record<string, string> {
  const notCarried = isTranslated(raw) ? (raw.notCarried ?? []) : [];
  const { artifactId, confidence, id = '', predictions } = decision();
  const expected =
    predictions.find((prediction) => prediction.candidate === candidate)?.expectedCostUsd ?? null;
  const headers: Record<string, string> = {
    'x-pointsman-decision-id': id,
    'x-pointsman-conversation-id': headerText(conversationId),
    'x-pointsman-candidate': headerText(candidate),
    'x-pointsman-attempts': String(course.attempts),
    'x-pointsman-overhead-ms': course.overheadMs.toFixed(3),
  };
  if (routerName !== null) headers['x-pointsman-router'] = headerText(routerName);
  // Of a candidate that no router knows, nobody expects anything.
  if (artifactId !== 'none') headers['x-pointsman-confidence'] = confidence.toFixed(4);
  if (expected !== null) headers['x-pointsman-expected-cost'] = expected.toPrecision(6);
  if (notCarried.length > 0)
    headers['x-pointsman-not-carried'] = headerText(notCarried.join(', ').slice(0, LONGEST_HEADER));
  return Object.assign(headers, course.keyHeaders);
}

/** An error in the protocol's own shape. */
export function problemResponse(
  protocol: Pick<Protocol, 'problem'>,
  problem: Problem,
  course?: Pick<Course, 'failureHeaders'>,
): Response {
  const { retryAfterMs, status } = problem;
  return Response.json(protocol.problem(problem), {
    // A status that HTTP does not know of is for those who left.
    status: status === CLIENT_LEFT ? 499 : status,
    headers: {
      ...problem.headers,
      ...(retryAfterMs === null ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
      ...course?.failureHeaders,
    },
  });
}
