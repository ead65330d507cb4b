import type { Artifact, PlanStep } from 'pointsman';
import { type AcceptTest, type AnswerScorer, argMax, type CascadeRouting, largest } from 'pointsman/internal';
import { type OutcomeMatrix, takeCells } from '../outcomes/matrix.ts';
import { type KeptAnswer, type KeptAnswers, openKeptAnswers } from '../tune/answer-scores.ts';
import { routeByAnswers } from '../tune/settings.ts';
import type { PlanOutcomes, TestPredictions } from './evaluation-input.ts';

type SequenceStep = Extract<PlanStep, { kind: 'sequence' }>;

/** What a router planned for some prompts. */
interface PlannedRows {
  /** Rows of the matrix: [rows] */
  readonly rows: Int32Array;
  /** [rows] */
  readonly plans: readonly PlanStep[];
  /** The calibrated success that each plan was made with: [rows, candidates] */
  readonly success: Float32Array;
}

/**
 * What comes of plans that may ask several candidates: whose answer is given, who is paid, and how long it takes, by what the
 * table knows of each candidate's own answer. The answer head of the router reads kept answers as it reads them when a plan is
 * carried out. A plan is known where all that it may ask is, and not only what it happens to need: else those that end early would be
 * over-represented.
 *
 * @param artifact of the router that made the plans
 * @returns null where every plan is one candidate
 */
export async function outcomesOfPlans(
  artifact: Artifact,
  matrix: OutcomeMatrix,
  { plans, rows, success }: PlannedRows,
): Promise<PlanOutcomes | null> {
  const columns = matrix.candidates.length;
  const numbers = new Map(matrix.candidates.map((name, c) => [name, c]));
  const numberOf = (name: string) => numbers.get(name) ?? -1;
  if (plans.every(isOneCall)) return null;
  const kept = await openKeptAnswers(artifact, matrix);
  const answers = new Int32Array(rows.length).fill(-1);
  const asked = new Float32Array(rows.length * columns);
  const mayAsk = new Uint8Array(rows.length * columns);
  const latencyMs = new Float64Array(rows.length).fill(Number.NaN);
  const lacks = new Map<string, number>();
  for (const [i, row] of rows.entries()) {
    const plan = plans[i];
    const at = i * columns;
    for (const name of askable(plan)) if (numberOf(name) !== -1) mayAsk[at + numberOf(name)] = 1;
    const table: TableRow = {
      latencyMs: (name) => matrix.latencyMs[row * columns + numberOf(name)],
      answer: (name) =>
        typeof kept === 'string' ? null : kept.of(row, numberOf(name), success[at + numberOf(name)]),
      noAnswers: typeof kept === 'string' ? kept : null,
      weigh: (answers) => (kept as KeptAnswers).weigh(answers),
    };
    const lack = lackOf(plan, table, []);
    if (lack !== null) {
      lacks.set(lack, (lacks.get(lack) ?? 0) + 1);
      continue;
    }
    const outcome = runStep(plan, table, []);
    answers[i] = numberOf(outcome.candidate);
    latencyMs[i] = outcome.latencyMs;
    for (const name of outcome.asked) asked[at + numberOf(name)]++;
  }
  const [[unknown] = [null]] = [...lacks].sort(([, a], [, b]) => b - a);
  return { answers, asked, mayAsk, latencyMs, unknown };
}

/** Some rows of what came of plans. @param rows positions in it */
export function takePlans(plans: PlanOutcomes, rows: ArrayLike<number>): PlanOutcomes {
  const columns = plans.asked.length / Math.max(1, plans.answers.length);
  return {
    ...plans,
    answers: Int32Array.from(rows, (row) => plans.answers[row]),
    asked: takeCells(plans.asked, columns, rows),
    mayAsk: takeCells(plans.mayAsk, columns, rows),
    latencyMs: Float64Array.from(rows, (row) => plans.latencyMs[row]),
  };
}

/** Whose answer the router gives; -1 where it is not known. @param i position in the predictions */
export function answererOf({ chosen, plans }: Pick<TestPredictions, 'chosen' | 'plans'>, i: number): number {
  return plans ? plans.answers[i] : chosen[i];
}

/** Whether all that the router may ask are among these. @param i position in the predictions */
export function isWithin(
  { chosen, plans }: Pick<TestPredictions, 'chosen' | 'plans'>,
  i: number,
  allowed: ReadonlySet<number>,
  candidates: number,
): boolean {
  if (!plans) return allowed.has(chosen[i]);
  const may = plans.mayAsk.subarray(i * candidates, (i + 1) * candidates);
  return may.every((flag, c) => flag === 0 || allowed.has(c));
}

/** What the table says of one prompt. */
interface TableRow {
  /** NaN: not known */
  latencyMs(candidate: string): number;
  /** What the answer head has to go by; null: the answer is not there. */
  answer(candidate: string): KeptAnswer | null;
  /** Why no answer can be read at all; null where some can. */
  readonly noAnswers: string | null;
  readonly weigh: AnswerScorer['weigh'];
}

function isOneCall(step: PlanStep): boolean {
  if (step.kind === 'sequence' && !step.routing && step.steps[0].accept === null)
    return isOneCall(step.steps[0].step);
  return step.kind === 'call';
}

/** Candidates that a step may call. */
function askable(step: PlanStep): string[] {
  switch (step.kind) {
    case 'call':
      return [step.candidate];
    case 'sequence': {
      const found: string[] = [];
      for (const { accept, step: inner } of step.steps) {
        for (const name of askable(inner)) found.push(name);
        // Whatever it says is taken, and those after it are there for its errors.
        if (accept === null && !step.routing) break;
      }
      return [...new Set(found)];
    }
    case 'hedge':
      return [...new Set([...askable(step.fast), ...askable(step.slow)])];
    case 'parallel':
      return [...new Set(step.members.flatMap(askable))];
    case 'tool':
      return [step.before, step.after, step.otherwise].flatMap((inner) => (inner ? askable(inner) : []));
  }
}

/** What of a step no table of outcomes can say; null where it may. In the middle of a sentence. */
function unknownPart(step: PlanStep): string | null {
  if (step.kind === 'tool') return `what the tool ${step.tool} would say`;
  if (step.kind !== 'parallel' || step.combine.kind === 'best') return null;
  return step.combine.kind === 'judge'
    ? `what ${step.combine.judge} would make of several answers`
    : 'how their answers would be voted on';
}

/** What an answer must be known by, besides those that the answer head reads; null where that is all. */
function unknownTest(accept: AcceptTest): string | null {
  switch (accept.kind) {
    case 'answer':
      return null;
    case 'all':
      return accept.tests.map(unknownTest).find((lack) => lack !== null) ?? null;
    case 'verifier':
      return `what the verifier ${accept.verifier} says of answers`;
    case 'logprob':
      return 'log-probabilities of answers';
    case 'agreement':
      return 'further samples of answers';
    case 'json':
      return 'whether answers are the JSON that is asked for';
  }
}

/**
 * What the table would have to say, whatever comes of the plan, and does not; null where it says all.
 * @param earlier candidates whose answers are evidence by then
 */
function lackOf(step: PlanStep, table: TableRow, earlier: readonly string[]): string | null {
  const own = unknownPart(step);
  if (own !== null) return own;
  switch (step.kind) {
    case 'call':
    case 'tool':
      return null;
    case 'sequence': {
      let before = earlier;
      for (const { accept, step: inner } of step.steps) {
        const lack =
          lackOf(inner, table, before) ?? lackOfTest(accept, [...before, ...askable(inner)], table);
        if (lack !== null || (accept === null && !step.routing)) return lack;
        before = [...before, ...askable(inner)];
      }
      return step.routing ? lackOfAnswers(before, table) : null;
    }
    case 'hedge': {
      const both = askable(step);
      const late = both.find((name) => Number.isNaN(table.latencyMs(name)));
      if (late !== undefined) return `how long ${late} took`;
      return (
        lackOf(step.fast, table, earlier) ??
        lackOf(step.slow, table, earlier) ??
        lackOfTest(step.accept, [...earlier, ...both], table)
      );
    }
    case 'parallel': {
      const inside = step.members
        .map((member) => lackOf(member, table, earlier))
        .find((lack) => lack !== null);
      if (inside !== undefined && inside !== null) return inside;
      if (step.combine.kind !== 'best') return null;
      if (step.combine.scorer !== 'answer') return `what the scorer ${step.combine.scorer} says of answers`;
      return lackOfAnswers(askable(step), table);
    }
  }
}

function lackOfTest(accept: AcceptTest | null, read: readonly string[], table: TableRow): string | null {
  return accept === null ? null : (unknownTest(accept) ?? lackOfAnswers(read, table));
}

function lackOfAnswers(candidates: readonly string[], table: TableRow): string | null {
  if (table.noAnswers !== null) return table.noAnswers;
  const silent = candidates.find((name) => table.answer(name) === null);
  return silent === undefined ? null : `answers of ${silent}`;
}

/** A step that has been carried out. */
interface StepOutcome {
  /** Who gave the answer. */
  readonly candidate: string;
  /** Whoever is paid, as often. */
  readonly asked: readonly string[];
  readonly latencyMs: number;
}

/** As `runStep` of `src/execution` does, where nothing fails. @param earlier whose answers were there before */
function runStep(step: PlanStep, table: TableRow, earlier: readonly string[]): StepOutcome {
  switch (step.kind) {
    case 'call':
      return {
        candidate: step.candidate,
        asked: [step.candidate],
        latencyMs: table.latencyMs(step.candidate),
      };
    case 'sequence': {
      if (step.routing) return runRouting(step.steps, step.routing, table, earlier);
      let [asked, latencyMs]: [readonly string[], number] = [[], 0];
      let before = earlier;
      for (const { accept, step: inner } of step.steps) {
        const given = runStep(inner, table, before);
        asked = [...asked, ...given.asked];
        latencyMs += given.latencyMs;
        if (accept === null || passes(accept, given, before, table))
          return { candidate: given.candidate, asked, latencyMs };
        before = [...before, given.candidate];
      }
      throw new Error('The last step of a sequence has no test.');
    }
    case 'hedge': {
      const fast = runStep(step.fast, table, earlier);
      const slow = runStep(step.slow, table, earlier);
      const accepted = (given: StepOutcome, said: readonly string[]) =>
        step.accept === null || passes(step.accept, given, [...earlier, ...said], table);
      if (fast.latencyMs < step.delayMs && accepted(fast, [])) return fast;
      const begun = Math.min(step.delayMs, fast.latencyMs);
      const late = { ...slow, latencyMs: begun + slow.latencyMs };
      const [first, second] = fast.latencyMs <= late.latencyMs ? [fast, late] : [late, fast];
      const asked = [...fast.asked, ...slow.asked];
      if (accepted(first, [])) return { ...first, asked };
      const latencyMs = second.latencyMs;
      // Where neither is accepted, the slow one's answer is given.
      const won = second === late || accepted(second, [first.candidate]) ? second : late;
      return { ...won, asked, latencyMs };
    }
    case 'parallel': {
      const given = step.members.map((member) => runStep(member, table, earlier));
      const scores = given.map((each) =>
        probabilityOf(
          each,
          given.filter((other) => other !== each).map(({ candidate }) => candidate),
          table,
        ),
      );
      return {
        candidate: given[argMax(scores)].candidate,
        asked: given.flatMap(({ asked }) => asked),
        latencyMs: largest(given.map(({ latencyMs }) => latencyMs)),
      };
    }
    case 'tool':
      throw new Error('What a tool says is not known.');
  }
}

/** As `runCascadeRouting` of `src/execution` does, where nothing fails. */
function runRouting(
  steps: SequenceStep['steps'],
  routing: CascadeRouting,
  table: TableRow,
  earlier: readonly string[],
): StepOutcome {
  const given = new Map<number, StepOutcome>();
  const { asked, best } = routeByAnswers(
    routing,
    (number, asked) => {
      const { accept, step } = steps[number];
      const before = [...earlier, ...asked.map((each) => given.get(each)!.candidate)];
      const outcome = runStep(step, table, before);
      given.set(number, outcome);
      const passed = accept === null || passes(accept, outcome, before, table);
      return { score: table.answer(outcome.candidate)!.evidence(), passes: passed };
    },
    table.weigh,
  );
  const outcomes = asked.map((each) => given.get(each)!);
  return {
    candidate: given.get(best)!.candidate,
    asked: outcomes.flatMap((each) => each.asked),
    latencyMs: outcomes.reduce((sum, each) => sum + each.latencyMs, 0),
  };
}

function passes(
  accept: AcceptTest,
  given: StepOutcome,
  earlier: readonly string[],
  table: TableRow,
): boolean {
  if (accept.kind === 'all') return accept.tests.every((test) => passes(test, given, earlier, table));
  if (accept.kind !== 'answer' || typeof accept.threshold !== 'number') return false;
  return probabilityOf(given, earlier, table) >= accept.threshold;
}

function probabilityOf({ candidate }: StepOutcome, earlier: readonly string[], table: TableRow): number {
  const seen = earlier.map((name) => table.answer(name)!.evidence());
  return table.answer(candidate)!.probability(seen);
}
