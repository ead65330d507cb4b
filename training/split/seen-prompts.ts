import { createHash } from 'node:crypto';
import { InvalidInputError, readPrompt } from 'pointsman';
import type { OutcomeMatrix, PromptRecord } from '../outcomes/matrix.ts';
import { normalisedText } from './near-duplicates.ts';

/** What of a router saw a prompt: its heads, or only what makes probabilities of their numbers. */
export type SeenRole = 'fit' | 'calibrate';

/** Which prompts a router was made of. Of the prompts themselves it holds nothing that can be read. */
interface SeenPrompts {
  /** Null where the router has not seen the prompt. */
  roleOf(prompt: PromptRecord): SeenRole | null;
}

type Prompts = Pick<OutcomeMatrix, 'prompts'>['prompts'];

/** "PSEN", read as a little-endian number. */
const MAGIC = 0x4e45_5350;
const VERSION = 1;
const HEADER_BYTES = 16;

/** 48 bits: of a million keys, one prompt in 280 million that was not seen has one by chance. */
const KEY_BYTES = 6;

/**
 * The record of what a router has seen: magic, version, how many keys of either role, then the keys of the fit prompts and those
 * of the calibrate prompts, ascending, 6 bytes each, all little-endian.
 * @param salt of the router, so that records of two routers cannot be compared: its data fingerprint
 */
export function encodeSeenPrompts(
  { calibrate, fit }: { readonly fit: Prompts; readonly calibrate: Prompts },
  salt: string,
): Uint8Array {
  const fitted = keysOf(fit, salt);
  return encodeKeys(fitted, new Set([...keysOf(calibrate, salt)].filter((key) => !fitted.has(key))));
}

/**
 * The record with more prompts that were fitted on.
 * @throws InvalidInputError when the bytes are no such record.
 */
export function addFittedPrompts(record: Uint8Array, prompts: Prompts, salt: string): Uint8Array {
  const { calibrate, fit } = decodeKeys(record);
  for (const key of keysOf(prompts, salt)) {
    fit.add(key);
    calibrate.delete(key);
  }
  return encodeKeys(fit, calibrate);
}

/** @throws InvalidInputError when the bytes are no such record. */
export function decodeSeenPrompts(record: Uint8Array, salt: string): SeenPrompts {
  const { calibrate, fit } = decodeKeys(record);
  return {
    roleOf(prompt) {
      const keys = promptKeys(prompt, salt);
      if (keys.some((key) => fit.has(key))) return 'fit';
      return keys.some((key) => calibrate.has(key)) ? 'calibrate' : null;
    },
  };
}

/**
 * Two keys of a prompt: of its words but for case and white space, and of the hash that stands for it in a table without words. One
 * where its words are gone already.
 */
function promptKeys({ promptHash, request }: PromptRecord, salt: string): number[] {
  if (promptHash !== undefined) return [keyOf(salt, 'hash', promptHash)];
  const { text } = readPrompt(request);
  const hash = createHash('sha256').update(text).digest('hex');
  return [
    keyOf(salt, 'text', normalisedText(text || JSON.stringify(request.messages ?? ''))),
    ...(text === '' ? [] : [keyOf(salt, 'hash', hash)]),
  ];
}

function keyOf(salt: string, kind: 'text' | 'hash', text: string): number {
  return createHash('sha256').update(`${salt}\n${kind}\n${text}`).digest().readUIntLE(0, KEY_BYTES);
}

function keysOf(prompts: Prompts, salt: string): Set<number> {
  const keys = new Set<number>();
  for (const prompt of prompts) for (const key of promptKeys(prompt, salt)) keys.add(key);
  return keys;
}

function encodeKeys(fit: ReadonlySet<number>, calibrate: ReadonlySet<number>): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES + KEY_BYTES * (fit.size + calibrate.size));
  let at = 0;
  for (const word of [MAGIC, VERSION, fit.size, calibrate.size]) at = bytes.writeUInt32LE(word, at);
  for (const keys of [fit, calibrate])
    for (const key of Float64Array.from(keys).sort()) at = bytes.writeUIntLE(key, at, KEY_BYTES);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function decodeKeys(record: Uint8Array): Record<SeenRole, Set<number>> {
  const bytes = Buffer.from(record.buffer, record.byteOffset, record.length);
  const [magic, version, fit, calibrate] =
    bytes.length < HEADER_BYTES ? [] : [0, 4, 8, 12].map((at) => bytes.readUInt32LE(at));
  const length = HEADER_BYTES + KEY_BYTES * (fit + calibrate);
  if (magic !== MAGIC || version !== VERSION || bytes.length !== length) {
    throw new InvalidInputError(
      'The record of the prompts that a router was trained on must be of version 1, and whole. Train the router again, or ' +
        'update pointsman where it was trained with a newer version.',
    );
  }
  const keys = (from: number, count: number) => {
    const read = new Set<number>();
    for (let i = 0; i < count; i++)
      read.add(bytes.readUIntLE(HEADER_BYTES + KEY_BYTES * (from + i), KEY_BYTES));
    return read;
  };
  return { fit: keys(0, fit), calibrate: keys(fit, calibrate) };
}
