import { type Artifact, InvalidInputError, type PolicySpec, readPrompt } from 'pointsman';
import {
  type AnswerHead,
  type AnswerScore,
  type AnswerScorer,
  answerBlockLength,
  CHECK_NAMES,
  createAnswerExtractor,
  createPolicy,
  readAnswerHead,
  successLogit,
} from 'pointsman/internal';
import { type MatrixAnswers, type OutcomeMatrix, takeCells } from '../outcomes/matrix.ts';
import { plural } from '../words.ts';
import { barePolicyContext, type RoutingFamily, routeByAnswers, WEIGHT_SETTINGS } from './settings.ts';
import type { PredictedRows, TunableRouting } from './tune-policy.ts';

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
  const rows = Int32Array.from(kept, (i) => predicted.rows[i]);
  const success = takeCells(predicted.success, candidates.length, kept);
  return {
    rows,
    success: scoreInTurn(
      answersRead(artifact.manifest, head, { answers, candidates }),
      { rows, success },
      columns,
    ),
    leftOut: predicted.rows.length - kept.length,
  };
}

/**
 * What an answer head says of answers that are given in turn, each after those before it: `[rows, candidates]`, NaN for other candidates.
 * @param columns of the candidates, the first asked first; all have answered
 */
export function scoreInTurn(
  kept: KeptAnswers,
  { rows, success }: PredictedRows,
  columns: readonly number[],
): Float32Array {
  const width = success.length / rows.length;
  const scores = new Float32Array(success.length).fill(Number.NaN);
  rows.forEach((row, i) => {
    const earlier: AnswerScore[] = [];
    for (const c of columns) {
      const answer = kept.of(row, c, success[i * width + c])!;
      scores[i * width + c] = answer.probability(earlier);
      earlier.push(answer.evidence());
    }
  });
  return scores;
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
  /** Of the router whose head it is. */
  readonly manifest: Pick<Artifact['manifest'], 'answer' | 'candidates'>;
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
  return answersRead(artifact.manifest, await readAnswerHead(artifact), { answers, candidates });
}

function answersRead(
  manifest: KeptAnswers['manifest'],
  head: AnswerHead,
  { answers, candidates }: { readonly answers: MatrixAnswers; readonly candidates: readonly string[] },
): KeptAnswers {
  const read = readerOf(head, answers);
  return {
    manifest,
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

/** Weights of cost, safest first: those of `utility`, but for the last, at which quality is worth nothing. */
export const COST_WEIGHTS = Float64Array.from(
  WEIGHT_SETTINGS.filter(({ quality }) => quality === 1),
  ({ cost }) => cost,
);

/** Cascade routing that can be tuned, and the rows of both parts that it can be tuned on. */
export interface RoutingParts {
  readonly tune: PredictedRows;
  readonly test: PredictedRows | null;
  /** Prompts without an answer or a rating of each candidate. */
  readonly leftOut: number;
  readonly routing: TunableRouting;
}

/**
 * Cascade routing over some candidates, with the weight of cost as a dial: what each weight does with a prompt is found by carrying the
 * policy out over the answers that the table keeps.
 *
 * @param names candidates, the one that loss is measured against last
 * @throws InvalidInputError where answers are not there, or words that the head reads were not kept
 */
export async function routingParts(
  artifact: Artifact,
  matrix: OutcomeMatrix,
  parts: { readonly tune: PredictedRows; readonly test: PredictedRows | null },
  names: readonly string[],
): Promise<RoutingParts> {
  const kept = await openKeptAnswers(artifact, matrix);
  if (typeof kept === 'string')
    throw new InvalidInputError(
      `Cascade routing is tuned on the answers of ${names.join(', ')} to the same prompts. What the traffic and the router have lacks ${kept}. ` +
        'Give logs with their answers, or a table that was made with `--answers text`.',
    );
  const columns = matrix.candidates.length;
  const numbers = names.map((name) => matrix.candidates.indexOf(name));
  const isRead = (row: number) =>
    haveAnswered(matrix, row, numbers) &&
    numbers.every((c) => !Number.isNaN(matrix.quality[row * columns + c]));
  const take = (given: PredictedRows): PredictedRows => {
    const rows = [...given.rows.keys()].filter((i) => isRead(given.rows[i]));
    return {
      rows: Int32Array.from(rows, (i) => given.rows[i]),
      success: takeCells(given.success, columns, rows),
      expectedCostUsd: takeCells(given.expectedCostUsd!, columns, rows),
    };
  };
  const [tune, test] = [take(parts.tune), parts.test && take(parts.test)];
  const leftOut =
    parts.tune.rows.length - tune.rows.length + ((parts.test?.rows.length ?? 0) - (test?.rows.length ?? 0));
  if (tune.rows.length < FEWEST)
    throw new InvalidInputError(
      `Cascade routing is tuned on ${FEWEST} prompts with the rated answers of ${names.join(', ')}, or more. Got ${tune.rows.length}, and ${leftOut} without. ` +
        'Collect answers of all of them for more prompts.',
    );
  const familyOf = (rows: PredictedRows) => routingFamily(kept, matrix.candidates, rows, numbers);
  return {
    ...{ tune, test, leftOut },
    routing: {
      tune: familyOf(tune),
      test: test && familyOf(test),
      policyOf: (cost) => cascadeRouting(names, cost),
    },
  };
}

/** Whether the table has an answer of each of these candidates to a prompt. */
export function haveAnswered(
  { answers, candidates }: Pick<OutcomeMatrix, 'answers' | 'candidates'>,
  row: number,
  numbers: readonly number[],
): boolean {
  return answers !== undefined && numbers.every((c) => answers.places[row * candidates.length + c] >= 0);
}

/** @param cost weight of cost, where all of quality weighs 1 */
export function cascadeRouting(names: readonly string[], cost: number): PolicySpec {
  return {
    kind: 'cascade',
    steps: names.map((use) => ({ use })),
    weights: { quality: 1, cost, latency: 0 },
  };
}

/**
 * What cascade routing does with some prompts at each weight of cost, by carrying it out over their answers.
 *
 * @param candidates of the table @param rows that have an answer of each of `numbers`
 * @param numbers of the candidates that may be asked, the one that loss is measured against last
 */
export function routingFamily(
  kept: KeptAnswers,
  candidates: readonly string[],
  rows: PredictedRows,
  numbers: readonly number[],
): RoutingFamily {
  const { manifest, weigh } = kept;
  const columns = candidates.length;
  const names = numbers.map((c) => candidates[c]);
  const own = Array.from(rows.rows, (row, i) =>
    numbers.map((c) => kept.of(row, c, rows.success[i * columns + c])!.evidence()),
  );
  const from = manifest.candidates.map(({ name }) => candidates.indexOf(name));
  const context = barePolicyContext(from.length);
  const { costUsd, success } = context.predictions;
  const numberOf = new Map(candidates.map((name, c) => [name, c]));
  const routeAll = (dial: number) => {
    const policy = createPolicy(cascadeRouting(names, dial), manifest.candidates, {
      answer: manifest.answer ?? null,
    });
    return own.map((scores, i) => {
      from.forEach((c, at) => {
        success[at] = c === -1 ? 0 : rows.success[i * columns + c];
        costUsd[at] = c === -1 ? Number.NaN : rows.expectedCostUsd![i * columns + c];
      });
      const { step } = policy.decide(context);
      if (step.kind !== 'sequence' || step.routing === undefined)
        throw new Error('A cascade with weights and no limits routes.');
      const steps = step.steps.map((each) => numberOf.get((each.step as { candidate: string }).candidate)!);
      const { asked, best } = routeByAnswers(
        step.routing,
        (number) => ({ score: scores[numbers.indexOf(steps[number])], passes: true }),
        weigh,
      );
      return { chosen: steps[best], asked: asked.map((each) => steps[each]) };
    });
  };
  const settings = new Map<number, ReturnType<typeof routeAll>>();
  const routedAt = (dial: number, at: number) => {
    const routed = settings.get(dial) ?? routeAll(dial);
    settings.set(dial, routed);
    return routed[at / columns];
  };
  return {
    dials: COST_WEIGHTS,
    candidates: numbers,
    choose: (dial, _, at) => routedAt(dial, at).chosen,
    cost: (dial, _, costs, at) => routedAt(dial, at).asked.reduce((sum, c) => sum + costs[at + c], 0),
    thresholds: () => [],
  };
}
