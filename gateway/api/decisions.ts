import { type Decision, describeChange, type Router } from 'pointsman';
import type { Grant, Scope } from '../keys/guard.ts';
import { Problem, withoutAddresses } from '../problem.ts';
import { anthropicMessages } from '../protocols/anthropic-messages.ts';
import { chatCompletions } from '../protocols/chat-completions.ts';
import type { AskedAnswer } from '../protocols/protocol.ts';
import { responses } from '../protocols/responses.ts';
import type { DecisionRecord } from '../records/decision-records.ts';
import type { Fields } from '../upstreams/wire.ts';
import { routeOptions } from './answer.ts';
import { ratableAnswer } from './course.ts';
import { estimatedTokens, pricingOf } from './expected-cost.ts';
import { readAim } from './hints.ts';
import { admit, type GatewayParts, keptPrompt, receive, withoutOthers } from './parts.ts';
import { speakersFor } from './speakers.ts';

/** `POST /v1/route`: the whole decision for a body of any protocol, or `{ text }`. Nothing is called. */
export async function decideOnly(parts: GatewayParts, request: Request): Promise<Response> {
  const { body, scope } = await receive(parts, request);
  const asked = readAny(body, request.headers.has('anthropic-version'));
  // A text alone came in no protocol.
  const isInProtocol = typeof body.text !== 'string';
  const { decision, name } = await decideWith(parts, '/v1/route', request, { asked, isInProtocol, scope });
  return Response.json({ router: name, ...explained(decision) });
}

/** A decision that nothing is called for, logged and kept like any other, and with what it was made. */
export interface Decided {
  readonly name: string;
  readonly router: Router;
  readonly grant: Grant;
  readonly decision: Decision;
}

interface ToDecide {
  readonly asked: AskedAnswer;
  readonly scope: Scope;
  /** Whether candidates that may not answer in the protocol of the request are left out. @default false */
  readonly isInProtocol?: boolean;
}

/**
 * @throws Problem where a request names a candidate, RefusalError where its key may not do that.
 */
export async function decideWith(
  parts: GatewayParts,
  route: string,
  request: Request,
  { asked, isInProtocol = false, scope }: ToDecide,
): Promise<Decided> {
  const started = performance.now();
  const { hints, target } = readAim(parts.routers, request.headers, asked, scope);
  if (target.kind !== 'router') {
    throw new Problem(
      400,
      'invalid_request',
      '`model` must be "auto" or "router/<name>", since a router is to decide.',
      {
        param: 'model',
      },
    );
  }
  const { name, router } = target;
  const grant = await admit(parts, request, 'decide', name);
  const speakers = isInProtocol ? speakersFor(parts, asked.request, target, scope) : null;
  const talk = await parts.conversations.open(asked.request, grant.keyId, hints.conversationId);
  const pricing = pricingOf(parts, target, asked.request, estimatedTokens(asked.request));
  const decision = pricing.priced(
    await withoutOthers(
      grant,
      router.route(hints.user === undefined ? asked.request : { ...asked.request, user: hints.user }, {
        ...routeOptions(hints, grant, speakers),
        conversation: talk.conversation,
        novelty: true,
      }),
    ),
  );
  parts.records.add({
    id: decision.id as string,
    at: new Date().toISOString(),
    route,
    router: name,
    keyId: grant.keyId,
    conversationId: talk.id,
    asked: asked.model,
    prompt: keptPrompt(parts, asked.request),
    decision,
    state: 'decided',
    status: 200,
    latencyMs: performance.now() - started,
    overheadMs: performance.now() - started,
  });
  parts.rollups.decided({ router: name, keyId: grant.keyId, decision });
  parts.ratable.add(
    decision.id as string,
    ratableAnswer(decision, decision.candidate, { router: name, keyId: grant.keyId, unit: hints.unit }),
  );
  return { name, router, grant, decision };
}

/** By the fields that one protocol alone has, and by the header that Anthropic's SDK sends. */
function readAny(body: Fields, isOfAnthropic: boolean): AskedAnswer {
  const { input, messages, system, text, ...rest } = body;
  if (typeof text === 'string')
    return chatCompletions.read({ ...rest, messages: [{ role: 'user', content: text }] });
  if (messages === undefined && input !== undefined) return responses.read(body);
  return system === undefined && !isOfAnthropic ? chatCompletions.read(body) : anthropicMessages.read(body);
}

/** A decision with its changes in words. */
function explained(decision: Decision): Fields {
  return { ...decision, changes: decision.whatWouldChangeIt.map(describeChange) };
}

/** `GET /v1/decisions/:id`: why it was decided so, and what came of it. */
export async function readDecision(parts: GatewayParts, request: Request, id: string): Promise<Response> {
  const record = parts.records.get(id);
  const grant = await admit(parts, request, 'read', record?.router ?? null);
  // Of another key's decision nobody learns that it is there.
  if (record !== undefined && isOwn(record, grant.keyId)) {
    const { attempts, decision, ...rest } = record;
    // Where upstreams are is for whoever looks after the gateway.
    const shown = attempts.map(({ error, ...attempt }) => ({
      ...attempt,
      error: error === null ? null : { ...error, message: withoutAddresses(error.message) },
    }));
    return Response.json({ ...rest, attempts: shown, decision: explained(decision) });
  }
  throw new Problem(
    404,
    'decision_not_found',
    `There is no decision ${id.slice(0, 100)} among the last ${parts.config.recordsKept}. Older ones are in the decision log.`,
  );
}

export function isOwn(record: Pick<DecisionRecord, 'keyId'>, keyId: string | null): boolean {
  return keyId === null || record.keyId === keyId;
}
