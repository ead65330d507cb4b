import { ExecutionError, executePlan, UpstreamError } from 'pointsman/execution';
import { secretFromHeaders } from '../keys/secret.ts';
import { anthropicMessages } from '../protocols/anthropic-messages.ts';
import type { RawAnswer } from '../upstreams/raw-answer.ts';
import { forwardedHeaders, problemResponse } from './answer.ts';
import { estimatedTokens } from './expected-cost.ts';
import { type GatewayParts, receive, reportedProblem } from './parts.ts';

/** Where an upstream does not know the route. */
const NOT_THERE = new Set([404, 405, 501]);

/**
 * `POST /v1/messages/count_tokens`: by the upstream of the candidate that is named, where it speaks Anthropic's protocol;
 * an estimate, which a header says, of all others and where a router would choose.
 */
export async function countTokens(parts: GatewayParts, request: Request): Promise<Response> {
  try {
    const { body, scope } = await receive(parts, request);
    const asked = anthropicMessages.read(body);
    const target = parts.routers.target(asked.model, scope);
    const [router, candidate] = target.kind === 'router' ? [target.name, null] : [null, target.name];
    const token = secretFromHeaders(request.headers);
    await parts.guard.admit({ action: 'decide', token, router, candidate, inputTokens: 0 });
    const estimate = () =>
      Response.json(
        { input_tokens: estimatedTokens(asked.request) },
        { headers: { 'x-pointsman-token-count': 'estimate' } },
      );
    if (candidate === null || !Object.hasOwn(parts.tokenCounters, candidate)) return estimate();
    const forwarded = forwardedHeaders(parts.config.forwardHeaders, request.headers);
    try {
      const { answer } = await executePlan(
        { plan: { kind: 'call', candidate }, fallback: [] },
        { ...asked.request, outgoing: () => forwarded },
        parts.tokenCounters,
        { ...parts.execution, candidates: {}, signal: request.signal },
      );
      return new Response((answer.raw as RawAnswer).text, {
        headers: { 'content-type': 'application/json', 'x-pointsman-token-count': 'exact' },
      });
    } catch (error) {
      const { cause } = error as ExecutionError;
      const isNotThere =
        error instanceof ExecutionError && cause instanceof UpstreamError && NOT_THERE.has(cause.status ?? 0);
      if (isNotThere) return estimate();
      throw error;
    }
  } catch (error) {
    return problemResponse(anthropicMessages, reportedProblem(parts, error));
  }
}
