import { isRetryableStatus } from '../errors.ts';

/** What an error says, whatever its shape. */
interface SaidError {
  /** In words; '' where there are none. */
  readonly message: string;
  /** Its own name for itself, such as `insufficient_quota`; null for none. */
  readonly code: string | null;
  /** HTTP status: what it gives, else the one that its words stand for; null for none. */
  readonly status: number | null;
  /** Whether it does not pass by waiting, whatever its status says. */
  readonly permanent: boolean;
}

/**
 * Reads an error as endpoints and libraries give them: a text, `{ message, code, type }`, the same within `error` or
 * in a list, `{ detail }`, `{ statusCode }`, an instance of Error with such fields.
 */
export function readSaidError(error: unknown): SaidError {
  const layers = layersOf(error);
  const first = <T>(read: (layer: Layer) => T | null): T | null => {
    for (const layer of layers) {
      const found = read(layer);
      if (found !== null) return found;
    }
    return null;
  };
  // The innermost knows best: an outer one may say "Provider returned error" and no more.
  const codes = layers.flatMap(({ code, type, status }) => [code, type, status].filter(isText));
  const message = typeof error === 'string' ? error : (first(messageOf) ?? '');
  const given = first(statusOf);
  const meaning = isBug(error) ? null : meaningOf(codes.join(' '), allWords(message, layers));
  return {
    message,
    code: first(({ code, type }) => [code, type].find(isText) ?? null),
    status: given ?? meaning?.status ?? null,
    permanent: meaning?.permanent === true,
  };
}

/** Whether the same request may work when it is sent again; null where the error does not tell. */
export function isPassing({ status, permanent }: Pick<SaidError, 'status' | 'permanent'>): boolean | null {
  if (permanent) return false;
  return status === null ? null : isRetryableStatus(status);
}

interface Layer {
  readonly [field: string]: unknown;
}

const DEEPEST = 5;

/** The error itself and what it holds within, from the outside in. */
function layersOf(error: unknown): Layer[] {
  const layers: Layer[] = [];
  let at = Array.isArray(error) ? error[0] : error;
  while (typeof at === 'object' && at !== null && layers.length < DEEPEST) {
    const layer = at as Layer;
    layers.push(layer);
    const inner = layer.error ?? layer.data ?? layer.errors;
    if (typeof inner === 'string' && layers.length < DEEPEST) layers.push({ message: inner });
    at = Array.isArray(inner) ? inner[0] : inner;
  }
  return layers;
}

function messageOf({ message, detail, msg, error_description: described }: Layer): string | null {
  const found = [message, detail, msg, described].find((value) => isText(value) && value.trim() !== '');
  return (found as string | undefined) ?? null;
}

/** A status may be a number or its digits, and stands under several names. */
function statusOf(layer: Layer): number | null {
  for (const name of ['status', 'statusCode', 'status_code', 'code', 'http_status']) {
    const value = layer[name];
    const status = isText(value) && /^\d{3}$/.test(value) ? Number(value) : value;
    if (typeof status === 'number' && Number.isInteger(status) && status >= 400 && status < 600)
      return status;
  }
  return null;
}

/** Faults of a program speak of what they stumbled over, in any words. */
function isBug(error: unknown): boolean {
  return (
    error instanceof TypeError ||
    error instanceof ReferenceError ||
    error instanceof SyntaxError ||
    error instanceof RangeError
  );
}

/** Enough for every message that means something. */
const MOST_WORDS = 4000;

/** The message, and what stands in bodies that nobody took apart. */
function allWords(message: string, layers: readonly Layer[]): string {
  const bodies = layers.flatMap(({ responseBody, metadata }) => [
    responseBody,
    typeof metadata === 'object' && metadata !== null ? (metadata as Layer).raw : undefined,
  ]);
  return [message, ...bodies]
    .filter(isText)
    .map((text) => text.slice(0, MOST_WORDS))
    .join(' ');
}

interface Meaning {
  readonly status: number;
  readonly permanent: boolean;
}

/** Of money and of keys: nothing that waiting would change, whatever status it comes with. */
const OUT_OF_MONEY =
  /insufficient[_ ](quota|credits?|balance|funds)|billing[_ ](hard[_ ]limit|not[_ ]active)|(credit|account) balance is too low|(not enough|out of|no more) credits|account[_ ](is[_ ])?(deactivated|suspended|not active)|payment[_ ]required|in arrears|please recharge/i;

/** Gemini says so of a limit a minute too, under the code of a rate limit. */
const OVER_QUOTA =
  /exceeded your (current|monthly) quota|quota[_ ](has been )?(exceeded|exhausted)|usage limit/i;
const RATE_LIMIT =
  /rate[_ -]?limit|too[_ ]many[_ ]requests|resource[_ ](has been )?exhausted|throttl|(tokens|requests) per (min|second|day)/i;

/** What words stand for, the more telling first. */
const MEANINGS: readonly (readonly [words: RegExp, status: number, permanent: boolean])[] = [
  [OUT_OF_MONEY, 429, true],
  [
    /invalid[_ ](x-)?api[_ -]?key|(incorrect|expired|revoked) api key|api[_ ]key (is )?(not valid|invalid|expired)|authentication[_ ](error|fails)|unauthenticated|invalid_token/i,
    401,
    true,
  ],
  [
    /context[_ ](length|window)[_ ]exceeded|maximum context (length|window)|(prompt|input) is too (long|large)|string[_ ]above[_ ]max[_ ]length|request[_ ]too[_ ]large|exceeds? the (available )?context (size|length|window)/i,
    400,
    true,
  ],
  [/content[_ ](policy|management|filter)|responsibleaipolicy/i, 400, true],
  [RATE_LIMIT, 429, false],
  [/overloaded|at capacity|over capacity|capacity exceeded/i, 529, false],
  [/permission[_ ](denied|error)|access[_ ](denied|terminated)|unsupported[_ ]country/i, 403, true],
  [/model[_ ]not[_ ]found|model \S{0,80} (does not exist|not found)|not_found_error/i, 404, true],
  [/invalid[_ ](request|argument)/i, 400, true],
];

/** Names that mean something as a code, and too little as a word among others. */
const CODES: readonly (readonly [code: RegExp, status: number])[] = [
  [/\bunavailable\b|service_unavailable/i, 503],
  [/deadline_exceeded|time_?out/i, 504],
  [/\binternal\b|internal_(server_)?error|server_error|api_error/i, 500],
];

function meaningOf(codes: string, words: string): Meaning | null {
  const all = `${codes} ${words}`;
  if (OVER_QUOTA.test(all) && !RATE_LIMIT.test(codes)) return { status: 429, permanent: true };
  // A code that says it is a matter of rates is believed before the message, which likes to speak of everything.
  if (RATE_LIMIT.test(codes) && !OUT_OF_MONEY.test(all)) return { status: 429, permanent: false };
  for (const [pattern, status, permanent] of MEANINGS) if (pattern.test(all)) return { status, permanent };
  for (const [pattern, status] of CODES) if (pattern.test(codes)) return { status, permanent: false };
  return null;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

/** What stands in the place of a secret. */
const HIDDEN = '***';

/** Shorter ones are looked for as they are, and no shorter than this: `a` would turn every text into stars. */
const SHORTEST = 4;
const SHORTEST_ENCODED = 8;

/**
 * Takes known secrets out of a text, however an upstream writes them back: as they are, with some or all of their
 * characters escaped as in JSON or in an address, in hexadecimal, or within base64 of either alphabet.
 *
 * @returns the text itself where there is nothing to hide.
 */
export function createRedactor(secrets: Iterable<string>): (text: string) => string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    if (secret.length >= SHORTEST) forms.add(anyEscape(secret));
    if (secret.length >= SHORTEST_ENCODED) for (const form of encodedForms(secret)) forms.add(escaped(form));
  }
  if (forms.size === 0) return (text) => text;
  // The longest first, so that no end of one is left standing.
  const alternatives = [...forms].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(alternatives.join('|'), 'gi');
  return (text) => text.replace(pattern, HIDDEN);
}

/** Each character as it is, behind a backslash, or as the number of itself or of its bytes. */
function anyEscape(secret: string): string {
  const characters = [...secret].map((character) => {
    const bytes = hexOf(new TextEncoder().encode(character));
    const unit = character.charCodeAt(0).toString(16).padStart(4, '0');
    const percent = bytes.replace(/../g, '%$&');
    return `(?:\\\\?${escaped(character)}|\\\\u${unit}|${percent})`;
  });
  return characters.join('');
}

function encodedForms(secret: string): string[] {
  const bytes = new TextEncoder().encode(secret);
  const base64 = [0, 1, 2].map((before) => insideBase64(bytes, before));
  return [hexOf(bytes), ...base64, ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'))];
}

function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The digits that some bytes have wherever they stand in base64, after a number of bytes that leaves this rest by three. */
function insideBase64(bytes: Uint8Array, before: number): string {
  const padded = new Uint8Array(before + bytes.length);
  padded.set(bytes, before);
  const digits = base64Of(padded);
  // A digit that holds bits of a neighbour is not theirs alone.
  return digits.slice(Math.ceil((before * 8) / 6), Math.floor((padded.length * 8) / 6));
}

/** Bytes as base64. */
export function base64Of(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

/** What keys look like, where the keys themselves are not known: those of a client that is not ours. */
const LOOKS_SECRET: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\b(bearer|basic) +[\w.~+/=-]{8,}/gi, `$1 ${HIDDEN}`],
  [/\b(?:sk|pk|rk|gsk|xai|hf|pplx|fw|tgp|csk|nvapi|key)[-_][\w-]{16,}/gi, HIDDEN],
  [/\bAIza[\w-]{30,}/g, HIDDEN],
  [
    /(\b(?:x-)?(?:api|access|secret|subscription)[-_ ]?(?:key|token)["']?\s*[:=]\s*["']?)[^\s"',;&}]{6,}/gi,
    `$1${HIDDEN}`,
  ],
  [/([?&](?:key|token|sig|signature|code|access_token)=)[^\s"'&#]+/gi, `$1${HIDDEN}`],
  [/(\/\/)[^\s/@:]+:[^\s/@]+@/g, `$1${HIDDEN}@`],
];

/** Takes out what looks like a key: for words of which nobody knows what they may hold. */
export function hideKeys(text: string): string {
  return LOOKS_SECRET.reduce((clean, [pattern, instead]) => clean.replace(pattern, instead), text);
}

/** One line of at most this many characters, without control characters: what others say goes into logs. */
export function oneLine(text: string, longest: number): string {
  const plain = text
    .slice(0, 4 * longest)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return plain.length <= longest ? plain : `${plain.slice(0, longest)}…`;
}
