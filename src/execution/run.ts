import type { WeighedAnswers } from '../answer/answer-scorer.ts';
import type { PlanStep } from '../policy/plan.ts';
import type { Request } from '../request.ts';
import { type Answer, type AnswerChunk, answerChunks, chunkLength } from './answer.ts';
import { type Channel, untilAborted } from './async.ts';
import { type AttemptRecord, type AttemptRole, SupersededError } from './attempt.ts';
import type { poolParts } from './client-pool.ts';
import type { ExecutionSpan, Settings } from './options.ts';

/** One execution under way: what all its steps share. */
export interface Run {
  readonly settings: Settings;
  readonly pool: ReturnType<typeof poolParts>;
  readonly attempts: AttemptRecord[];
  readonly budget: Budget;
  /** US dollars that a call of the candidate is expected to cost; null where nothing is known. */
  expectedCostUsd(candidate: string): number | null;
  /** Aborts when everything is over: deadline, cancelled, or done. */
  readonly signal: AbortSignal;
  /** Where a stream goes; null when the caller waits for the whole answer. */
  readonly output: Output | null;
  readonly span: ExecutionSpan;
  /** Milliseconds since it began. */
  elapsedMs(): number;
  /** What answers are read by. */
  readonly answers: AnswerReader;
}

/** How a step is to be run. */
export interface StepContext {
  readonly request: Request;
  /** Aborts when this step is not needed any more. */
  readonly signal: AbortSignal;
  readonly role: AttemptRole;
  readonly sample: number;
  /** Whether somebody will look at log-probabilities. */
  readonly logprobs: boolean;
  /** Where pieces may go at once; null when the answer has to be judged or compared first. */
  readonly sink: Sink | null;
  /** Answers to the same request that were not accepted. */
  readonly earlier: readonly StepAnswer[];
}

/** What a step came to. */
export interface StepAnswer {
  readonly answer: Answer;
  /** Who gave it: a candidate or a tool. */
  readonly candidate: string;
  /** The attempt it came of. */
  readonly attempt: AttemptRecord;
}

/** Puts answers of one execution before the answer head. */
export interface AnswerReader {
  /** Whether there is one to ask, as far as can be told without reading its files. */
  readonly isThere: boolean;
  /**
   * @param earlier answers that others gave to the same request before.
   * @returns the calibrated probability that the answer is good.
   * @throws PointsmanError that says why it cannot be told.
   */
  probability(given: StepAnswer, request: Request, earlier: readonly StepAnswer[]): Promise<number>;
  /**
   * What answers to one request say of each other, and of whoever has not been asked.
   * @throws likewise
   */
  weigh(answers: readonly StepAnswer[], request: Request): Promise<WeighedAnswers>;
}

/** Whether nothing else may be tried: everything is over, or the caller has a part of an answer already. */
export function isOver(run: Run, context: StepContext): boolean {
  return context.signal.aborted || run.signal.aborted || run.output?.committed === true;
}

/** How a step runs those inside it. */
export type RunStep = (run: Run, step: PlanStep, context: StepContext) => Promise<StepAnswer>;

/** What may be spent, and what is. Attempts under way count with what they are expected to cost. */
interface Budget {
  readonly spentUsd: number;
  /** Whether an answer was given whose cost nobody can tell: what is left is unknown, and counts as nothing. */
  readonly isBlind: boolean;
  /**
   * Asks for the money of an attempt before it is sent. One whose cost nobody can tell is sent while no other such is
   * under way, and the others wait for its bill: sent all at once, none of them would have been covered.
   *
   * @param expectedUsd null where nothing is known.
   * @returns to be called with the cost, null when it is not known even then; undefined when the budget does not cover it.
   */
  reserve(
    candidate: string,
    expectedUsd: number | null,
    signal: AbortSignal,
  ): Promise<((costUsd: number | null) => void) | undefined>;
  /** For what is billed without being asked first. */
  spend(costUsd: number): void;
}

/** @param limitUsd Infinity for none. */
export function createBudget(limitUsd: number): Budget {
  /** The dearest answer so far of each candidate: what the next one is expected to cost at least. */
  const seenUsd = new Map<string, number>();
  let spentUsd = 0;
  let reservedUsd = 0;
  let isBlind = false;
  /** Settles when the attempt of unknown cost that is under way has its bill. */
  let unknown: Promise<void> | undefined;
  return {
    get spentUsd() {
      return spentUsd;
    },
    get isBlind() {
      return isBlind;
    },
    spend(costUsd) {
      spentUsd += costUsd;
    },
    async reserve(candidate, expectedUsd, signal) {
      if (limitUsd === Number.POSITIVE_INFINITY) {
        return (costUsd) => {
          spentUsd += costUsd ?? 0;
        };
      }
      while (unknown !== undefined) await untilAborted(unknown, signal);
      const seen = seenUsd.get(candidate);
      const expected =
        expectedUsd === null && seen === undefined ? null : Math.max(expectedUsd ?? 0, seen ?? 0);
      const taken = spentUsd + reservedUsd;
      // With nothing left even a call of unknown cost is one too many.
      if (isBlind || taken + (expected ?? 0) > limitUsd || (taken > 0 && taken >= limitUsd)) return undefined;
      let known = () => {};
      if (expected === null) {
        unknown = new Promise((resolve) => {
          known = () => {
            // In a turn of its own: whoever waits may not be needed any more, now that this one has answered.
            setTimeout(() => {
              unknown = undefined;
              resolve();
            }, 0);
          };
        });
      }
      reservedUsd += expected ?? 0;
      return (costUsd) => {
        reservedUsd -= expected ?? 0;
        spentUsd += costUsd ?? expected ?? 0;
        isBlind ||= costUsd === null && expected === null;
        if (costUsd) seenUsd.set(candidate, Math.max(seenUsd.get(candidate) ?? 0, costUsd));
        known();
      };
    },
  };
}

/** Where the pieces of a streamed answer go. The first that commits has it; whoever comes later is told to stop. */
export interface Output {
  /** Whether the caller has been given something. */
  readonly committed: boolean;
  /** A sink that tells when it was the one to commit. */
  branch(onCommit: () => void): Sink;
  /** A whole answer, of which nothing was written yet. */
  writeWhole(answer: Answer): Promise<void>;
}

interface Sink {
  /** For one attempt. */
  open(): Writer;
  branch(onCommit: () => void): Sink;
}

export interface Writer {
  /** Whether this one is it. */
  readonly committed: boolean;
  /** @throws SupersededError when another one is it. */
  write(chunk: AnswerChunk): Promise<void>;
  /** Commits what is there, however little. */
  end(): Promise<void>;
}

/** @param commitAfter UTF-16 units that are held back before the first is handed on; ≥ 0. */
export function createOutput(
  channel: Channel<AnswerChunk>,
  commitAfter: number,
  onCommit: () => void,
): Output {
  let owner: Writer | undefined;
  const claim = (writer: Writer, listeners: readonly (() => void)[]) => {
    if (owner === writer) return;
    if (owner !== undefined) throw new SupersededError();
    owner = writer;
    for (const listener of listeners) listener();
    onCommit();
  };
  const openWriter = (listeners: readonly (() => void)[]): Writer => {
    let held: AnswerChunk[] = [];
    let characters = 0;
    const release = async () => {
      claim(writer, listeners);
      const chunks = held;
      held = [];
      for (const chunk of chunks) await channel.push(chunk);
    };
    const writer: Writer = {
      get committed() {
        return owner === writer;
      },
      async write(chunk) {
        held.push(chunk);
        characters += chunkLength(chunk);
        if (owner === writer || characters >= commitAfter) await release();
      },
      end: release,
    };
    return writer;
  };
  const sink = (listeners: readonly (() => void)[]): Sink => ({
    open: () => openWriter(listeners),
    branch: (listener) => sink([...listeners, listener]),
  });
  return {
    get committed() {
      return owner !== undefined;
    },
    branch: (listener) => sink([listener]),
    writeWhole: (answer) => writeWhole(openWriter([]), answer),
  };
}

/** An answer of which nothing was written yet. */
export async function writeWhole(writer: Writer, answer: Answer): Promise<void> {
  for (const chunk of answerChunks(answer)) await writer.write(chunk);
  await writer.end();
}
