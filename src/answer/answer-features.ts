import type { NgramBlock, Standardisation } from '../features/features.ts';
import { createNumericSignals, NUMERIC_SIGNAL_NAMES } from '../features/numeric.ts';
import { type Prompt, readPrompt } from '../request.ts';
import { createTextScan } from '../text.ts';
import {
  checkForm,
  checkMatch,
  checkNumbers,
  checkSums,
  FORM_CHECKS,
  MATCH_CHECKS,
  NUMBER_CHECKS,
  SUM_CHECKS,
} from './checks.ts';
import {
  CHOICE_CHECKS,
  checkChoice,
  checkFinal,
  FINAL_CHECKS,
  type FinalAnswer,
  findFinalAnswer,
  keyOfFinal,
} from './final.ts';
import { type GivenAnswer, type Question, readAnswer, readQuestion, type SeenAnswer } from './question.ts';
import { buildPhraseIndex, countPhrases, PHRASE_KINDS, type PhraseIndex } from './words.ts';

/** One stretch of an answer's feature vector, ready to be computed. */
export type AnswerBlock =
  | { readonly kind: 'checks' }
  /** What is counted of prompts, counted of the answer. */
  | { readonly kind: 'numeric' }
  | { readonly kind: 'ngrams'; readonly dimensions: number; readonly block: NgramBlock };

/** Names of the checks, in the order of their block. */
export const CHECK_NAMES: readonly string[] = [
  ...FORM_CHECKS,
  ...PHRASE_KINDS,
  ...MATCH_CHECKS,
  ...CHOICE_CHECKS,
  ...SUM_CHECKS,
  ...NUMBER_CHECKS,
  ...FINAL_CHECKS,
];

/**
 * Version of what is kept of an answer whose words are not: the blocks of {@link KEPT_BLOCKS}, not standardised. It is
 * another one when any of these numbers is computed otherwise.
 */
export const ANSWER_VERSION = 1;
export const KEPT_BLOCKS: readonly AnswerBlock[] = [{ kind: 'checks' }, { kind: 'numeric' }];

/** An answer and what it answers to the feature vector. Training and serving both go through here. */
export interface AnswerExtractor {
  /** Length of the feature vector. */
  readonly length: number;
  /** What the answers to a prompt are held against: once for all of them. */
  readQuestion(prompt: Prompt): Question;
  /**
   * @param out `[length]`, from `offset`; finite.
   * @returns what the answer finally says: answers with the same key say the same.
   */
  extractInto(question: Question, answer: GivenAnswer, out: Float32Array, offset?: number): string;
}

/** Said more often than this, it says no more. */
const MOST_PHRASES = 5;

/** An answer has none of what surrounds a prompt. */
const BARE = readPrompt({ text: '' });

/** Not safe to call from two threads at once: it reuses its buffers. */
export function createAnswerExtractor(
  blocks: readonly AnswerBlock[],
  standardisation: Standardisation | null,
): AnswerExtractor {
  const scan = createTextScan();
  const questionScan = createTextScan();
  const phrases = buildPhraseIndex();
  const numeric = createNumericSignals();
  return {
    length: blocks.reduce((sum, block) => sum + answerBlockLength(block), 0),
    readQuestion: (prompt) => readQuestion(prompt, questionScan),
    extractInto(question, answer, out, offset = 0) {
      const seen = readAnswer(answer, scan);
      const final = findFinalAnswer(scan, seen.sums.numbers);
      let at = offset;
      for (const block of blocks) {
        if (block.kind === 'checks') writeChecks(seen, final, question, phrases, out, at);
        else if (block.kind === 'numeric') numeric.writeInto(BARE, scan, out, at);
        else block.block.writeInto(scan, out, at);
        at += answerBlockLength(block);
      }
      standardisation?.apply(out, offset);
      return keyOfFinal(scan, final);
    },
  };
}

function writeChecks(
  seen: SeenAnswer,
  final: FinalAnswer,
  question: Question,
  phrases: PhraseIndex,
  out: Float32Array,
  offset: number,
): void {
  let at = offset;
  const write = <Name extends string>(names: readonly Name[], checks: Readonly<Record<Name, number>>) => {
    for (const name of names) out[at++] = checks[name];
  };
  write(FORM_CHECKS, checkForm(seen, question));
  for (const count of countPhrases(seen.scan, phrases)) out[at++] = Math.min(MOST_PHRASES, count);
  write(MATCH_CHECKS, checkMatch(seen, question));
  write(CHOICE_CHECKS, checkChoice(seen, final, question));
  write(SUM_CHECKS, checkSums(seen.sums));
  write(NUMBER_CHECKS, checkNumbers(seen.sums, question));
  write(FINAL_CHECKS, checkFinal(seen, final, question));
}

/** How many features a block gives. */
export function answerBlockLength(block: AnswerBlock): number {
  if (block.kind === 'checks') return CHECK_NAMES.length;
  return block.kind === 'numeric' ? NUMERIC_SIGNAL_NAMES.length : block.dimensions;
}

/** Numbers that are kept of an answer. */
export const KEPT_LENGTH = CHECK_NAMES.length + NUMERIC_SIGNAL_NAMES.length;

/** What is kept of an answer, by which training and serving see it alike. */
export interface KeptAnswer {
  readonly checks: readonly number[]; // [KEPT_LENGTH]
  /**
   * What its key is before it is hashed: equal for answers that say the same to one request, and never across requests, so
   * that nobody learns by it who else was told the same.
   */
  readonly key: Uint8Array;
}

/** Not safe to call from two threads at once, as an extractor is not. */
export interface AnswerKeeper {
  readonly version: number;
  readQuestion(prompt: Prompt): Question;
  keep(question: Question, answer: GivenAnswer, requestId: string): KeptAnswer;
}

export function createAnswerKeeper(): AnswerKeeper {
  const extractor = createAnswerExtractor(KEPT_BLOCKS, null);
  const checks = new Float32Array(KEPT_LENGTH);
  return {
    version: ANSWER_VERSION,
    readQuestion: (prompt) => extractor.readQuestion(prompt),
    keep(question, answer, requestId) {
      const key = extractor.extractInto(question, answer, checks);
      return {
        // Seven decimals are as much as a float32 near 1 has, in half the characters.
        checks: Array.from(checks, (value) => Math.round(value * 1e7) / 1e7),
        key: new TextEncoder().encode(`${requestId}\n${key}`),
      };
    },
  };
}

/** An answer that was given to the same prompt before. */
export interface EarlierAnswer {
  /** Logit that it is good, by itself. */
  readonly logit: number;
  /** What it finally says. */
  readonly key: string;
}

/** How many numbers {@link evidenceInto} writes. */
export const EVIDENCE_LENGTH = 7;

/** What earlier answers to the same prompt say of a further one, in its own logit's place: see `out`. */
export function evidenceInto(
  answer: EarlierAnswer,
  earlier: readonly EarlierAnswer[],
  /** Its logit; whether any, and more than one, says the same; likewise another; sums of the logits of both. */
  out: Float32Array, // [EVIDENCE_LENGTH]
): void {
  let [same, other, sameLogits, otherLogits] = [0, 0, 0, 0];
  for (const { key, logit } of earlier) {
    if (key === answer.key) {
      same++;
      sameLogits += logit;
    } else {
      other++;
      otherLogits += logit;
    }
  }
  out.set([
    answer.logit,
    Number(same > 0),
    Number(same > 1),
    Number(other > 0),
    Number(other > 1),
    sameLogits,
    otherLogits,
  ]);
}

/** How many numbers {@link unaskedInto} writes. */
export const UNASKED_LENGTH = 4;

/**
 * What the answers so far say of a candidate that has not been asked, in the place of its own logit by the prompt alone.
 *
 * @param best logit that the best of the answers is good, the others known @param keys what each of them finally says; one or more
 */
export function unaskedInto(
  success: number,
  best: number,
  keys: readonly string[],
  /** Both logits; whether any two answers say the same; whether any two differ. */
  out: Float32Array, // [UNASKED_LENGTH]
): void {
  const different = new Set(keys).size;
  out.set([success, best, Number(different < keys.length), Number(different > 1)]);
}
