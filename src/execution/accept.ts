import type { AnswerScore, AnswerScorer } from '../answer/answer-scorer.ts';
import type { Artifact } from '../artifact/read-artifact.ts';
import { AttemptTimeoutError, InvalidInputError } from '../errors.ts';
import type { AcceptTest, PlanStep } from '../policy/plan.ts';
import type { Request } from '../request.ts';
import { type Answer, answerKey } from './answer.ts';
import { openScope, untilAborted } from './async.ts';
import type { PlannedExecution, ScoreSource } from './attempt.ts';
import { checkJson } from './matches-schema.ts';
import type { Judgement } from './options.ts';
import {
  type AnswerReader,
  isOver,
  type Run,
  type RunStep,
  type StepAnswer,
  type StepContext,
} from './run.ts';

/** How a step is run whose answer is then put to a test: held back until it passes, with what the test looks at. */
export function acceptContext(context: StepContext, accept: AcceptTest | null): StepContext {
  if (accept === null) return context;
  return { ...context, sink: null, logprobs: context.logprobs || looksAtLogprobs(accept) };
}

/**
 * Puts an answer to a test.
 *
 * @param step what gave it, for tests that ask again.
 * @returns the answer that passed, which may be another sample; null when it does not pass.
 */
export async function acceptAnswer(
  run: Run,
  accept: AcceptTest | null,
  given: StepAnswer,
  context: StepContext,
  step: PlanStep,
  runStep: RunStep,
): Promise<StepAnswer | null> {
  if (accept === null) return given;
  const passed = await passes(run, accept, given, context, step, runStep);
  if (passed === null) given.attempt.state = 'rejected';
  return passed;
}

async function passes(
  run: Run,
  accept: AcceptTest,
  given: StepAnswer,
  context: StepContext,
  step: PlanStep,
  runStep: RunStep,
): Promise<StepAnswer | null> {
  switch (accept.kind) {
    case 'logprob':
      return meanLogprob(given) >= accept.min ? given : null;
    case 'json': {
      const schema = accept.schema ?? schemaOf(context.request);
      const { matches, problem } = await checkJson(given.answer.text, schema);
      if (problem !== undefined) given.attempt.error = { ...problem, status: null };
      return matches ? given : null;
    }
    case 'verifier': {
      const score = await verify(run, accept.verifier, given, context);
      keepScore(given, 'verifier', score);
      return score >= accept.min ? given : null;
    }
    case 'answer':
      return (await readByHead(run, given, context, context.earlier)) >= thresholdOf(accept) ? given : null;
    case 'agreement':
      return agree(run, accept, given, context, step, runStep);
    case 'all': {
      let passed: StepAnswer | null = given;
      for (const test of accept.tests) {
        if (passed !== null) passed = await passes(run, test, passed, context, step, runStep);
      }
      return passed;
    }
  }
}

/** NaN, which nothing reaches, for a plan of no policy that says `tuned`. */
function thresholdOf({ threshold }: Extract<AcceptTest, { kind: 'answer' }>): number {
  return typeof threshold === 'number' ? threshold : Number.NaN;
}

/** NaN, which passes no test, where there are none. */
function meanLogprob({ answer: { logprobs } }: StepAnswer): number {
  if (logprobs === null || logprobs.length === 0) return Number.NaN;
  return logprobs.reduce((sum, value) => sum + value, 0) / logprobs.length;
}

/** A verifier that fails has not said that the answer is good; the trace says that it failed. */
async function verify(run: Run, name: string, given: StepAnswer, context: StepContext): Promise<number> {
  try {
    return await scoreAnswer(run, run.settings.verifiers[name], name, given.answer, context);
  } catch (error) {
    if (isOver(run, context)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    given.attempt.error = { code: 'VERIFIER_FAILED', message: `\`${name}\`: ${message}`, status: null };
    return Number.NaN;
  }
}

async function agree(
  run: Run,
  { samples, min }: Extract<AcceptTest, { kind: 'agreement' }>,
  given: StepAnswer,
  context: StepContext,
  step: PlanStep,
  runStep: RunStep,
): Promise<StepAnswer | null> {
  const further = Array.from({ length: samples - 1 }, (_, i) =>
    runStep(run, step, { ...context, role: 'sample', sample: i + 1, sink: null }),
  );
  const answers = [given];
  for (const ending of await Promise.allSettled(further)) {
    if (ending.status === 'fulfilled') answers.push(ending.value);
  }
  if (isOver(run, context)) throw context.signal.reason ?? run.signal.reason;
  const keys = answers.map(({ answer }) => answerKey(answer));
  const { winner, weight } = tallyVotes(keys, Array(keys.length).fill(1));
  // Samples that failed agree with nobody.
  return weight / samples >= min ? answers[winner] : null;
}

function looksAtLogprobs(accept: AcceptTest): boolean {
  return accept.kind === 'logprob' || (accept.kind === 'all' && accept.tests.some(looksAtLogprobs));
}

/** Of a response format as OpenAI's API has it, or the AI SDK. */
function schemaOf({ responseFormat }: Request): Readonly<Record<string, unknown>> | undefined {
  const format = responseFormat as
    | { readonly schema?: unknown; readonly json_schema?: { readonly schema?: unknown } }
    | undefined;
  const schema = format?.json_schema?.schema ?? format?.schema;
  return typeof schema === 'object' && schema !== null ? (schema as Record<string, unknown>) : undefined;
}

/**
 * What a function of the caller's thinks of an answer: true is 1, false 0.
 *
 * @returns NaN for what is no number.
 * @throws whatever the function throws.
 */
export async function scoreAnswer(
  run: Run,
  judgement: Judgement,
  name: string,
  answer: Answer,
  context: StepContext,
): Promise<number> {
  const score = await callFunction(run, context.signal, name, (inner) =>
    judgement(answer, context.request, inner),
  );
  return typeof score === 'number' || typeof score === 'boolean' ? Number(score) : Number.NaN;
}

/** Calls a function of the caller's within the time of one attempt, whether it looks at the signal or not. */
export async function callFunction<T>(
  run: Run,
  signal: AbortSignal,
  name: string,
  call: (context: { readonly signal: AbortSignal }) => T | Promise<T>,
): Promise<T> {
  const { clock, timeoutMs } = run.settings;
  const scope = openScope(signal);
  const cancel = clock.after(timeoutMs, () => {
    scope.abort(new AttemptTimeoutError(name, timeoutMs, 'result'));
  });
  try {
    return await untilAborted((async () => call({ signal: scope.signal }))(), scope.signal);
  } finally {
    cancel();
    scope.close();
  }
}

/** Votes for keys, in the order of the voters. */
export interface Tally {
  /** The voter, by its index, whose key has most weight; of several, the first listed. -1 without votes. */
  readonly winner: number;
  /** Weight of the winning key. */
  readonly weight: number;
  /** Whether no voter that has yet to vote can change the winner. */
  readonly decided: boolean;
}

/**
 * Counts votes.
 *
 * @param keys one for each voter; undefined for one that has not voted yet, null for one that will not.
 * @param weights one for each voter, ≥ 0.
 */
export function tallyVotes(keys: readonly (string | null | undefined)[], weights: readonly number[]): Tally {
  const sums = new Map<string, { first: number; weight: number }>();
  let [waiting, open] = [0, 0];
  keys.forEach((key, voter) => {
    if (key === undefined) {
      waiting++;
      open += weights[voter];
    }
    if (typeof key !== 'string') return;
    const sum = sums.get(key) ?? { first: voter, weight: 0 };
    sum.weight += weights[voter];
    sums.set(key, sum);
  });
  let best = { first: -1, weight: -1 };
  for (const sum of sums.values()) if (sum.weight > best.weight) best = sum;
  let second = 0;
  for (const sum of sums.values()) if (sum !== best) second = Math.max(second, sum.weight);
  // Strictly more: with a draw in reach, the order in which voters are listed would still count.
  const decided = best.first !== -1 && (waiting === 0 || best.weight > second + open);
  return { winner: best.first, weight: Math.max(0, best.weight), decided };
}

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
    async weigh(answers, request) {
      const head = await open();
      return head.weigh(answers.map((given) => byItself(head, given, request)));
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
