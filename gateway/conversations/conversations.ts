import { createHash, hash as hashOnce, randomUUID } from 'node:crypto';
import type { RouteOptions } from 'pointsman';
import type { ExecutionResult } from 'pointsman/execution';
import { z } from 'zod';
import type { Memo, Memory } from '../state/memory.ts';
import type { GatewayRequest } from '../upstreams/clients.ts';
import { isRawAnswer } from '../upstreams/raw-answer.ts';
import { type Fields, fieldsOf, isFields, parseFields } from '../upstreams/wire.ts';

/** A request as a turn of its conversation. */
export interface Talk {
  /** Of the conversation: the client's own where it gave one. */
  readonly id: string;
  /** For the router. */
  readonly conversation: NonNullable<RouteOptions['conversation']>;
  /** Who gave the answer that this request goes on from by `previous_response_id`; null where none is named or known. */
  readonly boundTo: string | null;
  /** Takes down who answered. Never throws: what cannot be kept is forgotten. */
  answered(result: Pick<ExecutionResult, 'answer' | 'candidate'>): void;
}

/** Knows which requests belong together, and who answered them. */
export interface Conversations {
  /**
   * @param keyId whose it is; conversations of different keys never meet.
   * @param named the id that the client gave; undefined where it gave none.
   */
  open(request: GatewayRequest, keyId: string | null, named?: string): Promise<Talk>;
}

export interface ConversationOptions {
  /** Milliseconds after its last answer for which a conversation is remembered. */
  readonly ttlMs: number;
  /** Milliseconds that providers keep a prefix in their cache. */
  readonly cacheTtlMs: number;
}

const answerSchema = z.object({
  candidate: z.string(),
  /** Milliseconds since 1970. */
  at: z.number(),
  inputTokens: z.int().nonnegative(),
  outputTokens: z.int().nonnegative(),
  cachedTokens: z.int().nonnegative().nullable(),
});
const stateSchema = z.object({ id: z.string(), answers: z.array(answerSchema) });

type ConversationState = z.output<typeof stateSchema>;

const LONGEST_ID = 256;

/** Of a conversation the newest count: what is warm, and who answered last. */
const MOST_ANSWERS = 16;

/**
 * A turn is known by the id that the client gives (a header, `metadata`, `conversation` of a body), by the answer that it names
 * (`previous_response_id`), or by what both have in common: a request that begins with all that an earlier one said goes on from it.
 */
export function createConversations(
  memory: Memory,
  { cacheTtlMs, ttlMs }: ConversationOptions,
  onError: (error: unknown) => void = () => {},
  clock: () => number = Date.now,
): Conversations {
  const forgotten = (error: unknown): undefined[] => {
    onError(error);
    return [];
  };
  return {
    async open(request, keyId, hinted) {
      const { conversation, previous_response_id: previous } = request.parameters ?? {};
      const own = hinted ?? (typeof conversation === 'string' ? conversation : fieldsOf(conversation).id);
      const named = typeof own === 'string' ? own.slice(0, LONGEST_ID) : undefined;
      const answer = typeof previous === 'string' ? previous.slice(0, LONGEST_ID) : undefined;
      const key = (kind: string, of: string) => `${keyId ?? ''}:${kind}:${of}`;
      const hashes = named === undefined ? prefixHashes(request) : { before: [], whole: null };
      const sought = [
        ...(named === undefined ? [] : [key('id', named)]),
        ...(answer === undefined ? [] : [key('answer', answer)]),
        ...((named ?? answer) === undefined ? hashes.before.map((hash) => key('prefix', hash)) : []),
      ];
      const found = sought.length === 0 ? [] : await memory.recall(sought).catch(forgotten);
      const states = found.map(readState);
      const bound = answer === undefined ? undefined : states[named === undefined ? 0 : 1]?.answers.at(-1);
      const known = states.find((state) => state !== undefined);
      const { answers = [], id = named ?? `conv_${randomUUID().replaceAll('-', '')}` } = known ?? {};
      const now = clock();
      return {
        id,
        boundTo: bound?.candidate ?? null,
        conversation: {
          cacheTtlMs,
          turns: answers.map(({ at, ...turn }) => ({ ...turn, ageMs: Math.max(0, now - at) })),
          // What lies behind an answer that is named is not in the request.
          ...(bound === undefined ? {} : { tokens: bound.inputTokens + bound.outputTokens }),
        },
        answered({ answer: given, candidate }) {
          const { cachedInputTokens, inputTokens, outputTokens } = given.usage ?? {};
          const turn = {
            candidate,
            at: clock(),
            inputTokens: inputTokens ?? 0,
            outputTokens: outputTokens ?? 0,
            cachedTokens: cachedInputTokens ?? null,
          };
          const state: ConversationState = { id, answers: [...answers, turn].slice(-MOST_ANSWERS) };
          const value = JSON.stringify(state);
          const responseId = request.protocol === 'openai-responses' ? responseIdOf(given.raw) : undefined;
          const memos: Memo[] = [
            ...(named === undefined ? [] : [{ key: key('id', named), value }]),
            ...(hashes.whole === null ? [] : [{ key: key('prefix', hashes.whole), value }]),
            ...(responseId === undefined ? [] : [{ key: key('answer', responseId), value }]),
          ];
          memory.remember(memos, ttlMs).catch(onError);
        },
      };
    },
  };
}

/** Undefined for what another version of the gateway wrote. */
function readState(text: string | undefined): ConversationState | undefined {
  return text === undefined ? undefined : stateSchema.safeParse(parseFields(text)).data;
}

/** Of a response of OpenAI, whole or as the event that ends its stream. */
function responseIdOf(raw: unknown): string | undefined {
  if (!isRawAnswer(raw)) return undefined;
  const body = parseFields(raw.text) ?? parseFields(/^data: ?(.*)$/m.exec(raw.text)?.[1] ?? '');
  const { id = fieldsOf(body?.response).id } = body ?? {};
  return typeof id === 'string' ? id.slice(0, LONGEST_ID) : undefined;
}

/** Earlier requests that a request may go on from: looked for from the newest back. */
const MOST_BEFORE = 16;

/**
 * Hashes of what a request says: of all of it, by which the next turn will know it, and of each beginning that ends before a model's answer,
 * which an earlier request may have been; the longest first.
 */
function prefixHashes({ messages = [] }: Pick<GatewayRequest, 'messages'>): {
  readonly whole: string | null;
  readonly before: readonly string[];
} {
  if (messages.length === 0) return { whole: null, before: [] };
  if (messages.length === 1) return { whole: hashOnce('sha1', said(messages[0])), before: [] };
  const hash = createHash('sha1');
  const before: string[] = [];
  for (let i = 0; i < messages.length; i++) {
    if (i > 0 && isOfModel(messages[i]) && !isOfModel(messages[i - 1]))
      before.push(hash.copy().digest('hex'));
    hash.update(said(messages[i]));
  }
  return { whole: hash.digest('hex'), before: before.reverse().slice(0, MOST_BEFORE) };
}

/** A message of an assistant, or an item that a model made. */
function isOfModel(message: unknown): boolean {
  const { role, type } = message as Fields;
  if (typeof role === 'string') return role === 'assistant' || role === 'model';
  return (
    typeof type === 'string' && type !== 'message' && !type.endsWith('_output') && !type.startsWith('input_')
  );
}

/** As it is, but for where caches are to be written, which clients move on from turn to turn. */
function said(message: unknown): string {
  const { content, ...rest } = message as Fields;
  const parts = Array.isArray(content) ? content.map(withoutMarks) : content;
  return `${JSON.stringify([rest, parts])}\n`;
}

function withoutMarks(part: unknown): unknown {
  if (!isFields(part)) return part;
  const { cache_control: _, prompt_cache_breakpoint: __, ...rest } = part;
  return rest;
}
