import { type Artifact, InvalidInputError, readPrompt } from 'pointsman';
import {
  type AnswerHead,
  type AnswerScore,
  type AnswerScorer,
  answerBlockLength,
  argMax,
  type CascadeRouting,
  CHECK_NAMES,
  createAnswerExtractor,
  nextToAsk,
  readAnswerHead,
  successLogit,
} from 'pointsman/internal';
import type { MatrixAnswers, OutcomeMatrix } from '../outcomes/matrix.ts';
import { plural } from '../words/format.ts';
import type { PredictedRows } from './tune-policy.ts';

/** Scores of answers by an artifact's answer head, in the place of `success`. */
export interface AnsweredRows extends PredictedRows {
  /** Rows without an answer of each candidate that is judged: what the head would say there is not known. */
  readonly leftOut: number;
}

/**
 * What the answer head of an artifact says of the answers of a cascade: each one after the answers of those before it, as it
 * is when the cascade is run.
 *
 * @param predicted calibrated success, as the router predicts it
 * @param chain names of the candidates, the first asked first; the last one's answer is not judged
 * @param otherVersion answers of the table that another version has read, and that are not looked at
 * @returns rows on which all that are judged have answered; NaN for candidates that are not judged
 * @throws InvalidInputError where answers are not there, or words that the head reads were not kept
 */
export async function scoreAnswers(
  artifact: Artifact,
  { answers, candidates }: Pick<OutcomeMatrix, 'answers' | 'candidates'>,
  predicted: PredictedRows,
  chain: readonly string[],
  otherVersion = 0,
): Promise<AnsweredRows> {
  const head = await readAnswerHead(artifact);
  const judged = chain.slice(0, -1);
  const needs = `Tuning on answers needs those of ${judged.join(' and ')} to the same prompts.`;
  if (answers === undefined)
    throw new InvalidInputError(
      `${needs} The traffic has none that can be read${sayOther(otherVersion)}. Give logs with their answers, or a table that was made without \`--answers none\`.`,
    );
  const columns = judged.map((name) => candidates.indexOf(name));
  const unknown = judged.filter((_, i) => columns[i] === -1 || Number.isNaN(predicted.success[columns[i]]));
  if (unknown.length > 0)
    throw new InvalidInputError(
      `\`candidates\` of tuning must name candidates of the router and of the traffic. Got ${unknown.join(', ')}, which one of the two does not know.`,
    );
  const placesOf = (row: number) => columns.map((c) => answers.places[row * candidates.length + c]);
  const silent = judged.filter((_, i) =>
    predicted.rows.every((row) => Number.isNaN(placesOf(row)[i] ?? Number.NaN)),
  );
  if (silent.length > 0)
    throw new InvalidInputError(
      `${needs} Of ${plural(predicted.rows.length, 'prompt')} none has an answer of ${silent.join(' or ')}${sayOther(otherVersion)}. ` +
        'Give traffic with their answers, or leave them out of `--candidates`.',
    );
  const kept = [...predicted.rows.keys()].filter((i) => !placesOf(predicted.rows[i]).some(Number.isNaN));
  const answerOf = answersRead(head, { answers, candidates });
  const width = candidates.length;
  const success = new Float32Array(kept.length * width).fill(Number.NaN);
  kept.forEach((from, i) => {
    const earlier: AnswerScore[] = [];
    for (const c of columns) {
      const answer = answerOf.of(predicted.rows[from], c, predicted.success[from * width + c])!;
      success[i * width + c] = answer.probability(earlier);
      earlier.push(answer.evidence());
    }
  });
  return {
    rows: Int32Array.from(kept, (i) => predicted.rows[i]),
    success,
    leftOut: predicted.rows.length - kept.length,
  };
}

/** Fewer prompts show nothing. */
const FEWEST = 50;

/** {@link scoreAnswers} of what is tuned on and what it is measured on. */
export async function scoreParts(
  artifact: Artifact,
  {
    ingest,
    matrix,
  }: {
    readonly matrix: OutcomeMatrix;
    readonly ingest: { readonly answers: { readonly otherVersion: number } };
  },
  { test, tune }: { readonly tune: PredictedRows; readonly test: PredictedRows | null },
  chain: readonly string[],
): Promise<{ readonly tune: PredictedRows; readonly test: PredictedRows | null; readonly leftOut: number }> {
  const score = (rows: PredictedRows) =>
    scoreAnswers(artifact, matrix, rows, chain, ingest.answers.otherVersion);
  const [tuned, tested] = [await score(tune), test && (await score(test))];
  const { leftOut, rows } = tuned;
  if (rows.length < FEWEST)
    throw new InvalidInputError(
      `Tuning on answers needs ${FEWEST} prompts with the answers of ${chain.slice(0, -1).join(' and ')}. Got ${rows.length}, and ${leftOut} without. ` +
        'Collect answers of all of them for more prompts.',
    );
  return { tune: tuned, test: tested, leftOut: tuned.leftOut + (tested?.leftOut ?? 0) };
}

function sayOther(count: number): string {
  return count === 0 ? '' : `: ${plural(count, 'row')} had theirs read by another version of pointsman`;
}

/** Whether an answer head, where there is one, reads more than what is kept of answers without their words. */
export function readsWords({ answer }: Artifact['manifest']): boolean {
  return answer?.features.blocks.some(({ kind }) => kind === 'ngrams') ?? false;
}

/** An answer that a table keeps, as an answer head reads it. */
export interface KeptAnswer {
  /** By itself, as other answers are held against it. */
  evidence(): AnswerScore;
  /** That it is good, given what was said before. */
  probability(earlier: readonly AnswerScore[]): number;
}

/** The answers of a table, as an answer head reads them. */
export interface KeptAnswers {
  /** The answer of a candidate to a prompt, by their numbers; null where the table has none. @param success as the router predicts it */
  of(row: number, candidate: number, success: number): KeptAnswer | null;
  /** What answers to one prompt say of each other, and of whoever was not asked. */
  readonly weigh: AnswerScorer['weigh'];
}

/**
 * The answers of a table as the answer head of an artifact reads them.
 * @returns what is lacking, in the middle of a sentence, where it can read none
 */
export async function openKeptAnswers(
  artifact: Artifact,
  { answers, candidates }: Pick<OutcomeMatrix, 'answers' | 'candidates'>,
): Promise<KeptAnswers | string> {
  if (artifact.manifest.answer === undefined) return 'an answer head';
  if (answers === undefined) return 'answers';
  const isWhole = answers.texts?.every((text) => text !== null) ?? false;
  if (readsWords(artifact.manifest) && !isWhole) return 'the words of answers';
  return answersRead(await readAnswerHead(artifact), { answers, candidates });
}

function answersRead(
  head: AnswerHead,
  { answers, candidates }: { readonly answers: MatrixAnswers; readonly candidates: readonly string[] },
): KeptAnswers {
  const read = readerOf(head, answers);
  return {
    of(row, candidate, success) {
      const place = answers.places[row * candidates.length + candidate];
      if (!(place >= 0)) return null;
      let own: AnswerScore | undefined;
      const evidence = () =>
        (own ??= head.judge(read(place, success), {
          candidate: candidates[candidate],
          key: answers.keys[place],
        }));
      return {
        evidence,
        probability: (earlier) => head.weigh([evidence(), ...earlier]).probabilities[0],
      };
    },
    weigh: head.weigh,
  };
}

/** Reads what was kept of an answer as the head reads the answer itself. The result is overwritten by the next. */
function readerOf({ blocks, standardisation }: AnswerHead, answers: MatrixAnswers) {
  const starts = { checks: 0, numeric: CHECK_NAMES.length };
  const lengths = blocks.map(answerBlockLength);
  const inputs = new Float32Array(1 + lengths.reduce((sum, length) => sum + length, 0));
  const parts = blocks.map((block) => {
    const extractor = createAnswerExtractor([block], null);
    return { block, extractor, question: extractor.readQuestion(NO_PROMPT) };
  });
  return (place: number, success: number): Float32Array => {
    inputs[0] = successLogit(success);
    let at = 1;
    for (const [i, { block, extractor, question }] of parts.entries()) {
      if (block.kind === 'ngrams') {
        const answer = { text: wordsOf(answers, place), finishReason: null, logprobs: null };
        extractor.extractInto(question, answer, inputs, at);
      } else {
        const from = place * answers.length + starts[block.kind];
        inputs.set(answers.checks.subarray(from, from + lengths[i]), at);
      }
      at += lengths[i];
    }
    standardisation.apply(inputs, 1);
    return inputs;
  };
}

/** N-grams are of the answer alone. */
const NO_PROMPT = readPrompt({ text: '' });

function wordsOf({ keys, texts }: MatrixAnswers, place: number): string {
  const text = texts?.[place] ?? null;
  if (text !== null) return text;
  const without = texts?.filter((each) => each === null).length ?? keys.length;
  throw new InvalidInputError(
    `The answer head of this router reads the words of answers, and those of ${plural(without, 'answer')} were not kept. ` +
      'Give logs with their words, or a table that was made with `--answers text`.',
  );
}

/** Whom cascade routing asked, by the numbers of its steps, and whose answer it gives. */
interface Routed {
  readonly asked: readonly number[];
  readonly best: number;
}

/**
 * As cascade routing is carried out where nobody fails: whoever promises most for its price, given the answers so far, while that is
 * worth it.
 *
 * @param give asks a step, those that were asked before known: what the answer head says of its answer by itself, and whether it passes
 */
export function routeByAnswers(
  routing: CascadeRouting,
  give: (step: number, asked: readonly number[]) => { readonly score: AnswerScore; readonly passes: boolean },
  weigh: AnswerScorer['weigh'],
): Routed {
  const asked: number[] = [];
  const given: ReturnType<typeof give>[] = [];
  let left = [...routing.promises.keys()];
  let next = 0;
  for (;;) {
    left = left.filter((each) => each !== next);
    given.push(give(next, [...asked]));
    asked.push(next);
    const { probabilities, unasked } = weigh(given.map(({ score }) => score));
    const isPassed = given.some(({ passes }) => passes);
    const best = argMax(probabilities.map((each, i) => (isPassed && !given[i].passes ? -1 : each)));
    const following = left.length === 0 ? null : nextToAsk(routing, left, unasked);
    if (following === null || (isPassed ? probabilities[best] : 0) >= following.under)
      return { asked, best: asked[best] };
    next = following.step;
  }
}
