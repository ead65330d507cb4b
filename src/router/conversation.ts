import * as v from 'valibot';
import type { Change, Plan } from '../policy/plan.ts';
import type { PolicyContext } from '../policy/policy.ts';
import type { SessionPolicySpec } from '../policy/spec.ts';
import { isOfUser, type Message, noMedia, type Request, readContent } from '../request.ts';
import { SIGNALS } from '../signals/signals.ts';
import { countRequestTokens } from '../tokens.ts';
import { amount, count, strictObject, validate } from '../validate.ts';
import type { Conversation, ConversationTurn, RouteOptions } from './router.ts';

const conversationSchema = strictObject({
  turns: v.exactOptional(
    v.pipe(
      v.array(
        strictObject({
          candidate: v.string(),
          ageMs: amount,
          inputTokens: count,
          outputTokens: count,
          cachedTokens: v.exactOptional(v.nullable(count)),
        }),
      ),
      v.maxLength(1000),
    ),
  ),
  tokens: v.exactOptional(SIGNALS.conversationTokens.schema),
  cacheTtlMs: v.exactOptional(amount),
});

const FIVE_MINUTES = 300_000;

/** A request of a conversation, as it is decided on. */
export interface Turn {
  readonly request: Request;
  /** Without the conversation, of which signals and cached tokens have been made. */
  readonly options: RouteOptions;
  readonly stay: NonNullable<PolicyContext['stay']>;
}

/**
 * @param request of which nothing is known yet.
 * @throws InvalidInputError naming the field.
 */
export function readTurn(
  request: Request,
  { conversation: given, ...options }: RouteOptions,
  candidates: readonly { readonly name: string }[],
): Turn {
  const conversation = validate<Conversation>(conversationSchema, given, 'conversation of route options');
  const { cacheTtlMs = FIVE_MINUTES, tokens = 0, turns = [] } = conversation;
  // What is no request is refused by whoever decides on it.
  const { messages: list } = (request ?? {}) as Request;
  const messages =
    Array.isArray(list) && list.every(isFields) ? (list as unknown as readonly Message[]) : undefined;
  const asked = messages?.map(wordsOfUser) ?? [];
  const last = asked.findLastIndex((words) => words !== '');
  const since = messages?.slice(last + 1) ?? [];
  return {
    request:
      messages === undefined || last === -1 ? request : { ...request, messages: lastAsk(messages, last) },
    options: {
      ...options,
      cachedTokens: options.cachedTokens ?? warmTokens(turns, cacheTtlMs),
      signals: {
        userTurn: messages === undefined ? 1 : asked.filter((words) => words !== '').length,
        ...toolSignals(since),
        conversationTokens: countRequestTokens(request ?? {}) + tokens,
        ...options.signals,
      },
    },
    stay: (spec, plan, context) => stayOrLeave(spec, plan, context, turns.at(-1), candidates),
  };
}

/** Providers cache no shorter prefix: platform.openai.com and docs.anthropic.com, prompt caching. */
const LEAST_CACHED = 1024;

/**
 * Tokens at the beginning of the next request that each candidate's provider is likely to have in its cache: what it read and wrote at its
 * newest answer, as long as that is not too old. Where it has said how much of such a prefix it had, by so large a share: what a
 * provider does not cache is not warm.
 */
export function warmTokens(turns: readonly ConversationTurn[], ttlMs: number): Record<string, number> {
  const warm = new Map<string, number>();
  for (const name of new Set(turns.map(({ candidate }) => candidate))) {
    const own = turns.filter(({ candidate }) => candidate === name);
    const { ageMs, inputTokens, outputTokens } = own[own.length - 1];
    const prefix = inputTokens + outputTokens;
    if (ageMs > ttlMs || prefix < LEAST_CACHED) continue;
    // One prefix of the shortest length is taken to have been found, before anything is known.
    let expected = LEAST_CACHED;
    let found = LEAST_CACHED;
    for (let i = 1; i < own.length; i++) {
      const before = own[i - 1];
      const { cachedTokens = null, inputTokens: read } = own[i];
      const could = Math.min(before.inputTokens + before.outputTokens, read);
      if (cachedTokens === null || before.ageMs - own[i].ageMs > ttlMs || could < LEAST_CACHED) continue;
      expected += could;
      found += Math.min(cachedTokens, could);
    }
    warm.set(name, Math.round((prefix * found) / expected));
  }
  return Object.fromEntries(warm);
}

/** The newest answer's candidate, unless the policy's own choice is worth leaving it for. */
function stayOrLeave(
  { mode = 'free', switchMargin = 0, ttlMs = FIVE_MINUTES }: SessionPolicySpec,
  plan: Plan,
  { predictions: { success } }: PolicyContext,
  newest: ConversationTurn | undefined,
  candidates: readonly { readonly name: string }[],
): Plan {
  const led = (how: string, reason: string, more: Partial<Plan> = {}): Plan => ({
    ...plan,
    ...more,
    path: [`session:${how}`, ...plan.path],
    reasons: [reason, ...plan.reasons],
  });
  if (newest === undefined) return led('first', 'It is the first turn of its conversation.');
  const { candidate: name, ageMs } = newest;
  const [first] = plan.order;
  const { name: other } = candidates[first];
  if (name === other) return led('same', `${name} answered last, and is the first choice.`);
  if (ageMs > ttlMs) return led('late', `The last answer, by ${name}, is older than ${ttlMs} ms.`);
  const current = plan.order.find((c) => candidates[c].name === name);
  if (current === undefined) return led('gone', `${name} answered last, and cannot be chosen any more.`);
  const gain = plan.utilities[first] - plan.utilities[current];
  const change = (candidate: string): readonly Change[] =>
    mode === 'pin'
      ? []
      : [{ kind: 'threshold', field: 'switchMargin', from: switchMargin, to: gain, candidate }];
  const stay = (reason: string, changes: readonly Change[]) =>
    led('stay', reason, {
      step: { kind: 'call', candidate: name },
      order: [current, ...plan.order.filter((c) => c !== current)],
      changes,
    });
  if (mode === 'pin') return stay(`${name} answered last, and the conversation is pinned to it.`, []);
  if (mode === 'upwards' && success[first] <= success[current])
    return stay(`${name} answered last; ${other} is not likelier to answer well.`, []);
  // Only once it is above is it left, also where both are equal.
  if (gain <= switchMargin)
    return stay(
      `${name} answered last; ${other} is above it by ${gain.toPrecision(2)}, which is not over the margin of ${switchMargin}.`,
      change(other),
    );
  return led('leave', `${other} is above ${name}, which answered last, by ${gain.toPrecision(2)}.`, {
    changes: [...change(name), ...plan.changes],
  });
}

/**
 * All but the last thing that the user asked as context, and so is what a harness wrote around it: words that every request of a product has
 * would drown what sets this one apart.
 */
function lastAsk(messages: readonly Message[], last: number): Message[] {
  return messages.flatMap((message, i) => {
    if (!isOfUser(message)) return [message];
    if (i !== last) return [{ ...message, role: CONTEXT }];
    const { content } = message;
    const harness: string[] = [];
    const own = (text: string) => {
      const parts = splitHarness(text);
      if (parts.harness.length === 0) return text;
      for (const written of parts.harness) harness.push(written);
      return parts.own.trim();
    };
    const mine = Array.isArray(content)
      ? content.flatMap((part: unknown) => {
          const text = isFields(part) && typeof part.text === 'string' ? own(part.text) : undefined;
          if (text === undefined) return [part];
          return text === '' ? [] : [{ ...(part as Fields), text }];
        })
      : typeof content === 'string'
        ? own(content)
        : content;
    if (harness.length === 0) return [message];
    return [{ role: CONTEXT, content: harness.join('\n') }, { ...message, content: mine } as Message];
  });
}

/** No role of an API: whoever reads it takes it for words that are not the user's. */
const CONTEXT = 'context';

/** What a user wrote in a message, without what a harness wrote around it; '' where there is nothing of it. */
function wordsOfUser(message: Message): string {
  if (!isOfUser(message)) return '';
  const seen = { words: [] as string[], contextCharacters: 0, media: noMedia(), others: 0 };
  readContent(message, seen);
  return splitHarness(seen.words.join('\n')).own.trim();
}

/** Tags that agents put around what they add to a user's message: Claude Code, Cline, Codex. */
const HARNESS =
  /<(system[-_]reminder|environment[-_](?:context|details)|user_instructions|ide_(?:opened_file|selection|diagnostics)|local-command-(?:stdout|stderr|caveat)|command-(?:name|message|args))>/g;

function splitHarness(text: string): { readonly own: string; readonly harness: readonly string[] } {
  const harness: string[] = [];
  let own = '';
  let at = 0;
  const unclosed = new Set<string>();
  for (const { 0: tag, 1: name, index } of text.matchAll(HARNESS)) {
    // Each closing tag is looked for once: a text of opening tags alone takes no longer than another.
    if (index < at || unclosed.has(name)) continue;
    const closing = `</${name}>`;
    const end = text.indexOf(closing, index + tag.length);
    if (end === -1) {
      unclosed.add(name);
      continue;
    }
    own += text.slice(at, index);
    at = end + closing.length;
    harness.push(text.slice(index, at));
  }
  return { own: own + text.slice(at), harness };
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** What tools gave since the user last asked, and whether the same is called again and again. */
function toolSignals(messages: readonly Message[]) {
  const calls: string[] = [];
  let toolResults = 0;
  let toolErrors = 0;
  for (const message of messages) {
    for (const part of partsOf(message)) {
      const call = callOf(part);
      if (call !== undefined) calls.push(call);
      if (!isResult(part)) continue;
      toolResults++;
      if (isError(part)) toolErrors++;
    }
  }
  const newest = calls.pop();
  return { toolResults, toolErrors, stall: calls.filter((call) => call === newest).length };
}

/** A message itself, its calls, and its parts: APIs put calls and results into any of them. */
function partsOf(message: Message): Fields[] {
  const { content, parts, tool_calls: calls } = message as unknown as Fields;
  const inside = [content, parts, calls].flatMap((list) => (Array.isArray(list) ? list : []));
  return [message, ...inside].filter(isFields);
}

/** A call with what it is called with, in a form in which equal calls are equal. */
function callOf(part: Fields): string | undefined {
  const { function: called, functionCall, toolUse, type } = part;
  const inner = (functionCall ?? toolUse ?? called) as Fields | undefined;
  const isCall = inner !== undefined || /(^|[_-])(call|tool_use|tool-call)$/.test(String(type ?? ''));
  if (!isCall) return undefined;
  const { args, arguments: given = args, input = given, name, toolName = name } = { ...part, ...inner };
  return JSON.stringify([toolName, typeof input === 'string' ? input : JSON.stringify(input ?? null)]);
}

function isResult({ functionResponse, role, toolResult, type }: Fields): boolean {
  if (role === 'tool' || role === 'function') return true;
  return (
    functionResponse !== undefined ||
    toolResult !== undefined ||
    /(tool[_-]result|call_output)$/.test(String(type ?? ''))
  );
}

const FAILED =
  /^\W{0,8}(?:error|exception|traceback|fatal|failed)\b|\bexit(?:ed)?(?: with)?(?: status)?(?: code)?[ :]+[1-9]/i;
const LOOKED_AT = 500;

/** By what its API says, else by how it begins. */
function isError(part: Fields): boolean {
  const { is_error: isFailure, output, status, type } = part;
  if (isFailure === true || status === 'error' || status === 'failed') return true;
  const kind = (output as Fields | null | undefined)?.type;
  if (typeof kind === 'string' && kind.startsWith('error')) return true;
  const seen = { words: [] as string[], contextCharacters: 0, media: noMedia(), others: 0 };
  readContent({ role: 'user', content: output ?? part.content ?? part.result ?? '', type }, seen);
  return FAILED.test(seen.words.join('\n').slice(0, LOOKED_AT));
}
