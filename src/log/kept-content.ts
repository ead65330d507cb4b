import type { AnswerKeeper } from '../answer/answer-features.ts';
import type { Sha256 } from '../artifact/read-artifact.ts';
import {
  type ContentPart,
  isOfUser,
  type Message,
  mediaOf,
  noMedia,
  type Prompt,
  type Request,
  readContent,
  readPrompt,
} from '../request.ts';

/** What is kept of an answer: what it looks like, and its words only where they are to be kept. */
export interface LoggedAnswer {
  /** sha256 of its text, in 64 hex digits. */
  readonly hash: string;
  /** How it ended: `stop`, `length`, `tool-calls`, `content-filter`, `other`. */
  readonly finishReason?: string;
  readonly text?: string;
  /** Version of `checks`. */
  readonly version?: number;
  /** Features of it, against what was asked; left out where that is not known. */
  readonly checks?: readonly number[];
  /** sha256 of what it finally says and of the decision's id: the same for answers to one request that agree. */
  readonly key?: string;
}

/** An answer as it is told to a log. */
export interface SaidAnswer {
  readonly text: string;
  /** @default not known */
  readonly finishReason?: string | null;
  /** What was asked: an answer is looked at beside it. @default its looks are not kept */
  readonly request?: Request;
}

/** An answer as it is held until it is looked at. */
export interface PendingAnswer {
  /** UTF-16 units of text. */
  readonly size: number;
  readonly text: string;
  readonly finishReason: string | null;
  readonly prompt: Prompt | undefined;
}

/** Holds what is needed of an answer, and not the request: a conversation goes on after it was answered. */
export function pendingAnswer(
  { finishReason = null, text }: Omit<SaidAnswer, 'request'>,
  request: Request | undefined,
): PendingAnswer {
  const prompt = request === undefined ? undefined : promptOf(request);
  return { size: text.length + (prompt?.text.length ?? 0), text, finishReason, prompt };
}

/** Of a request that cannot be read nothing is known. */
function promptOf(request: Request): Prompt | undefined {
  try {
    return readPrompt(request);
  } catch {
    return undefined;
  }
}

export type OpenKeeper = () => Promise<AnswerKeeper>;

/** What reads answers is loaded when the first one is logged. */
export function lazyKeeper(): OpenKeeper {
  let opened: Promise<AnswerKeeper> | undefined;
  return () => {
    opened ??= import('../answer/answer-features.ts').then(({ createAnswerKeeper }) => createAnswerKeeper());
    return opened;
  };
}

export async function loggedAnswer(
  { finishReason, prompt, text }: PendingAnswer,
  id: string,
  {
    answers,
    openKeeper,
    sha256,
  }: {
    readonly answers: 'features' | 'text' | 'none';
    readonly openKeeper: OpenKeeper;
    readonly sha256: Sha256;
  },
): Promise<LoggedAnswer> {
  const said = {
    hash: await sha256(new TextEncoder().encode(text)),
    ...(finishReason === null ? {} : { finishReason }),
    ...(answers === 'text' ? { text } : {}),
  };
  if (prompt === undefined) return said;
  const keeper = await openKeeper();
  const { checks, key } = keeper.keep(
    keeper.readQuestion(prompt),
    { text, finishReason, logprobs: null },
    id,
  );
  return { ...said, version: keeper.version, checks, key: await sha256(key) };
}

/** The request without what is no text: of a picture or a sound only its type is kept. */
export type LoggedRequest = { readonly text: string } | { readonly messages: readonly Message[] };

/**
 * What is kept of a request, apart from the caller's own objects: a conversation goes on after it was routed. Words are
 * kept as text, whatever they were called; of parts that are no text only the type, since they can be megabytes.
 */
export function copyRequest(request: Request): LoggedRequest {
  const { messages } = request;
  if (!Array.isArray(messages)) return { text: typeof request.text === 'string' ? request.text : '' };
  return { messages: (messages as readonly Message[]).map(copyMessage) };
}

function copyMessage(message: Message): Message {
  const { role, name, content, parts, type } = message as Message & Readonly<Record<string, unknown>>;
  // An item of the Responses API is a part of its own.
  const given = content ?? parts ?? (type === undefined || type === 'message' ? undefined : [message]);
  return {
    role: typeof role === 'string' ? role : isOfUser(message) ? 'user' : 'tool',
    ...(typeof given === 'string' ? { content: given } : {}),
    ...(typeof given === 'object' && given !== null ? { content: [given].flat().map(copyPart) } : {}),
    ...(typeof name === 'string' ? { name } : {}),
  };
}

function copyPart(part: unknown): ContentPart {
  const words: string[] = [];
  readContent({ content: [part] }, { words, contextCharacters: 0, media: noMedia(), others: 0 });
  if (words.length > 0) return { type: 'text', text: words.join('\n') };
  const kind = mediaOf(part);
  const kept = { type: String((part as ContentPart | null)?.type) };
  return kind === undefined || mediaOf(kept) === kind ? kept : { type: kind };
}

/** UTF-16 units; beyond it a user is cut. */
export const LONGEST_USER = 256;

/** Who asks, within limits. */
export function userOf(request: Request | undefined): string | undefined {
  const user = request?.user;
  return typeof user === 'string' && user !== '' ? user.slice(0, LONGEST_USER) : undefined;
}

const HMAC = { name: 'HMAC', hash: 'SHA-256' };

/** HMAC-SHA-256 in 64 hex digits: who has not the key can neither tell the text nor try what it is. @param key not empty */
export async function keyedHash(key: string, text: string): Promise<string> {
  const encoder = new TextEncoder();
  const secret = await crypto.subtle.importKey('raw', encoder.encode(key), HMAC, false, ['sign']);
  const digest = await crypto.subtle.sign('HMAC', secret, encoder.encode(text));
  let hex = '';
  for (const byte of new Uint8Array(digest)) hex += (256 + byte).toString(16).slice(1);
  return hex;
}
