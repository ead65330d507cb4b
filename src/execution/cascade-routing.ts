import { DeadlineError } from '../errors.ts';
import { type CascadeRouting, nextToAsk, type PlanStep, type SequenceStep } from '../policy/plan.ts';
import { acceptAnswer, acceptContext, keepScore, readByHead } from './accept.ts';
import { isOver, type Run, type RunStep, type StepAnswer, type StepContext } from './run.ts';

/** An answer of one of the steps. */
interface Given {
  readonly answer: StepAnswer;
  /** Its step's success by the prompt alone. */
  readonly success: number;
  /** Whether the step's own accept test passes it. */
  readonly passes: boolean;
  /** Whether the answer head can read it. */
  readonly isRead: boolean;
  /** Probability that it is good, the others known; 0 where it cannot be read. */
  probability: number;
}

/** What is known after some answers. */
interface Known {
  /** The answer to use, if nobody else is asked. */
  readonly best: Given;
  /** Probability that it is good; 0 where no answer passes its test. */
  readonly probability: number;
  /** How likely a step is to be good where the best is bad. @param success by the prompt alone */
  chance(success: number): number;
}

/**
 * Cascade routing: whoever promises most for its price, given the answers so far, while that is worth it; then the answer that is
 * likeliest to be good, of those that pass their own test, or of all where none does. Somebody who fails is as if it had not
 * been there. When time is up the best answer so far is used.
 *
 * @throws what the last step failed with, where nobody has answered; and what ended everything, as any step does.
 */
export async function runCascadeRouting(
  run: Run,
  { routing, steps }: Required<SequenceStep>,
  context: StepContext,
  runStep: RunStep,
): Promise<StepAnswer> {
  const given: Given[] = [];
  let left = [...steps.keys()];
  let known: Known | undefined;
  let failure: unknown;
  let next: number | null = 0;
  while (next !== null) {
    const { accept, step } = steps[next];
    const { success } = routing.promises[next];
    left = left.filter((each) => each !== next);
    try {
      // With nothing to compare it with, the caller may have it piece by piece.
      if (left.length === 0 && given.length === 0) return await runStep(run, step, context);
      const earlier = [...context.earlier, ...given.map(({ answer }) => answer)];
      const inner = { ...acceptContext(context, accept), sink: null, earlier };
      const said = await runStep(run, step, inner);
      const passed = await acceptAnswer(run, accept, said, inner, step, runStep);
      const answer = passed ?? said;
      const probability = await readByHead(run, answer, context, []);
      const isRead = !Number.isNaN(probability);
      given.push({ answer, success, passes: passed !== null, isRead, probability: isRead ? probability : 0 });
      known = await weigh(run, given, context);
    } catch (error) {
      if (known !== undefined && run.signal.reason instanceof DeadlineError) break;
      if (isOver(run, context)) throw error;
      failure = error;
    }
    next = follow(routing, steps, left, known);
  }
  if (known === undefined) throw failure;
  for (const { answer, isRead, probability } of given) {
    answer.attempt.state = answer === known.best.answer ? 'answered' : 'rejected';
    if (isRead && given.length > 1) keepScore(answer, 'answer', probability);
  }
  return known.best.answer;
}

/** Reads all answers in the light of each other. */
async function weigh(run: Run, given: readonly Given[], { request }: StepContext): Promise<Known> {
  const read = given.filter(({ isRead }) => isRead);
  const answers = read.map(({ answer }) => answer);
  const weighed = read.length === 0 ? null : await run.answers.weigh(answers, request);
  weighed?.probabilities.forEach((probability, i) => {
    read[i].probability = probability;
  });
  const passing = given.filter(({ passes }) => passes);
  const best = (passing.length > 0 ? passing : given).reduce((a, b) =>
    b.probability > a.probability || (b.probability === a.probability && b.success > a.success) ? b : a,
  );
  return {
    best,
    probability: best.passes ? best.probability : 0,
    chance: (success) => weighed?.unasked(success) ?? success,
  };
}

/** Who is next, and null for nobody; the attempt that gave the best answer says why. */
function follow(
  routing: CascadeRouting,
  steps: SequenceStep['steps'],
  left: readonly number[],
  known: Known | undefined,
): number | null {
  // As long as nobody has answered, somebody has to: in the order of the plan.
  if (known === undefined) return left[0] ?? null;
  const { best, probability } = known;
  if (left.length === 0) {
    best.answer.attempt.next = `Everybody was asked, and this is the best answer: it is good with probability ${probability.toPrecision(3)}.`;
    return null;
  }
  const { step, under } = nextToAsk(routing, left, known.chance);
  const goesOn = probability < under;
  best.answer.attempt.next = sayWhy(nameOf(steps[step].step), probability, under);
  return goesOn ? step : null;
}

/** Why somebody is asked after the best answer so far, or nobody: a sentence that holds for the numbers that it prints. */
function sayWhy(name: string, probability: number, under: number): string {
  if (under <= 0) return `Nobody else was asked: what ${name} costs is no less than what it can gain.`;
  const [printed, bound] = apart(probability, under);
  return probability < under
    ? `The best answer so far, this one, is good with probability ${printed}, under ${bound}, up to which it is worth asking ${name}: it was asked next.`
    : `The best answer so far, this one, is good with probability ${printed}, not under ${bound}, up to which it is worth asking ${name}: nobody else was asked.`;
}

/** Two numbers in as many digits as it takes to show which is the larger, three at least. */
function apart(a: number, b: number): [string, string] {
  let digits = 3;
  while (digits < 17 && a !== b && Number(a.toPrecision(digits)) === Number(b.toPrecision(digits))) digits++;
  return [String(Number(a.toPrecision(digits))), String(Number(b.toPrecision(digits)))];
}

function nameOf(step: PlanStep): string {
  return step.kind === 'call' ? step.candidate : `the next step (${step.kind})`;
}
