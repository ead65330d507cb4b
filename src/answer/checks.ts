import { hashWord, mixHash, type TextScan, TokenKind } from '../text.ts';
import {
  isAmong,
  isSame,
  MINUS,
  OVER,
  PLUS,
  type SeenNumber,
  type SeenSum,
  type SeenSums,
  TIMES,
} from './calculation.ts';
import type { Question, SeenAnswer } from './question.ts';
import { beginsLine, guessLanguage, isWord, scriptOf } from './words.ts';

/** What an answer looks like, whatever it says. */
export const FORM_CHECKS = [
  'lengthToPrompt',
  'squaredLength',
  'openEnd',
  'finishLength',
  'finishFilter',
  'finishTools',
  'hasLogprobs',
  'meanLogprob',
  'lowestLogprob',
  'openFence',
  'unbalanced',
  'bulletLines',
  'numberedLines',
  'boldMarks',
  'repeatedRuns',
  'repeatedLines',
  'endsAsking',
] as const;

/** Whether it is what was asked for: language, JSON, code, sources, words. */
export const MATCH_CHECKS = [
  'otherLanguage',
  'otherScript',
  'jsonWhole',
  'jsonInside',
  'jsonBroken',
  'jsonMissing',
  'codeMissing',
  'placeholders',
  'namesKept',
  'citations',
  'promptWordsSaid',
  'wordsOfPrompt',
  'newWords',
  'countedSaid',
] as const;

type Checks<Names extends readonly string[]> = Readonly<Record<Names[number], number>>;

const LOWEST_LOGPROB = -20;
/** Answers of fewer tokens need no end. */
const NEEDS_END = 12;
const PLACEHOLDERS: ReadonlySet<number> = new Set(
  ['todo', 'fixme', 'placeholder', 'tbd', 'lorem', 'notimplemented', 'notimplementederror'].map(hashWord),
);

export function checkForm({ given, scan, text }: SeenAnswer, question: Question): Checks<typeof FORM_CHECKS> {
  const { finishReason } = given;
  const logprobs = given.logprobs ?? [];
  const size = Math.log1p(text.length);
  const last = scan.tokens === 0 ? 0 : scan.reader.units[scan.ends[scan.tokens - 1] - 1];
  const endsInWord = scan.kinds[scan.tokens - 1] !== TokenKind.symbol;
  const isOpen = last === 44 || last === 58 || (scan.tokens > NEEDS_END && endsInWord);
  const { bold, bullets, depth, fences, lines, numbered, repeatedLines } = countMarks(scan);
  return {
    lengthToPrompt: Math.log((text.length + 20) / (question.characters + 20)),
    squaredLength: size * size,
    openEnd: Number(isOpen),
    finishLength: Number(finishReason === 'length'),
    finishFilter: Number(finishReason === 'content-filter'),
    finishTools: Number(finishReason === 'tool-calls'),
    hasLogprobs: Number(logprobs.length > 0),
    meanLogprob:
      logprobs.length === 0 ? 0 : logprobs.reduce((sum, value) => sum + value, 0) / logprobs.length,
    lowestLogprob: logprobs.reduce((least, value) => Math.min(least, Math.max(value, LOWEST_LOGPROB)), 0),
    openFence: fences % 2,
    unbalanced: Math.min(2, Math.log1p(Math.abs(depth))),
    bulletLines: Math.log1p(bullets),
    numberedLines: Math.log1p(numbered),
    boldMarks: Math.log1p(bold),
    repeatedRuns: repeatedRuns(scan),
    repeatedLines: lines === 0 ? 0 : repeatedLines / lines,
    endsAsking: Number(last === 63 || last === 0x61f),
  };
}

/** Marks of layout, in one pass. Lines are the same where their tokens are. */
function countMarks(scan: TextScan) {
  const { ends, hashes, kinds, starts, tokens } = scan;
  // What stands behind the text is left over from others.
  const units = scan.reader.units.subarray(0, scan.length);
  const marks = { bold: 0, bullets: 0, depth: 0, fences: 0, lines: 0, numbered: 0, repeatedLines: 0 };
  const seen = new Set<number>();
  let line = 0;
  const endLine = () => {
    if (line === 0) return;
    marks.lines++;
    if (seen.has(line)) marks.repeatedLines++;
    seen.add(line);
    line = 0;
  };
  for (let t = 0; t < tokens; t++) {
    const unit = units[starts[t]];
    const isSymbol = kinds[t] === TokenKind.symbol;
    if (beginsLine(scan, t)) {
      endLine();
      const isApart = t + 1 < tokens && starts[t + 1] > ends[t];
      if (isSymbol && isApart && (unit === 45 || unit === 42 || unit === 0x2022)) marks.bullets++;
      if (kinds[t] === TokenKind.number && (units[ends[t]] === 46 || units[ends[t]] === 41)) marks.numbered++;
    }
    line = (Math.imul(line, 31) + hashes[t]) | 0;
    if (!isSymbol) continue;
    if (unit === 40 || unit === 91 || unit === 123) marks.depth++;
    else if (unit === 41 || unit === 93 || unit === 125) marks.depth--;
    else if (unit === 42 && units[ends[t]] === 42) marks.bold++;
    else if (isFence(units, starts[t])) marks.fences++;
  }
  endLine();
  return marks;
}

/** The first of three backticks. */
function isFence(units: Uint16Array, at: number): boolean {
  return (
    units[at] === 96 && units[at + 1] === 96 && units[at + 2] === 96 && (at === 0 || units[at - 1] !== 96)
  );
}

/** Runs looked at, and places for them: a table of numbers is several times as fast as a Set. */
const MOST_RUNS = 2 ** 12;
const RUN_PLACES = 2 ** 13;

/** Share of the runs of three words or numbers that were there before. */
function repeatedRuns({ hashes, kinds, tokens }: TextScan): number {
  const places = new Int32Array(RUN_PLACES); // 0: free
  let [repeated, runs, first, second] = [0, 0, 0, 0];
  for (let t = 0; t < tokens && runs < MOST_RUNS; t++) {
    if (kinds[t] === TokenKind.symbol) continue;
    const run = (Math.imul(Math.imul(first, 31) + second, 31) + hashes[t]) | 1;
    let place = mixHash(run) & (RUN_PLACES - 1);
    while (places[place] !== 0 && places[place] !== run) place = (place + 1) & (RUN_PLACES - 1);
    if (places[place] === run) repeated++;
    places[place] = run;
    runs++;
    first = second;
    second = hashes[t];
  }
  return repeated / Math.max(1, runs);
}

export function checkMatch(
  { firstAt, given, scan }: SeenAnswer,
  question: Question,
): Checks<typeof MATCH_CHECKS> {
  const [language, script] = [guessLanguage(scan), scriptOf(scan)];
  const json = readJson(given.text);
  const { citations, codeMarks, placeholders } = countContent(scan);
  let names = 0;
  for (const name of question.names) if (firstAt.has(name)) names++;
  let [long, both] = [0, 0];
  for (const [word, t] of firstAt) {
    if (!isWord(scan, t, 4)) continue;
    long++;
    if (question.words.has(word)) both++;
  }
  return {
    otherLanguage: Number(language !== 0 && question.language !== 0 && language !== question.language),
    otherScript: Number(script !== 0 && question.script !== 0 && script !== question.script),
    jsonWhole: Number(json === 'whole'),
    jsonInside: Number(json === 'inside'),
    jsonBroken: Number(json === 'broken'),
    jsonMissing: Number(question.asksJson && (json === 'none' || json === 'broken')),
    codeMissing: Number(question.asksCode && codeMarks < 2),
    placeholders: Math.min(3, placeholders),
    namesKept: names / Math.max(1, question.names.size),
    citations: Math.log1p(citations),
    promptWordsSaid: both / Math.max(1, question.words.size),
    wordsOfPrompt: both / Math.max(1, long),
    newWords: Math.log1p(long - both),
    countedSaid: question.counted === 0 ? 0 : firstAt.has(question.counted) ? 1 : -1,
  };
}

function countContent({ hashes, kinds, reader, starts, tokens }: TextScan) {
  const { units } = reader;
  const content = { citations: 0, codeMarks: 0, placeholders: 0 };
  for (let t = 0; t < tokens; t++) {
    if (kinds[t] !== TokenKind.symbol) {
      if (PLACEHOLDERS.has(hashes[t])) content.placeholders++;
      continue;
    }
    const unit = units[starts[t]];
    if (unit === 96 || unit === 59 || unit === 123 || unit === 61) content.codeMarks++;
    const isNumbered = unit === 91 && t + 2 < tokens && kinds[t + 1] === TokenKind.number;
    if (isNumbered && units[starts[t + 2]] === 93) content.citations++;
  }
  return content;
}

/** How much of a text is JSON, to where its first bracket closes. What begins like it and does not parse is broken; other brackets are none. */
function readJson(text: string): 'none' | 'whole' | 'inside' | 'broken' {
  const trimmed = text.trim();
  const from = trimmed.search(/[{[]/);
  if (from === -1) return 'none';
  const otherwise = /^[{[]\s*["{[]/.test(trimmed.slice(from, from + 100)) ? 'broken' : 'none';
  const to = closingBracket(trimmed, from);
  if (to === -1) return otherwise;
  try {
    JSON.parse(trimmed.slice(from, to + 1));
    return to + 1 - from === trimmed.length ? 'whole' : 'inside';
  } catch {
    return otherwise;
  }
}

/** Where the bracket at `from` closes, brackets in strings aside; -1 where it does not. Errors cost more than looking. */
function closingBracket(text: string, from: number): number {
  let depth = 0;
  let isString = false;
  for (let i = from; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (isString) {
      if (unit === 92) i++;
      else if (unit === 34) isString = false;
    } else if (unit === 34) isString = true;
    else if (unit === 123 || unit === 91) depth++;
    else if ((unit === 125 || unit === 93) && --depth === 0) return i;
  }
  return -1;
}

/** Whether the sums of an answer hold. */
export const SUM_CHECKS = [
  'sums',
  'noSums',
  'wrongSums',
  'wrongShare',
  'roundedSums',
  'lastSumWrong',
  'unfinishedSums',
  'unsolvedSums',
  'operators',
  'mostOperators',
  'plus',
  'minus',
  'times',
  'over',
  'negative',
  'fractional',
  'longDecimals',
] as const;

/** Where the numbers of an answer come from, and what becomes of those of the question. */
export const NUMBER_CHECKS = [
  'numbers',
  'promptNumbers',
  'promptSpelt',
  'unsaid',
  'unused',
  'unusedShare',
  'anyUnused',
  'speltUnused',
  'fromNowhere',
  'fromNowhereShare',
  'chainedShare',
  'dangling',
  'anyDangling',
  'reused',
  'reusedShare',
  'operatorsToNumbers',
  'operatorsOffNumbers',
  'sumsToNumbers',
] as const;

/** Numbers that calculations have of their own: days, hours, months, minutes, per cent. */
const CONSTANTS: ReadonlySet<number> = new Set([1, 2, 7, 10, 12, 24, 30, 52, 60, 100, 365, 1000]);

export function checkSums({ numbers, sums, unfinished, unsolved }: SeenSums): Checks<typeof SUM_CHECKS> {
  let [wrong, operators, most] = [0, 0, 0];
  for (const sum of sums) {
    if (!sum.holds) wrong++;
    operators += sum.operators.length;
    most = Math.max(most, sum.operators.length);
  }
  const has = (test: (sum: SeenSum) => boolean) => Number(sums.some(test));
  return {
    sums: Math.log1p(sums.length),
    noSums: Number(sums.length === 0),
    wrongSums: Math.min(3, wrong),
    wrongShare: wrong / Math.max(1, sums.length),
    roundedSums: Math.min(2, sums.filter(({ isRounded }) => isRounded).length),
    lastSumWrong: Number(sums.length > 0 && !sums[sums.length - 1].holds),
    unfinishedSums: Math.min(3, unfinished),
    unsolvedSums: Math.min(5, unsolved),
    operators: Math.log1p(operators),
    mostOperators: Math.min(8, most),
    plus: countOperator(sums, PLUS),
    minus: countOperator(sums, MINUS),
    times: countOperator(sums, TIMES),
    over: countOperator(sums, OVER),
    negative: has(({ left, right }) => left < 0 || right < 0),
    fractional: has(({ left }) => !isSame(left, Math.round(left))),
    longDecimals: Number(numbers.some(({ decimals }) => decimals > 2)),
  };
}

function countOperator(sums: readonly SeenSum[], operator: number): number {
  let count = 0;
  for (const sum of sums) for (const each of sum.operators) if (each === operator) count++;
  return Math.min(6, count);
}

export function checkNumbers({ numbers, sums }: SeenSums, question: Question): Checks<typeof NUMBER_CHECKS> {
  const known = [...question.numbers, ...question.spelt];
  const { chained, dangling, nowhere, operands, results, reused } = followNumbers(numbers, known);
  const said = numbers.map(({ value }) => value);
  const inSums = numbers.filter(({ role }) => role !== 'loose').map(({ value }) => value);
  const distinct = [...new Set(question.numbers)];
  const unused = distinct.filter((value) => !isUsedAmong(inSums, value)).length;
  const operators = sums.reduce((sum, each) => sum + each.operators.length, 0);
  const toNumbers = Math.log1p(operators) - Math.log1p(known.length);
  return {
    numbers: Math.log1p(numbers.length),
    promptNumbers: Math.min(12, question.numbers.length),
    promptSpelt: Math.min(6, question.spelt.length),
    unsaid: Math.min(4, distinct.filter((value) => !isUsedAmong(said, value)).length),
    unused: Math.min(5, unused),
    unusedShare: unused / Math.max(1, distinct.length),
    anyUnused: Number(unused > 0),
    speltUnused: Math.min(
      3,
      question.spelt.filter((value) => !isAmong(said, value) && !isAmong(said, 1 / value)).length,
    ),
    fromNowhere: Math.min(4, nowhere),
    fromNowhereShare: nowhere / Math.max(1, operands),
    chainedShare: chained / Math.max(1, operands),
    dangling: Math.min(3, dangling),
    anyDangling: Number(dangling > 0),
    reused: Math.min(5, reused),
    reusedShare: reused / Math.max(1, results),
    operatorsToNumbers: toNumbers,
    operatorsOffNumbers: Math.abs(toNumbers),
    sumsToNumbers: Math.log1p(sums.length) - Math.log1p(question.numbers.length),
  };
}

/** Operands that come from earlier results or from nowhere, and results that are used again or never said again. */
function followNumbers(numbers: readonly SeenNumber[], known: readonly number[]) {
  const results: number[] = [];
  const seen = { chained: 0, dangling: 0, nowhere: 0, operands: 0, reused: 0 };
  for (let i = 0; i < numbers.length; i++) {
    const { role, value } = numbers[i];
    if (role === 'result') {
      results.push(value);
      const fate = fateOf(numbers, i);
      if (fate === 'operand') seen.reused++;
      else if (fate === 'gone') seen.dangling++;
    } else if (role === 'operand') {
      seen.operands++;
      if (isAmong(results, value) || isAmong(results, 100 * value)) seen.chained++;
      else if (!CONSTANTS.has(value) && !isGiven(known, value)) seen.nowhere++;
    }
  }
  return { ...seen, results: results.length };
}

function fateOf(numbers: readonly SeenNumber[], result: number): 'operand' | 'said' | 'gone' {
  let fate: 'said' | 'gone' = 'gone';
  for (let k = result + 1; k < numbers.length; k++) {
    if (!isSame(numbers[k].value, numbers[result].value)) continue;
    if (numbers[k].role === 'operand') return 'operand';
    fate = 'said';
  }
  return fate;
}

function isGiven(known: readonly number[], value: number): boolean {
  return isAmong(known, value) || isAmong(known, 100 * value) || isAmong(known, value / 100);
}

/** As it is; as a share; and more or less than 100 % by it. */
function isUsedAmong(values: readonly number[], value: number): boolean {
  const share = value / 100;
  for (const other of values) {
    if (isSame(other, value) || isSame(other, share) || isSame(other, 100 - value)) return true;
    if (isSame(other, 1 - share) || isSame(other, 1 + share)) return true;
  }
  return false;
}
