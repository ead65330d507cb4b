import * as v from 'valibot';
import {
  blocksOf,
  calibrator,
  length,
  MAX_CANDIDATES,
  name,
  names,
  ngrams,
  numeric,
  path,
  perCandidate,
} from '../artifact/check-manifest.ts';
import {
  type AnswerFeatureBlock,
  blocksLength,
  type Manifest,
  type ManifestAnswer,
} from '../artifact/manifest.ts';
import { type Artifact, parseJson } from '../artifact/read-artifact.ts';
import { readCalibrator } from '../calibrator.ts';
import { ArtifactError, InvalidInputError } from '../errors.ts';
import {
  checkNames,
  decodeStandardisation,
  extremeFeatures,
  readTextBlock,
  type Standardisation,
} from '../features/features.ts';
import type { Head } from '../head/head.ts';
import { readLayersModel } from '../head/layers.ts';
import { allFinite, argMax, dot, holdBack, logit, sigmoid } from '../math.ts';
import { type Request, readPrompt } from '../request.ts';
import { finiteNumber, object, share, validate } from '../validate.ts';
import {
  type AnswerBlock,
  CHECK_NAMES,
  createAnswerExtractor,
  type EarlierAnswer,
  EVIDENCE_LENGTH,
  evidenceInto,
  UNASKED_LENGTH,
  unaskedInto,
} from './answer-features.ts';
import type { GivenAnswer, Question } from './question.ts';

/** Says how likely an answer is to be good, now that it is there. */
export interface AnswerScorer {
  /** Of the router that it belongs to. */
  readonly artifactId: string;
  /** What the answers to a request are held against: once for all of them. */
  readQuestion(request: Request): Question;
  /**
   * @returns the same answer and prompt always give the same.
   * @throws InvalidInputError when `success` is no probability, or the answer has no text.
   */
  score(given: AnswerToScore): AnswerScore;
  /**
   * What answers to one request say of each other, and of whoever has not been asked.
   *
   * @param answers as {@link score} gave them without `earlier`; one or more
   */
  weigh(answers: readonly AnswerScore[]): WeighedAnswers;
}

/** Answers to one request, each in the light of the others. */
export interface WeighedAnswers {
  /** Calibrated probability that each is good, 0 to 1. */
  readonly probabilities: readonly number[];
  /** Number of the likeliest to be good; of several, the first. */
  readonly best: number;
  /**
   * How likely a candidate that has not been asked is to be good where the best of them is bad, 0 to 1.
   *
   * @param success by the prompt alone: `successProbability` of the decision
   */
  unasked(success: number): number;
}

/** An answer, and what is known beside it. */
export interface AnswerToScore {
  readonly question: Question;
  /** Who gave it. One that training has not seen is judged by what all have in common. */
  readonly candidate: string;
  /**
   * How likely its answer was to be good before it was there: `successProbability` of the decision, 0 to 1.
   * @default the candidate's mean quality, or 0.5
   */
  readonly success?: number;
  readonly answer: Pick<GivenAnswer, 'text'> & Partial<GivenAnswer>;
  /** What this function gave for the answers that others gave to the same request before. @default none */
  readonly earlier?: readonly EarlierAnswer[];
}

export interface AnswerScore extends EarlierAnswer {
  /** Calibrated probability that the answer is good, 0 to 1. */
  readonly probability: number;
}

/**
 * Reads the answer head of an artifact, and its files.
 *
 * @throws ArtifactError when it has none, or a file is damaged or does not fit.
 */
export async function readAnswerScorer(artifact: Artifact): Promise<AnswerScorer> {
  const { blocks, judge, standardisation, weigh } = await readAnswerHead(artifact);
  const extractor = createAnswerExtractor(blocks, standardisation);
  const means = new Map(artifact.manifest.candidates.map(({ meanQuality, name }) => [name, meanQuality]));
  const inputs = new Float32Array(1 + extractor.length);
  return {
    artifactId: artifact.manifest.id,
    readQuestion: (request) => extractor.readQuestion(readPrompt(request)),
    score({ answer: { text, finishReason = null, logprobs = null }, candidate, earlier, question, success }) {
      if (typeof text !== 'string' || text.trim() === '')
        throw new InvalidInputError('`text` of an answer to score must not be empty. Got nothing to read.');
      inputs[0] = successLogit(success ?? means.get(candidate) ?? 0.5);
      const key = extractor.extractInto(question, { text, finishReason, logprobs }, inputs, 1);
      return judge(inputs, { candidate, key, earlier });
    },
    weigh,
  };
}

/** What an answer head is made of: what it reads of answers, and how it judges that. */
export interface AnswerHead {
  readonly blocks: readonly AnswerBlock[];
  readonly standardisation: Standardisation;
  /** @param inputs the success as a logit, then the standardised features: `[1 + length]` */
  judge(inputs: Float32Array, given: JudgedAnswer): AnswerScore;
  readonly weigh: AnswerScorer['weigh'];
}

interface JudgedAnswer {
  readonly candidate: string;
  readonly key: string;
  readonly earlier?: readonly EarlierAnswer[] | undefined;
}

/** As {@link readAnswerScorer}, for those who have the features of answers already. @throws ArtifactError likewise */
export async function readAnswerHead(artifact: Artifact): Promise<AnswerHead> {
  const answer = checkedAnswerHead(artifact.manifest);
  const { blocks, standardisation } = await readBlocks(artifact, answer);
  const head = await readHead(artifact, answer);
  const calibrators = answer.calibrators.map((each) => readCalibrator('`answer`', each));
  const columns = new Map(answer.candidates.map((name, c) => [name, c]));
  const logits = new Float32Array(head.outputs);
  const evidence = new Float32Array(EVIDENCE_LENGTH);
  const unasked = new Float32Array(UNASKED_LENGTH);
  checkExtremes(head);
  /** The probability that an answer is good, others known. @param own by itself */
  const beside = (own: AnswerScore, others: readonly EarlierAnswer[]): number => {
    if (answer.earlier === undefined || others.length === 0) return own.probability;
    evidenceInto(own, others, evidence);
    return sigmoid(answer.earlier.bias + dot(answer.earlier.weights, evidence));
  };
  return {
    blocks,
    standardisation,
    judge(inputs, { candidate, earlier, key }) {
      head.predictInto(inputs, logits);
      const c = columns.get(candidate) ?? columns.size;
      const alone = { logit: logits[c], key, probability: calibrators[c].probability(logits[c]) };
      return { ...alone, probability: beside(alone, earlier ?? []) };
    },
    weigh(answers) {
      const probabilities = answers.map((each) =>
        beside(
          each,
          answers.filter((other) => other !== each),
        ),
      );
      const best = argMax(probabilities);
      return {
        probabilities,
        best,
        unasked(success) {
          if (answer.unasked === undefined) return success;
          const keys = answers.map(({ key }) => key);
          unaskedInto(successLogit(success), logit(holdBack(probabilities[best])), keys, unasked);
          return sigmoid(answer.unasked.bias + dot(answer.unasked.weights, unasked));
        },
      };
    },
  };
}

/** The first input of the answer head: the calibrated success, as a logit. @throws InvalidInputError */
export function successLogit(success: number): number {
  if (!(success >= 0 && success <= 1))
    throw new InvalidInputError(`\`success\` of an answer to score must be from 0 to 1. Got ${success}.`);
  return logit(holdBack(success));
}

/** The shape of `answer` in `manifest.json`. */
export const answerHeadSchema = object({
  version: v.literal(1),
  candidates: v.pipe(v.array(name), v.maxLength(MAX_CANDIDATES)),
  features: object({
    blocks: blocksOf(v.variant('kind', [object({ kind: v.literal('checks'), names }), ngrams, numeric])),
    length,
    standardisation: path,
  }),
  model: object({ topology: path, weights: path }),
  calibrators: v.pipe(v.array(calibrator), v.minLength(1), v.maxLength(MAX_CANDIDATES + 1)),
  earlier: v.exactOptional(
    object({ weights: v.pipe(v.array(finiteNumber), v.length(EVIDENCE_LENGTH)), bias: finiteNumber }),
  ),
  unasked: v.exactOptional(
    object({ weights: v.pipe(v.array(finiteNumber), v.length(UNASKED_LENGTH)), bias: finiteNumber }),
  ),
  thresholds: v.exactOptional(v.union([object({ shared: share }), object({ steps: perCandidate(share) })])),
}) satisfies v.GenericSchema<unknown, ManifestAnswer>;

/** Bytes of a file that is JSON, which takes many times its size in memory. */
const MOST_TOPOLOGY_BYTES = 2 ** 20;

/** @throws ArtifactError where there is no head, a field is not of its type, or its parts do not agree. */
function checkedAnswerHead({ answer: given, candidates, files, id }: Manifest): ManifestAnswer {
  if (given === undefined) {
    throw new ArtifactError(
      `${id} has no answer head. Train on logs with their answers; what the training says of them tells why there is ` +
        'none, where they were there.',
    );
  }
  const refuse = (field: string, must: string, got: unknown): never => {
    throw new ArtifactError(`\`answer.${field}\` of manifest.json must be ${must}. Got ${got}. Train again.`);
  };
  const { answer } = readFields({ answer: given });
  const { calibrators, candidates: named, features, model } = answer;
  const known = new Set(candidates.map(({ name }) => name));
  const own = new Set(named.filter((name) => known.has(name)));
  if (own.size !== named.length) refuse('candidates', 'different candidates of the router', named.join(', '));
  if (calibrators.length !== own.size + 1)
    refuse('calibrators', `${own.size + 1}, one a candidate and one for all others`, calibrators.length);
  const sum = blocksLength(features.blocks);
  if (sum !== features.length) refuse('features.length', `${sum}, the sum of its blocks`, features.length);
  const { bytes = 0 } = files.find(({ path }) => path === model.topology) ?? {};
  if (bytes > MOST_TOPOLOGY_BYTES) refuse('model.topology', `at most ${MOST_TOPOLOGY_BYTES} bytes`, bytes);
  return answer;
}

function readFields(given: { readonly answer: unknown }): { readonly answer: ManifestAnswer } {
  try {
    return validate<{ answer: ManifestAnswer }>(object({ answer: answerHeadSchema }), given, 'manifest.json');
  } catch (cause) {
    throw new ArtifactError(`${(cause as Error).message} Train again.`, { cause });
  }
}

async function load(artifact: Artifact, path: string): Promise<Uint8Array> {
  return artifact.load?.(path) ?? artifact.file(path);
}

async function readBlocks(
  artifact: Artifact,
  { features: { blocks, length, standardisation } }: ManifestAnswer,
): Promise<Pick<AnswerHead, 'blocks' | 'standardisation'>> {
  const read = async (block: AnswerFeatureBlock): Promise<AnswerBlock> => {
    if (block.kind === 'checks') {
      checkNames('checks of answers', block.names, CHECK_NAMES);
      return { kind: 'checks' };
    }
    if (block.kind === 'ngrams') await load(artifact, block.file);
    return readTextBlock(block, (path) => artifact.file(path));
  };
  const made = await Promise.all(blocks.map(read));
  return {
    blocks: made,
    standardisation: decodeStandardisation(await load(artifact, standardisation), length),
  };
}

async function readHead(artifact: Artifact, { candidates, features, model }: ManifestAnswer) {
  const topology = parseJson(await load(artifact, model.topology), model.topology);
  const layers = readLayersModel(topology, await load(artifact, model.weights), undefined, artifact.simd);
  const head = layers.head(layers.outputNames[0]);
  const [inputs, outputs] = [1 + features.length, candidates.length + 1];
  if (head.inputs !== inputs || head.outputs !== outputs)
    throw new ArtifactError(
      `${model.topology} must read ${inputs} numbers and give ${outputs}. Got ${head.inputs} and ${head.outputs}. Export the artifact again.`,
    );
  return head;
}

function checkExtremes(head: Head): void {
  const out = new Float32Array(head.outputs);
  for (const input of extremeFeatures(head.inputs)) {
    head.predictInto(input, out);
    if (allFinite(out)) continue;
    throw new ArtifactError(
      'The answer head must give finite numbers. It does not: a weight is too large. Train again.',
    );
  }
}
