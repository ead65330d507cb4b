import type { AnswerScore, AnswerScorer } from '../answer/answer-scorer.ts';
import type { Artifact } from '../artifact/read-artifact.ts';
import { InvalidInputError } from '../errors.ts';
import type { Request } from '../request.ts';
import type { PlannedExecution, ScoreSource } from './attempt.ts';
import { type AnswerReader, isOver, type Run, type StepAnswer, type StepContext } from './run.ts';

/**
 * The answer head of a router's artifact, for use outside of `execute`: over recorded answers, in an executor of your own, or
 * with `executePlan`. Its files are read, and checked, now.
 *
 * @throws ArtifactError when the artifact has no answer head, or its files are damaged.
 * @example
 * const scorer = await createAnswerScorer(artifact);
 * const question = scorer.readQuestion({ text: 'What is 17 * 23?' });
 * const { probability } = scorer.score({ question, candidate: 'small-model', success: 0.6, answer: { text: '391' } });
 */
export async function createAnswerScorer(artifact: Artifact): Promise<AnswerScorer> {
  const { readAnswerScorer } = await import('../answer/answer-scorer.ts');
  return readAnswerScorer(artifact);
}

/** One reading of its files for all executions; one that failed is tried again. */
const scorers = new WeakMap<Artifact, Promise<AnswerScorer>>();

function scorerOf(artifact: Artifact): Promise<AnswerScorer> {
  const known = scorers.get(artifact);
  if (known !== undefined) return known;
  const made = createAnswerScorer(artifact);
  scorers.set(artifact, made);
  made.catch(() => scorers.delete(artifact));
  return made;
}

/**
 * @param scorer the caller's own, which goes before the artifact's.
 * @param artifact what the plan was made with, where it is known.
 */
export function createAnswerReader(
  { artifactId, predictions }: PlannedExecution,
  scorer: AnswerScorer | undefined,
  artifact: Artifact | undefined,
): AnswerReader {
  const success = new Map(
    predictions?.map(({ candidate, successProbability }) => [candidate, successProbability]),
  );
  const questions = new WeakMap<Request, ReturnType<AnswerScorer['readQuestion']>>();
  const known = new WeakMap<StepAnswer, AnswerScore>();
  const open = async (): Promise<AnswerScorer> => {
    if (scorer === undefined && artifact === undefined)
      throw new InvalidInputError(
        'There is no answer head: nothing of the router that made the plan is known. Pass `answerScorer`.',
      );
    const opened = scorer ?? (await scorerOf(artifact as Artifact));
    if (artifactId === undefined || artifactId === opened.artifactId) return opened;
    throw new InvalidInputError(
      `The answer head is of ${opened.artifactId}, and the plan was made by ${artifactId}.`,
    );
  };
  const read = (head: AnswerScorer, given: StepAnswer, request: Request, earlier: readonly AnswerScore[]) => {
    const question = questions.get(request) ?? head.readQuestion(request);
    questions.set(request, question);
    const { answer, candidate } = given;
    const expected = success.get(candidate);
    return head.score({
      ...{ question, candidate, answer, earlier },
      ...(expected === undefined ? {} : { success: expected }),
    });
  };
  const byItself = (head: AnswerScorer, given: StepAnswer, request: Request) => {
    const score = known.get(given) ?? read(head, given, request, []);
    known.set(given, score);
    return score;
  };
  return {
    isThere: scorer !== undefined || artifact?.manifest.answer !== undefined,
    async probability(given, request, earlier) {
      const head = await open();
      // What was said without a word is no evidence.
      const before = earlier.filter(({ answer }) => answer.text.trim() !== '');
      const seen = before.map((each) => byItself(head, each, request));
      const { probability } =
        seen.length === 0 ? byItself(head, given, request) : read(head, given, request, seen);
      return probability;
    },
  };
}

/** The probability by the answer head, NaN where it cannot be told; the trace of the attempt has it, or the reason. */
export async function readByHead(
  run: Run,
  given: StepAnswer,
  context: StepContext,
  earlier: readonly StepAnswer[],
): Promise<number> {
  let probability = Number.NaN;
  try {
    probability = await run.answers.probability(given, context.request, earlier);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    given.attempt.error = { code: 'ANSWER_NOT_READ', message, status: null };
  }
  // Reading its files may have taken a while.
  if (isOver(run, context)) throw context.signal.reason ?? run.signal.reason;
  keepScore(given, 'answer', probability);
  return probability;
}

/** Writes down what an answer was found to be worth, and by whom. */
export function keepScore({ attempt }: StepAnswer, source: ScoreSource, value: number): void {
  if (!Number.isNaN(value)) attempt.scores = [...(attempt.scores ?? []), { source, value }];
}
