import type { Prompt } from '../request.ts';
import { hashWord, prepareText, scanText, type TextScan } from '../text.ts';
import type { SeenSums } from './calculation.ts';
import { readSums } from './sums.ts';
import { beginsLine, guessLanguage, isWord, scriptOf, wordsBetween } from './words.ts';

/** What the answers to a prompt are held against; read once for all of them. */
export interface Question {
  /** UTF-16 units of the user's words. */
  readonly characters: number;
  /** Its words of four letters and more, hashed. */
  readonly words: ReadonlySet<number>;
  /** Names of code: with an underscore, a capital inside, or a bracket behind. */
  readonly names: ReadonlySet<number>;
  /** Its numbers in digits. */
  readonly numbers: readonly number[];
  /** Its numbers in English words: "three", "half", "twice". */
  readonly spelt: readonly number[];
  readonly isOfMoney: boolean;
  /** Words of each option of a multiple choice, in order; empty where it is none. */
  readonly options: readonly ReadonlySet<number>[];
  /** The word after "how many", hashed; 0 where it does not ask so. */
  readonly counted: number;
  readonly asksAmount: boolean;
  readonly asksPercent: boolean;
  readonly asksCode: boolean;
  readonly asksJson: boolean;
  /** See {@link guessLanguage} and {@link scriptOf}. */
  readonly language: number;
  readonly script: number;
}

const SPELT: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'
      .split(' ')
      .map((word, i) => [word, i + 2]),
  ),
  ...Object.fromEntries(
    'thirty forty fifty sixty seventy eighty ninety hundred'
      .split(' ')
      .map((word, i) => [word, 10 * (i + 3)]),
  ),
  ...{ thousand: 1000, dozen: 12, twice: 2, double: 2, doubled: 2, thrice: 3, triple: 3, tripled: 3 },
  ...{
    half: 1 / 2,
    third: 1 / 3,
    thirds: 1 / 3,
    quarter: 1 / 4,
    quarters: 1 / 4,
    fourth: 1 / 4,
    fifth: 1 / 5,
  },
};
const SPELT_NUMBERS: ReadonlyMap<number, number> = new Map(
  Object.entries(SPELT).map(([word, value]) => [hashWord(word), value]),
);

const hashes = (list: string): ReadonlySet<number> => new Set(list.split(' ').map(hashWord));
const PERCENT = hashes('percent percentage prozent pourcentage porcentaje percentuale');
const CODE = hashes(
  'function code program script method class implement algorithm python javascript typescript java sql regex ' +
    'funktion programm fonction función código',
);
const AMOUNTS = hashes('many much old long far');
const [JSON_WORD, HOW, MANY] = ['json', 'how', 'many'].map(hashWord);

/** Reads a prompt. @param scan written over. */
export function readQuestion({ structured, text }: Prompt, scan: TextScan): Question {
  scanText(prepareText(text), scan);
  const { numbers } = readSums(scan);
  const spelt: number[] = [];
  const names = new Set<number>();
  let [counted, codeWords] = [0, 0];
  let [asksAmount, asksPercent, asksJson] = [false, false, structured];
  for (let t = 0; t < scan.tokens; t++) {
    if (!isWord(scan, t)) continue;
    const hash = scan.hashes[t];
    const value = SPELT_NUMBERS.get(hash);
    if (value !== undefined) spelt.push(value);
    else if (CODE.has(hash)) codeWords++;
    else if (PERCENT.has(hash)) asksPercent = true;
    else if (hash === JSON_WORD) asksJson = true;
    else if (hash === HOW && t + 2 < scan.tokens && AMOUNTS.has(scan.hashes[t + 1])) {
      asksAmount = true;
      if (scan.hashes[t + 1] === MANY) counted = scan.hashes[t + 2];
    }
    if (isName(scan, t)) names.add(hash);
  }
  return {
    characters: text.length,
    words: wordsBetween(scan, 0, scan.tokens, 4),
    names,
    numbers: numbers.map(({ value }) => value),
    spelt,
    isOfMoney: numbers.some(({ isMoney }) => isMoney),
    options: readOptions(scan),
    counted,
    asksAmount,
    asksPercent: asksPercent || numbers.some(({ isPercent }) => isPercent),
    asksCode: codeWords > 1 || (codeWords > 0 && names.size > 0),
    asksJson,
    language: guessLanguage(scan),
    script: scriptOf(scan),
  };
}

function isName({ ends, length, reader, starts }: TextScan, t: number): boolean {
  const { units } = reader;
  const [start, end] = [starts[t], ends[t]];
  if (end - start < 3) return false;
  if (end < length && (units[end] === 95 || units[end] === 40)) return true;
  if (start > 0 && units[start - 1] === 95) return true;
  for (let i = start + 1; i < end; i++)
    if (units[i] >= 65 && units[i] <= 90 && units[i - 1] >= 97) return true;
  return false;
}

/** "A) ", "(A) ", or at the start of a line "A. " or "A: ", in order from A; at least two. */
function readOptions(scan: TextScan): readonly ReadonlySet<number>[] {
  const { ends, starts, tokens } = scan;
  const { units } = scan.reader;
  const heads: number[] = [];
  for (let t = 0; t + 1 < tokens; t++) {
    if (!isWord(scan, t) || ends[t] - starts[t] !== 1 || starts[t + 1] !== ends[t]) continue;
    if ((units[starts[t]] | 32) - 97 !== heads.length) continue;
    const mark = units[ends[t]];
    if (mark === 41 || ((mark === 46 || mark === 58) && beginsLine(scan, t))) heads.push(t);
  }
  if (heads.length < 2) return [];
  return heads.map((head, i) => wordsBetween(scan, head + 2, heads[i + 1] ?? tokens, 1));
}

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
