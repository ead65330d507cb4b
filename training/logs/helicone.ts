import type { LogDocument, LogReader } from './log-entry.ts';
import { readAnswer } from './read-answer.ts';
import { readConversation } from './read-conversation.ts';
import { readRating } from './read-rating.ts';
import { readUsage } from './read-usage.ts';
import { numberOf, objectOf, textOf } from './values.ts';

/** Helicone's requests, as its API and its exporter give them; bodies as objects or as JSON text. */
export const heliconeLog: LogReader = {
  fields: null,
  *read(document) {
    yield { kind: 'call', row: rowOf(document), answer: readAnswer(document.response_body) };
    const id = textOf(document.request_id) ?? '';
    const at = textOf(document.response_created_at) ?? textOf(document.request_created_at);
    const rating = readRating(document.feedback_rating);
    if (rating != null) yield { kind: 'score', of: 'call', id, name: 'feedback_rating', value: rating, at };
    for (const [name, score] of Object.entries(objectOf(document.scores) ?? {})) {
      const value = objectOf(score)?.value ?? score;
      if (value != null) yield { kind: 'score', of: 'call', id, name, value, at };
    }
  },
};

function rowOf(document: LogDocument): Record<string, unknown> {
  const request = objectOf(document.request_body) ?? {};
  const status = numberOf(document.response_status);
  // Helicone gives negative numbers to calls that were cancelled or timed out.
  const failed = status !== null && (status >= 400 || status <= 0);
  const cached = /[1-9a-f]/.test(textOf(document.cache_reference_id) ?? '');
  const usage = readUsage(objectOf(document.response_body)?.usage);
  const properties = objectOf(document.properties) ?? objectOf(document.request_properties) ?? {};
  return {
    requestId: document.request_id,
    timestamp: document.request_created_at,
    ...readConversation(
      request.messages ?? request.input ?? request.prompt,
      request.system ?? request.instructions,
    ),
    task: property(properties, 'task'),
    tier: property(properties, 'tier'),
    candidate: textOf(request.model) ?? textOf(document.request_model) ?? document.model,
    costUsd: failed || cached ? null : (document.costUSD ?? document.cost_usd ?? document.cost),
    latencyMs: failed || cached ? null : document.delay_ms,
    inputTokens: document.prompt_tokens ?? usage.inputTokens,
    outputTokens: document.completion_tokens ?? usage.outputTokens,
    source: 'helicone',
    metadata: {
      timeToFirstTokenMs:
        failed || cached ? undefined : (numberOf(document.time_to_first_token) ?? undefined),
      cached: cached || undefined,
      failed: failed || undefined,
      error: failed ? String(status) : undefined,
    },
  };
}

/** Properties are named in headers, which know no case. */
function property(properties: LogDocument, name: string): unknown {
  return Object.entries(properties).find(([key]) => key.toLowerCase() === name)?.[1];
}
