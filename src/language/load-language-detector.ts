import { MissingPackageError } from '../errors/missing-package-error.ts';
import type { LanguageDetector } from '../signals/signal-sources.ts';

/** More tells nothing new, and takes time. */
const LONGEST = 1_000;

/**
 * A detector for 60 languages, by the package `eld`. Without one, the language of every request is 'und'.
 *
 * @throws MissingPackageError when `eld` is not installed.
 * @example
 * const router = await loadRouter('models/support', { detectLanguage: await loadLanguageDetector() });
 */
export async function loadLanguageDetector(): Promise<LanguageDetector> {
  const { eld } = await importDetector();
  return (text) => {
    const found = eld.detect(text.slice(0, LONGEST));
    return found.language === '' ? 'und' : found.language;
  };
}

async function importDetector() {
  try {
    return await import('eld/small');
  } catch (cause) {
    throw new MissingPackageError('eld', 'Detecting the language of a prompt', { cause });
  }
}
