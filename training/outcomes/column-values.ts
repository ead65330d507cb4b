import { z } from 'zod';

/**
 * How a value of a log becomes a value of the outcomes table. The bulk path says the same in SQL (`ingest/sql/fields.ts`);
 * a test holds the two together.
 */

/** A number written as text, as CSV files and NUMERIC columns have it. Runs in JavaScript and in RE2. */
export const NUMBER_PATTERN = '[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?';

/** The parts of a timestamp: date, hours and minutes, seconds, milliseconds (further digits are cut), offset. */
export const TIMESTAMP_PATTERN =
  '^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(?:(:[0-9]{2})(\\.[0-9]{1,3})?[0-9]*)? ?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$';

/** sha256 in hexadecimal. */
export const HASH_PATTERN = '^[0-9a-f]{64}$';

/** What those parts, put together again, must look like. Calendar rules are zod's. */
export const ISO_PATTERN = z.regexes.datetime({ offset: true }).source;

/** Numbers from here on are milliseconds since 1970, smaller ones are seconds. */
export const SMALLEST_EPOCH_MS = 1e11;
export const LARGEST_EPOCH_MS = 253402300799999;

const numberExpression = new RegExp(`^${NUMBER_PATTERN}$`);
const timestampExpression = new RegExp(TIMESTAMP_PATTERN);
const isoExpression = new RegExp(ISO_PATTERN);

/**
 * Whole numbers are names too (ids often are); blank means "not given". Beyond 2^53 a number has lost digits here and
 * is refused, while the bulk path reads up to 20 digits from the file.
 */
export function readLabel(value: unknown): unknown {
  if (value === '') return null;
  return typeof value === 'bigint' || Number.isSafeInteger(value) ? String(value) : value;
}

export function readNumber(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'string') return value;
  const trimmed = value.replace(/^ +| +$/g, '');
  if (trimmed === '') return null;
  return numberExpression.test(trimmed) ? Number(trimmed) : value;
}

export function readQuality(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0;
  const lower = typeof value === 'string' ? value.toLowerCase() : '';
  if (lower === 'true' || lower === 'false') return lower === 'true' ? 1 : 0;
  return readNumber(value);
}

/** Gives an ISO time in UTC with milliseconds; what cannot be read is given back as it is. */
export function readTimestamp(value: unknown): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? value : value.toISOString();
  const read = readNumber(value);
  if (read === null || read === undefined) return null;
  if (typeof read === 'number') {
    const ms = Math.floor(read >= SMALLEST_EPOCH_MS ? read : read * 1000);
    return ms >= 0 && ms <= LARGEST_EPOCH_MS ? new Date(ms).toISOString() : value;
  }
  const parts = typeof value === 'string' ? timestampExpression.exec(value) : null;
  if (parts === null) return value;
  const [, date, minutes = '00:00', seconds = ':00', fraction = '', offset = 'Z'] = parts;
  const zone =
    offset.length === 3
      ? `${offset}:00`
      : offset.length === 5
        ? `${offset.slice(0, 3)}:${offset.slice(3)}`
        : offset;
  const iso = `${date}T${minutes}${seconds}${fraction}${zone}`;
  return isoExpression.test(iso) ? new Date(iso).toISOString() : value;
}

/** Objects and lists may come as JSON text, as CSV files have them. */
export function readJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (value === '') return null;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** Before an answer that is no text but JSON, such as a provider's response: its words are read later. */
export const JSON_ANSWER = '\u0001';

/** An answer in any form: nobody's row is turned down for the shape of what was answered. */
export function readAnswer(value: unknown): unknown {
  if (value == null || typeof value === 'string') return value;
  return `${typeof value === 'object' ? JSON_ANSWER : ''}${JSON.stringify(value)}`;
}

/** What only says more of a row does not turn it down. */
export function readNote(value: unknown): unknown {
  const label = readLabel(value);
  return typeof label === 'string' ? label : null;
}

/** As long as a name may be in a manifest, in characters. */
export const LONGEST_NAME = 200;

/** Names are printed: what steers a terminal is none. */
export function isCandidateName(value: string): boolean {
  return value.trim() !== '' && !/\p{Cc}/u.test(value) && [...value].length <= LONGEST_NAME;
}

export const messageSchema = z.looseObject({
  role: z.string().min(1),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() })), z.null()]).optional(),
});

/** Kept as it is; `z.record` would lose a key that is called `__proto__`. */
export const objectSchema = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);
