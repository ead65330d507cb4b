import type { LogDocument, LogReader } from './log-entry.ts';
import { readAnswer } from './read-answer.ts';
import { readConversation } from './read-conversation.ts';
import { readRating } from './read-rating.ts';
import { readUsage } from './read-usage.ts';
import { numberOf, objectOf, textOf } from './values.ts';

/**
 * Pairs of an OpenAI request and its response (chat, responses, or Anthropic's messages), as a proxy writes them:
 * `{ request, response }`, and beside them whatever is known of the call.
 */
export const openaiLog: LogReader = {
  fields: null,
  *read(document) {
    const request = bodyOf(document.request ?? document.request_body ?? document.body);
    const response = bodyOf(document.response ?? document.response_body);
    yield { kind: 'call', row: rowOf(document, request, response), answer: readAnswer(response) };
  },
};

function bodyOf(value: unknown): LogDocument | null {
  const object = objectOf(value);
  return objectOf(object?.body) ?? object;
}

/** The first of the names that the document has. */
function given(document: LogDocument, ...names: readonly string[]): unknown {
  return document[names.find((name) => document[name] != null) ?? ''];
}

function rowOf(
  document: LogDocument,
  request: LogDocument | null,
  response: LogDocument | null,
): Record<string, unknown> {
  const status = numberOf(
    given(document, 'status_code', 'status') ?? objectOf(document.response)?.status_code,
  );
  const error = objectOf(response?.error ?? document.error) ?? textOf(document.error);
  const failed = error !== null || response === null || (status !== null && status >= 400);
  const code = typeof error === 'object' ? (textOf(error?.code) ?? textOf(error?.type)) : null;
  const metadata = objectOf(request?.metadata) ?? {};
  const usage = readUsage(response?.usage);
  return {
    requestId: given(document, 'requestId', 'request_id', 'id', 'custom_id') ?? response?.id,
    timestamp:
      given(document, 'timestamp', 'created_at', 'createdAt', 'time') ??
      response?.created ??
      response?.created_at,
    ...readConversation(
      request?.messages ?? request?.input ?? request?.prompt,
      request?.system ?? request?.instructions,
    ),
    task: document.task ?? metadata.task,
    tier: document.tier ?? metadata.tier,
    // The name that was asked for: the response may name a dated version of it.
    candidate: document.candidate ?? request?.model ?? response?.model,
    quality: readRating(given(document, 'quality', 'score', 'rating', 'feedback')),
    costUsd: failed ? null : given(document, 'costUsd', 'cost_usd', 'cost'),
    latencyMs: failed ? null : given(document, 'latencyMs', 'latency_ms', 'duration_ms', 'response_ms'),
    ...usage,
    propensity: document.propensity,
    source: 'openai',
    metadata: {
      failed: failed || undefined,
      error: failed ? (code ?? textOf(status) ?? undefined) : undefined,
    },
  };
}
