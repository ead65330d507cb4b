import type { Answer, AnswerChunk } from 'pointsman/execution';
import { type Fields, isFields, parseFields } from './wire.ts';

/** What an upstream sent, to be passed on as it is: a whole body, or an event of a stream. */
export interface RawAnswer {
  readonly candidate: string;
  readonly text: string;
}

/** Whether what an execution hands on is what an upstream of this protocol sent. */
export function isRawAnswer(raw: unknown): raw is RawAnswer {
  return typeof raw === 'object' && raw !== null && 'candidate' in raw && 'text' in raw;
}

/** What a translated piece of an answer says beside its words; the protocol of the request writes it in its own. */
export interface TranslatedPiece {
  readonly candidate: string;
  /** The model that answers, as its upstream calls it. */
  readonly model: string;
  /** With the first piece: what the request asked for and the upstream has no word for. */
  readonly notCarried?: readonly string[];
  /** What the provider wants back with the thoughts that have just ended, or with a call: `sealed`. */
  readonly signed?: string;
  /** A file that the model made, in base64. */
  readonly file?: { readonly mediaType: string; readonly data: string };
  /** With the last piece: what the answer was stopped by, of the texts that the request named. */
  readonly stopSequence?: string;
}

/** A whole answer that was translated, in its pieces. */
export interface TranslatedAnswer extends TranslatedPiece {
  readonly chunks: readonly AnswerChunk[];
  /** Where several answers were asked for, those after the first. */
  readonly others?: readonly OtherAnswer[];
}

/** One of several answers to a request. */
export interface OtherAnswer {
  readonly chunks: readonly AnswerChunk[];
  readonly reason: Answer['finishReason'];
}

export function isTranslated(raw: unknown): raw is TranslatedPiece {
  return typeof raw === 'object' && raw !== null && 'candidate' in raw && 'model' in raw;
}

/** What a provider signed, encrypted or keeps of an answer: of its thoughts, or of the call with this id. */
export interface Signed {
  readonly of: 'reasoning' | 'call';
  readonly id?: string;
  /** By the name of the provider, and of whose answer it was under `pointsman`. */
  readonly metadata: Readonly<Record<string, Fields>>;
}

/** What texts of the gateway's own begin with, where a protocol keeps what was signed. */
const MARK = 'pm1.';

/** As one text without spaces, which goes to the client and comes back with the next turn of the conversation. */
export function sealed(signed: Signed): string {
  return MARK + Buffer.from(JSON.stringify(signed)).toString('base64url');
}

/** For thoughts that nobody signed, so that they are known again as what no upstream needs to read. */
export const UNSIGNED = sealed({ of: 'reasoning', metadata: {} });

/** Undefined for what is none, which another upstream signed in its own way. */
export function unsealed(text: unknown): Signed | undefined {
  if (!isSealed(text)) return undefined;
  const { id, metadata, of } =
    parseFields(Buffer.from(text.slice(MARK.length), 'base64url').toString()) ?? {};
  if (!isFields(metadata) || !Object.values(metadata).every(isFields)) return undefined;
  if (of !== 'reasoning' && of !== 'call') return undefined;
  return { of, ...(typeof id === 'string' ? { id } : {}), metadata: metadata as Signed['metadata'] };
}

export function isSealed(text: unknown): text is string {
  return typeof text === 'string' && text.startsWith(MARK);
}
