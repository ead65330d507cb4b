import { hash as hashOnce, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import type { KeyRecord } from '../state/key-record.ts';

/** A key as its owner sends it, and what may be kept of it. */
interface Secret {
  readonly id: string;
  /** Shown once, and kept nowhere. */
  readonly text: string;
  readonly sha256: string;
  readonly hint: string;
}

const ID_LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 12;

/** `pm-`, an id that is no secret, and 256 random bits. */
const SHAPE = /^pm-([a-z0-9]{12})-([A-Za-z0-9_-]{43})$/;

/** @param id of a key that gets another secret; a new key gets one of its own. */
export function createSecret(id: string = newId()): Secret {
  const text = `pm-${id}-${randomBytes(32).toString('base64url')}`;
  return { id, text, sha256: sha256Of(text), hint: text.slice(-4) };
}

function newId(): string {
  return Array.from({ length: ID_LENGTH }, () => ID_LETTERS[randomInt(ID_LETTERS.length)]).join('');
}

/** The id that a key says of itself; null for what is no key. */
export function idOfSecret(text: string): string | null {
  return SHAPE.exec(text)?.[1] ?? null;
}

/**
 * SHA-256 is enough for 256 random bits: there is nothing to guess that a slower hash would protect. Each secret is compared in
 * constant time; where there is no such key, as much work is done.
 */
export function isSecretOf(text: string, record: KeyRecord | undefined, nowMs: number): boolean {
  const given = hash(text);
  let isRight = false;
  for (const { expiresAt, sha256 } of record?.secrets ?? [NOBODYS]) {
    const isSame = timingSafeEqual(given, Buffer.from(sha256, 'hex'));
    if (isSame && (expiresAt === null || nowMs < Date.parse(expiresAt))) isRight = true;
  }
  return isRight && record !== undefined;
}

const NOBODYS = { sha256: '0'.repeat(64), expiresAt: null };

/** Compares two secrets of any length in constant time. */
export function isSameSecret(given: string, right: string): boolean {
  return timingSafeEqual(hash(given), hash(right));
}

const hash = (text: string): Buffer => hashOnce('sha256', text, 'buffer');
const sha256Of = (text: string): string => hash(text).toString('hex');

/**
 * The key that a request brings, in whichever header its SDK puts it: `Authorization: Bearer` (OpenAI), `x-api-key` (Anthropic),
 * `api-key` (Azure) or `x-goog-api-key` (Google). Where several say different things, what looks like a key of the gateway
 * goes first: some programs send a placeholder beside it.
 */
export function secretFromHeaders(headers: Pick<Headers, 'get'>): string | null {
  const bearer = /^Bearer +(.*)$/i.exec(headers.get('authorization')?.trim() ?? '')?.[1];
  const others = ['x-api-key', 'api-key', 'x-goog-api-key'].map((name) => headers.get(name) ?? undefined);
  const given = [bearer, ...others]
    .map((text) => text?.trim())
    .filter((text) => text !== undefined && text !== '');
  return given.find((text) => idOfSecret(text!) !== null) ?? given[0] ?? null;
}
