import { scanText, type TextScan } from '../features/text-scan.ts';
import { prepareText } from '../text.ts';
import type { SeenSums } from './calculation.ts';
import { readSums } from './sums.ts';
import { isWord } from './words.ts';

/** An answer to be looked at; the `Answer` of an execution is one. */
export interface GivenAnswer {
  readonly text: string;
  /** 'length' is an answer that was cut; 'content-filter' one that a filter ended. Null where nobody said. */
  readonly finishReason: string | null;
  /** Natural log of the probability of each token, ≤ 0; null where there are none. */
  readonly logprobs: readonly number[] | null;
}

/** An answer, read. Its scan is the reader's, and is written over by the next answer. */
export interface SeenAnswer {
  readonly given: GivenAnswer;
  /** As it was scanned. */
  readonly text: string;
  readonly scan: TextScan;
  /** First token of each word, by the word's hash. */
  readonly firstAt: ReadonlyMap<number, number>;
  readonly sums: SeenSums;
}

/** Reads an answer. @param scan written over */
export function readAnswer(given: GivenAnswer, scan: TextScan): SeenAnswer {
  const text = prepareText(unescaped(given.text));
  scanText(text, scan);
  return { given, text, scan, firstAt: firstPlaces(scan), sums: readSums(scan) };
}

/** Models write reasons into JSON: its line breaks and quotes are what they stand for. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  // "\n" before a small letter may be "\neq" or "\nu".
  return text.replaceAll(/\\n(?![a-z])/g, '\n').replaceAll('\\"', '"');
}

function firstPlaces(scan: TextScan): Map<number, number> {
  const places = new Map<number, number>();
  for (let t = scan.tokens - 1; t >= 0; t--) if (isWord(scan, t)) places.set(scan.hashes[t], t);
  return places;
}
