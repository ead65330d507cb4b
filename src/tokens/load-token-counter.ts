import { MissingPackageError } from '../errors/missing-package-error.ts';
import type { TokenCounter } from '../signals/signal-sources.ts';

/** Byte-pair encodings of OpenAI's models; others' counts come close. `o200k_base`: GPT-4o and later. */
export type TokenEncoding = 'o200k_base' | 'cl100k_base';

/**
 * A counter that tells tokens exactly, by the package `gpt-tokenizer`. Without one, four characters count as a token.
 *
 * @throws MissingPackageError when `gpt-tokenizer` is not installed.
 * @example
 * const router = await loadRouter('models/support', { countTokens: await loadTokenCounter() });
 */
export async function loadTokenCounter(encoding: TokenEncoding = 'o200k_base'): Promise<TokenCounter> {
  // Text that looks like a special token is text.
  const asText = { disallowedSpecial: new Set<string>() };
  const { countTokens } = await importEncoding(encoding);
  return (text) => countTokens(text, asText);
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
