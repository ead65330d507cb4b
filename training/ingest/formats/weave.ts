import { LOG_REASONS, type LogDocument, type LogEntry, type LogReader } from '../record/format.ts';
import { readConversation } from '../record/messages.ts';
import { answered, readResponse } from '../record/response.ts';
import {
  firstGiven,
  isObject,
  listOf,
  millisecondsBetween,
  numberOf,
  objectOf,
  readLogUsage,
  textOf,
} from '../record/values.ts';

/** Names of operations under which Weave's integrations note calls of providers; a call of one's own says `kind: llm`. */
const LANGUAGE_OPERATIONS =
  /(chat\.completions|completions|responses|messages|chat)\.?(async)?\.?(create|parse|stream|complete)|litellm\.a?completion|generate_content|generatecontent|\.converse|invoke_model|completions?_create|chat_completion|text_generation|langchain\.(llm|chat)/i;
const OTHER_OPERATIONS = /embedding|moderation|images|audio|transcri|rerank/i;

/** A value that Weave keeps elsewhere. */
const REFERENCE = /^weave(-trace-internal)?:\/\/\//;
const GOOD = ['👍', '❤️', '🎉', '✅'];
const BAD = ['👎', '❌'];

/**
 * Calls of W&B Weave (docs.wandb.ai, "Call schema reference"), as its page and its API export them. A function around a
 * call sums up what its calls used, so only calls of providers are read, and those that say `kind: llm` of themselves.
 */
export const weaveLog: LogReader = {
  signs: [
    ['op_name', 'started_at'],
    ['op_name', 'inputs'],
  ],
  fields: null,
  *read(document) {
    const inputs = objectOf(document.inputs) ?? {};
    const response = readResponse(document.output);
    const failed = textOf(document.exception) !== null || summaryOf(document)?.status === 'error';
    const found = readConversation(withoutSelf(inputs));
    const isHere = found.text !== undefined || found.messages !== undefined;
    const isReference = Object.values(inputs).some((value) => REFERENCE.test(String(value)));
    if (!isCall(document)) yield { kind: 'refused', reason: LOG_REASONS.noCall };
    else if (!failed && !response.given && document.ended_at == null)
      yield { kind: 'refused', reason: LOG_REASONS.unanswered };
    else if (isReference && (!isHere || (found.text !== undefined && REFERENCE.test(found.text))))
      yield { kind: 'refused', reason: LOG_REASONS.requestElsewhere };
    else {
      const row = { ...found, ...rowOf(document, inputs, response.body, failed || response.error !== null) };
      yield { kind: 'call', row, ...answered(response) };
    }
    yield* scoresOf(document);
  },
};

function isCall(document: LogDocument): boolean {
  const attributes = objectOf(document.attributes);
  const kind = firstGiven(objectOf(attributes?.weave), ['kind']) ?? attributes?.kind;
  if (kind === 'llm') return true;
  // `weave:///team/project/op/openai.chat.completions.create:<version>`
  const operation = textOf(document.op_name)?.replace(/^.*\/op\//, '') ?? '';
  return LANGUAGE_OPERATIONS.test(operation) && !OTHER_OPERATIONS.test(operation);
}

/** The client whose method was called is among the inputs. */
function withoutSelf({ self: _, ...inputs }: LogDocument): LogDocument {
  return inputs;
}

function summaryOf(document: LogDocument): LogDocument | null {
  return objectOf(objectOf(document.summary)?.weave);
}

function rowOf(
  document: LogDocument,
  inputs: LogDocument,
  body: LogDocument | null,
  failed: boolean,
): Record<string, unknown> {
  const summary = summaryOf(document);
  const usages = Object.entries(objectOf(objectOf(document.summary)?.usage) ?? {});
  // Of several models it is not known which of them the call is of.
  const [[model, used] = [null, null]] = usages.length === 1 ? usages : [];
  const usage = readLogUsage(body?.usage ?? body?.usageMetadata ?? used);
  const attributes = objectOf(document.attributes) ?? {};
  return {
    requestId: document.id,
    timestamp: document.started_at,
    task: attributes.task,
    tier: attributes.tier,
    candidate: textOf(inputs.model) ?? textOf(body?.model) ?? model,
    costUsd: failed ? null : costOf(summary),
    latencyMs: failed
      ? null
      : (millisecondsBetween(document.started_at, document.ended_at) ?? numberOf(summary?.latency_ms)),
    ...usage,
    source: 'weave',
    metadata: { traceId: textOf(document.trace_id) ?? undefined, failed: failed || undefined },
  };
}

/** Costs by model; without a price of a token Weave knows none. */
function costOf(summary: LogDocument | null): number | null {
  const [cost, ...others] = Object.values(objectOf(summary?.costs) ?? {}).map(objectOf);
  if (cost == null || others.length > 0) return null;
  const parts = [cost.prompt_tokens_total_cost, cost.completion_tokens_total_cost].map(numberOf);
  if (parts.every((part) => part === null)) return null;
  const total = parts.reduce<number>((sum, part) => sum + (part ?? 0), 0);
  const isPriced = numberOf(cost.prompt_token_cost) !== null || numberOf(cost.completion_token_cost) !== null;
  return total === 0 && !isPriced ? null : total;
}

/** Reactions, notes, and what scorers said: of an object each number, by its name. */
function* scoresOf(document: LogDocument): Generator<LogEntry> {
  for (const item of listOf(summaryOf(document)?.feedback ?? document.feedback) ?? []) {
    const feedback = objectOf(item);
    const payload = objectOf(feedback?.payload);
    if (feedback === null || payload === null) continue;
    const type = textOf(feedback.feedback_type) ?? 'feedback';
    const score = {
      of: 'call',
      id: textOf(document.id) ?? '',
      at: textOf(feedback.created_at),
      isColumn: true,
    } as const;
    const emoji = textOf(payload.emoji);
    if (emoji !== null) {
      const isKnown = [...GOOD, ...BAD].includes(emoji);
      if (isKnown) yield { kind: 'score', ...score, name: 'reaction', value: GOOD.includes(emoji) };
      else yield { kind: 'refused', reason: LOG_REASONS.scoreInWords };
      continue;
    }
    const name = type.replace(/^wandb\.runnable\./, '');
    const numbers = [...numbersIn(name, payload.output ?? payload)];
    if (numbers.length === 0) yield { kind: 'refused', reason: LOG_REASONS.scoreInWords };
    for (const [each, value] of numbers) yield { kind: 'score', ...score, name: each, value };
  }
}

function* numbersIn(name: string, value: unknown): Generator<[string, number | boolean]> {
  if (typeof value === 'number' || typeof value === 'boolean') yield [name, value];
  else if (isObject(value))
    for (const [key, inner] of Object.entries(value)) yield* numbersIn(`${name}.${key}`, inner);
}
