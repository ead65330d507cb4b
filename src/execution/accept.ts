import type { AcceptTest, PlanStep } from '../policy/plan.ts';
import type { Request } from '../request.ts';
import { answerKey } from './answer-key.ts';
import { checkJson } from './matches-schema.ts';
import { isOver, type Run, type RunStep, type StepAnswer, type StepContext } from './run.ts';
import { asQuality, scoreAnswer } from './score-answer.ts';
import { tallyVotes } from './tally.ts';

/** How a step is run whose answer is then put to a test: held back until it passes, with what the test looks at. */
export function judgedContext(context: StepContext, accept: AcceptTest | null): StepContext {
  if (accept === null) return context;
  return { ...context, sink: null, logprobs: context.logprobs || looksAtLogprobs(accept) };
}

/**
 * Puts an answer to a test.
 *
 * @param step what gave it, for tests that ask again.
 * @returns the answer that passed, which may be another sample; null when it does not pass.
 */
export async function judgeAnswer(
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
      if (!(score >= accept.min)) return null;
      run.quality = asQuality(score);
      return given;
    }
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
