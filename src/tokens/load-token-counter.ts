import { MissingPackageError } from '../errors/missing-package-error.ts';
import type { TokenCounter } from '../request/count-request-tokens.ts';

/** Byte-pair encodings of OpenAI's models; others' counts come close. `o200k_base`: GPT-4o and later. */
export type TokenEncoding = 'o200k_base' | 'cl100k_base';

/**
 * A counter that tells tokens exactly, by the package `gpt-tokenizer`; without one they are estimated. Its time is linear
 * in the text: runs of over {@link LONGEST_RUN} letters, spaces or marks, for which the package's is quadratic, are counted
 * in pieces, which adds at most one token a piece.
 *
 * @throws MissingPackageError when `gpt-tokenizer` is not installed.
 * @example
 * const router = await loadRouter('models/support', { countTokens: await loadTokenCounter() });
 */
export async function loadTokenCounter(encoding: TokenEncoding = 'o200k_base'): Promise<TokenCounter> {
  // Text that looks like a special token is text.
  const asText = { disallowedSpecial: new Set<string>() };
  const { countTokens } = await importEncoding(encoding);
  return (text) => {
    let tokens = 0;
    let start = 0;
    for (const end of cuts(text)) {
      tokens += countTokens(text.slice(start, end), asText);
      start = end;
    }
    return tokens + countTokens(start === 0 ? text : text.slice(start), asText);
  };
}

async function importEncoding(encoding: TokenEncoding) {
  try {
    return encoding === 'o200k_base'
      ? await import('gpt-tokenizer/encoding/o200k_base')
      : await import('gpt-tokenizer/encoding/cl100k_base');
  } catch (cause) {
    throw new MissingPackageError('gpt-tokenizer', 'Counting tokens exactly', { cause });
  }
}

/** UTF-16 units. Words are shorter, also where none are spaced, as there is punctuation between. */
const LONGEST_RUN = 128;

/** Where to cut runs of one kind of character that are too long. Digits are cut by the encodings themselves. */
function cuts(text: string): number[] {
  const found: number[] = [];
  let run = 0;
  let before = -1;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const kind = kindOf(unit);
    run = kind === before && kind !== DIGIT ? run + 1 : 1;
    before = kind;
    if (run <= LONGEST_RUN || splitsPair(text, i)) continue;
    found.push(i);
    run = 1;
  }
  return found;
}

function splitsPair(text: string, at: number): boolean {
  return isHalf(text.charCodeAt(at), 0xdc00) && isHalf(text.charCodeAt(at - 1), 0xd800);
}

function isHalf(unit: number, from: number): boolean {
  return unit >= from && unit < from + 0x400;
}

const SPACE = 0;
const LETTER = 1;
const MARK = 2;
const DIGIT = 3;

function kindOf(unit: number): number {
  if (unit <= 32) return SPACE;
  if (unit < 128 && (unit | 32) >= 97 && (unit | 32) <= 122) return LETTER;
  if (unit >= 48 && unit < 58) return DIGIT;
  if (unit < 128 || (unit >= 0x2000 && unit < 0x2070)) return MARK;
  // Full-width punctuation; all other characters might be letters.
  return (unit >= 0x3000 && unit < 0x3004) || (unit >= 0xff00 && unit < 0xff10) ? MARK : LETTER;
}
