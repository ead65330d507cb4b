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
