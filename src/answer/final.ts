import { hashWord, type TextScan, TokenKind } from '../text.ts';
import { isAmong, isSame, type SeenNumber } from './calculation.ts';
import type { Question, SeenAnswer } from './question.ts';
import { beginsLine, wordsBetween } from './words.ts';

/** How it is known which part of an answer is what it finally says. */
export const FinalKind = { none: 0, key: 1, mark: 2, box: 3, whole: 4, last: 5 } as const;

/** What an answer finally says: `{"answer": "18"}`, "#### 18", "\boxed{18}", "The answer is 18", or its last number or line. */
export interface FinalAnswer {
  readonly kind: number;
  /** First token of what is said, and the one after the last. */
  readonly from: number;
  readonly to: number;
  /** Its first number, with its sign; NaN where there is none. */
  readonly value: number;
  /** Of `numbers`; -1 where there is none. */
  readonly number: number;
  /** Letter of the option that it names, 0 for A; -1 where it names none. */
  readonly option: number;
  /** How many places say that they are the final answer. */
  readonly marks: number;
}

const words = (list: string) => new Set(list.split(' ').map(hashWord));
const ANSWER = words(
  'answer result solution output choice antwort ergebnis lösung réponse résultat respuesta resultado risposta resposta antwoord ответ',
);
const IS = words('is are ist lautet est es è é');
const BOXED = hashWord('boxed');
const OPTION = words('option choice answer');
/** Answers of at most so many tokens are final as a whole. */
const SHORT = 12;
const LONGEST = 60;
/** A number with no more words beside it is what is said; more may say something else. */
const MOST_UNITS = 3;

export function findFinalAnswer(scan: TextScan, numbers: readonly SeenNumber[]): FinalAnswer {
  const { units } = scan.reader;
  const { kinds, starts, hashes, tokens } = scan;
  const unit = (t: number) => (t >= 0 && t < tokens && kinds[t] === TokenKind.symbol ? units[starts[t]] : 0);
  let [kind, from, marks]: [number, number, number] = [FinalKind.none, -1, 0];
  const found = (as: number, at: number) => {
    marks++;
    // A key of an object outranks what is said around it.
    if (kind === FinalKind.key && as !== FinalKind.key) return;
    kind = as;
    from = at;
  };
  for (let t = 0; t < tokens; t++) {
    if (kinds[t] === TokenKind.symbol) {
      if (unit(t) === 35 && unit(t + 1) === 35 && unit(t + 2) === 35 && unit(t + 3) === 35) {
        found(FinalKind.mark, t + 4);
        t += 3;
      }
    } else if (hashes[t] === BOXED && unit(t + 1) === 123) found(FinalKind.box, t + 2);
    else if (kinds[t] !== TokenKind.number && ANSWER.has(hashes[t])) {
      if (unit(t + 1) === 34 && unit(t + 2) === 58) found(FinalKind.key, unit(t + 3) === 34 ? t + 4 : t + 3);
      else {
        let at = t + 1;
        while (unit(at) === 42 || unit(at) === 95) at++;
        if (unit(at) === 58 || IS.has(hashes[at])) {
          at++;
          while (unit(at) === 42 || unit(at) === 95 || unit(at) === 58) at++;
          if (at < tokens) found(FinalKind.mark, at);
        }
      }
    }
  }
  let to = tokens;
  if (from >= 0) to = endOfFinal(scan, kind, from);
  else if (tokens <= SHORT) [kind, from] = [FinalKind.whole, 0];
  else if (numbers.length > 0) {
    const last = numbers[numbers.length - 1];
    [kind, from, to] = [FinalKind.last, last.from, last.to];
  } else [kind, from] = [FinalKind.last, lastLine(scan)];
  const number = numbers.findIndex((seen) => seen.from >= from && seen.from < to);
  const value = number === -1 ? Number.NaN : signed(scan, numbers[number], from);
  return { kind, from, to, value, number, option: optionNamed(scan, from, to), marks };
}

function endOfFinal(scan: TextScan, kind: number, from: number): number {
  const { units } = scan.reader;
  const { kinds, starts, ends, tokens } = scan;
  const most = Math.min(tokens, from + LONGEST);
  let depth = 0;
  for (let t = from; t < most; t++) {
    if (kind === FinalKind.mark && t > from && beginsLine(scan, t)) return t;
    if (kinds[t] !== TokenKind.symbol) continue;
    const unit = units[starts[t]];
    if (unit === 123 || unit === 91 || unit === 40) depth++;
    else if (unit === 125 || unit === 93 || unit === 41) {
      if (depth === 0) return t;
      depth--;
    } else if (depth > 0) continue;
    else if (kind === FinalKind.key && (unit === 34 || (unit === 44 && units[starts[from - 1]] !== 34)))
      return t;
    else if (kind === FinalKind.mark && unit === 46 && (t + 1 === tokens || starts[t + 1] > ends[t]))
      return t;
  }
  return most;
}

function lastLine(scan: TextScan): number {
  for (let t = scan.tokens - 1; t > 0; t--) if (beginsLine(scan, t)) return t;
  return Math.max(0, scan.tokens - LONGEST);
}

function signed(scan: TextScan, { from, value }: SeenNumber, least: number): number {
  for (let t = from - 1; t >= Math.max(least, from - 2); t--) {
    const unit = scan.reader.units[scan.starts[t]];
    if (unit === 45 || unit === 0x2212) return -value;
  }
  return value;
}

/** "B", "(B)", "B. Paris", "option B": the letter, as a number from 0; -1 for none. */
function optionNamed(scan: TextScan, from: number, to: number): number {
  const { kinds, starts, ends, hashes } = scan;
  const { units } = scan.reader;
  let t = from;
  while (t < to && (kinds[t] === TokenKind.symbol || OPTION.has(hashes[t]))) t++;
  if (t >= to || ends[t] - starts[t] !== 1) return -1;
  const unit = units[starts[t]];
  const isAlone = t + 1 >= to || kinds[t + 1] === TokenKind.symbol;
  if (unit >= 65 && unit <= 74 && isAlone) return unit - 65;
  return unit >= 97 && unit <= 106 && isAlone && to - from <= 4 ? unit - 97 : -1;
}

/** What is finally said: equal for "$18.00" and "18 dollars", "(B)" and "b". */
export function keyOfFinal(scan: TextScan, final: FinalAnswer): string {
  if (final.option >= 0) return `option ${final.option}`;
  if (final.number >= 0 && wordsIn(scan, final) <= MOST_UNITS)
    return `number ${Number(final.value.toPrecision(9))}`;
  let hash = 0;
  for (let t = final.from; t < final.to; t++)
    if (scan.kinds[t] !== TokenKind.symbol) hash = (Math.imul(hash, 31) + scan.hashes[t]) | 0;
  return `words ${hash}`;
}

/** Words between the first and the last token of what is finally said. */
export function wordsIn(scan: TextScan, { from, to }: Pick<FinalAnswer, 'from' | 'to'>): number {
  let count = 0;
  for (let t = from; t < to; t++) if (scan.kinds[t] < TokenKind.number) count++;
  return count;
}

/** Which option of a multiple choice is named, and whether the reasons before it are about that one. */
export const CHOICE_CHECKS = [
  'optionsGiven',
  'optionNamed',
  'optionInvalid',
  'optionMissing',
  'optionPlace',
  'optionSupport',
  'optionRival',
] as const;

/** What is finally said, and whether it follows from the rest. */
export const FINAL_CHECKS = [
  'finalKey',
  'finalMark',
  'finalBox',
  'finalWhole',
  'finalLast',
  'finalMarks',
  'finalLength',
  'finalWords',
  'finalBare',
  'finalNumber',
  'finalInteger',
  'finalNegative',
  'finalZero',
  'finalMagnitude',
  'finalSmall',
  'finalRound',
  'finalIsLastResult',
  'finalIsNotLastResult',
  'finalIsResult',
  'finalIsNoResult',
  'finalInPrompt',
  'finalIsNew',
  'finalSaid',
  'finalIsPrevious',
  'finalIsLastNumber',
  'finalToLargest',
  'finalOffLargest',
  'numbersAfter',
  'sumsAfter',
  'finalIsUnfinished',
  'fractionCounted',
  'moneyMissing',
  'percentMissing',
  'finalWordsSaid',
  'finalWordsInPrompt',
] as const;

type Checks<Names extends readonly string[]> = Readonly<Record<Names[number], number>>;

/** Bound of the logarithm of the final number over the prompt's largest. */
const MOST_RATIO = 4;

export function checkChoice(
  { firstAt }: SeenAnswer,
  final: FinalAnswer,
  { options }: Question,
): Checks<typeof CHOICE_CHECKS> {
  const given = options.length > 0;
  const isNamed = given && final.option >= 0 && final.option < options.length;
  let [support, rival] = [0, 0];
  if (isNamed)
    options.forEach((option, i) => {
      let said = 0;
      for (const word of option) if ((firstAt.get(word) ?? final.from) < final.from) said++;
      const share = said / Math.max(1, option.size);
      if (i === final.option) support = share;
      else rival = Math.max(rival, share);
    });
  return {
    optionsGiven: Number(given),
    optionNamed: Number(isNamed),
    optionInvalid: Number(given && final.option >= options.length),
    optionMissing: Number(given && final.option < 0),
    optionPlace: isNamed ? final.option / options.length : 0,
    optionSupport: support - rival,
    optionRival: rival,
  };
}

export function checkFinal(
  seen: SeenAnswer,
  final: FinalAnswer,
  question: Question,
): Checks<typeof FINAL_CHECKS> {
  const { scan, sums: calculated } = seen;
  const { numbers, sums } = calculated;
  const { from, kind, to, value } = final;
  const has = final.number >= 0;
  const words = wordsIn(scan, final);
  const isInteger = has && isSame(value, Math.round(value));
  const before = numbers.filter((number) => number.from < from).map((number) => number.value);
  const results = numbers.filter(({ role }) => role === 'result');
  const isLast = has && results.length > 0 && isSame(results[results.length - 1].value, value);
  const isResult = has && sums.some(({ right }) => isSame(right, value));
  const said = has ? before.filter((other) => isSame(other, value)).length : 0;
  const ratio = has ? ratioTo(question.numbers, value) : 0;
  return {
    finalKey: Number(kind === FinalKind.key),
    finalMark: Number(kind === FinalKind.mark),
    finalBox: Number(kind === FinalKind.box),
    finalWhole: Number(kind === FinalKind.whole),
    finalLast: Number(kind === FinalKind.last),
    finalMarks: Math.min(3, final.marks),
    finalLength: Math.log1p(to - from),
    finalWords: Math.log1p(words),
    finalBare: Number(has && words === 0 && numbers[final.number].to === to),
    finalNumber: Number(has),
    finalInteger: Number(isInteger),
    finalNegative: Number(value < 0),
    finalZero: Number(value === 0),
    finalMagnitude: has ? Math.log1p(Math.abs(value)) : 0,
    finalSmall: Number(Math.abs(value) <= 2),
    finalRound: Number(has && value !== 0 && value % 10 === 0),
    finalIsLastResult: Number(isLast),
    finalIsNotLastResult: Number(has && sums.length > 0 && !isLast),
    finalIsResult: Number(isResult),
    finalIsNoResult: Number(has && sums.length > 0 && !isResult),
    finalInPrompt: Number(isAmong(question.numbers, value) || isAmong(question.spelt, value)),
    finalIsNew: Number(has && said === 0 && kind !== FinalKind.last && kind !== FinalKind.whole),
    finalSaid: Math.min(4, said),
    finalIsPrevious: Number(before.length > 0 && isSame(before[before.length - 1], value)),
    finalIsLastNumber: Number(has && isSame(numbers[numbers.length - 1].value, value)),
    finalToLargest: ratio,
    finalOffLargest: Math.abs(ratio),
    numbersAfter: Math.log1p(numbers.filter((number) => number.from >= to).length),
    sumsAfter: Number(sums.some((sum) => sum.from >= to)),
    finalIsUnfinished: Number(isSame(calculated.lastUnfinished, value)),
    fractionCounted: Number(question.counted !== 0 && has && !isInteger),
    moneyMissing: Number(
      question.isOfMoney &&
        question.asksAmount &&
        numbers.length > 0 &&
        !numbers.some(({ isMoney }) => isMoney),
    ),
    percentMissing: Number(
      question.asksPercent &&
        !numbers.some((number) => number.isPercent || (number.value > 0 && number.value < 1)),
    ),
    ...wordsOfFinal(seen, final, question),
  };
}

function ratioTo(numbers: readonly number[], value: number): number {
  const largest = numbers.reduce((most, number) => Math.max(most, number), 0);
  if (largest === 0) return 0;
  return Math.max(-MOST_RATIO, Math.min(MOST_RATIO, Math.log((Math.abs(value) + 1) / (largest + 1))));
}

/** Shares of the final words that were said before, and that the prompt has. */
function wordsOfFinal({ firstAt, scan }: SeenAnswer, { from, to }: FinalAnswer, question: Question) {
  const words = wordsBetween(scan, from, to, 4);
  let [said, inPrompt] = [0, 0];
  for (const word of words) {
    if (firstAt.get(word)! < from) said++;
    if (question.words.has(word)) inPrompt++;
  }
  const most = Math.max(1, words.size);
  return { finalWordsSaid: said / most, finalWordsInPrompt: inPrompt / most };
}
