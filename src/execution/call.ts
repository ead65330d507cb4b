import { AttemptTimeoutError } from '../errors/attempt-timeout-error.ts';
import { BrokenStreamError } from '../errors/broken-stream-error.ts';
import { DeadlineError } from '../errors/deadline-error.ts';
import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import { type AbortScope, openScope } from './abort-scope.ts';
import type { Answer, AnswerChunk } from './answer.ts';
import { createAnswerBuilder } from './answer-builder.ts';
import type { AttemptRecord } from './attempt.ts';
import { AttemptError } from './attempt-error.ts';
import type { Client, ClientContext } from './client.ts';
import { readFailure } from './failure.ts';
import { letTimersRun } from './let-timers-run.ts';
import type { Writer } from './output.ts';
import { answerCost } from './price.ts';
import { isEmptyAnswer, readAnswer } from './read-answer.ts';
import { recordAnswer, recordFailure } from './record.ts';
import type { Run, StepContext } from './run.ts';
import { settingsOf } from './settings.ts';
import { SupersededError } from './superseded-error.ts';
import { untilAborted } from './until-aborted.ts';

/**
 * One call of one client, within its time. Streams are read here too: to the writer as they come, and put together.
 *
 * @throws AttemptError whatever went wrong, with what it means.
 */
export async function runAttempt(
  run: Run,
  context: StepContext,
  client: Client,
  record: AttemptRecord,
): Promise<Answer> {
  const { clock, deadlineMs } = run.settings;
  const { timeoutMs } = settingsOf(run.settings, record.candidate);
  const scope = openScope(context.signal);
  const writer = context.sink?.open();
  const started = clock.now();
  const timer = createTimer(run, scope, record.candidate);
  const span = run.span.attempt(record.candidate, record.role, record.retry, context.request);
  const clientContext: ClientContext = {
    signal: scope.signal,
    candidate: record.candidate,
    stream: writer !== undefined,
    logprobs: context.logprobs,
    sample: context.sample,
    retry: record.retry,
  };
  const done = run.pool.load.begin(record.candidate);
  let answer: Answer | null = null;
  try {
    timer.start(timeoutMs, 'answer');
    const given = await untilAborted(
      span.run(async () => {
        // Only where it is needed: a client that is called at once is called at once.
        const turn = letTimersRun(LONGEST_STRETCH_MS);
        if (turn !== undefined) await turn;
        return client(context.request, clientContext);
      }),
      scope.signal,
    );
    const read = isStream(given)
      ? await readStream(given, { run, context, scope, timer, record, writer, started })
      : accepted(run, record, readAnswer(given, record.candidate));
    timer.stop();
    recordAnswer(run, record, context.request, read);
    answer = read;
    return read;
  } catch (thrown) {
    // A client that was stopped may say so in its own words.
    const error =
      scope.signal.aborted && !(thrown instanceof BrokenStreamError) ? scope.signal.reason : thrown;
    const failure = readFailure(error, clock.wallNow());
    // Cut off by the end of everything: that speaks against a candidate that had a fair part of the time.
    const fairMs = Math.min(timeoutMs, deadlineMs) / 2;
    const slow = error instanceof DeadlineError && clock.now() - started >= fairMs;
    const aborted = (context.signal.aborted || error instanceof SupersededError) && !slow;
    recordFailure(run, record, context.request, failure, aborted);
    throw new AttemptError(error, slow ? { ...failure, unhealthy: true } : failure, aborted);
  } finally {
    timer.stop();
    scope.close();
    done(answer === null ? null : record.latencyMs);
    // Whoever still works on an answer that has failed learns that nobody waits.
    if (answer === null) scope.abort(new SupersededError());
    span.end(record, answer);
  }
}

/** Of many attempts together, before timers have their turn. */
const LONGEST_STRETCH_MS = 50;

interface Reading {
  readonly run: Run;
  readonly context: StepContext;
  readonly scope: AbortScope;
  readonly timer: Timer;
  readonly record: AttemptRecord;
  readonly writer: Writer | undefined;
  readonly started: number;
}

async function readStream(stream: AsyncIterable<AnswerChunk>, reading: Reading): Promise<Answer> {
  const { run, context, scope, timer, record, writer, started } = reading;
  const { idleTimeoutMs, maxAnswerCharacters } = settingsOf(run.settings, record.candidate);
  const iterator = stream[Symbol.asyncIterator]();
  const builder = createAnswerBuilder();
  const broken = (cause?: unknown) =>
    new BrokenStreamError(
      record.candidate,
      builder.characters,
      writer?.committed === true,
      run.attempts,
      cause === undefined ? {} : { cause },
    );
  try {
    for (;;) {
      if (scope.signal.aborted) throw scope.signal.reason;
      const { done, value } = await untilAborted(iterator.next(), scope.signal);
      if (done === true) throw broken();
      await letTimersRun(LONGEST_STRETCH_MS);
      builder.add(value);
      if (builder.size > maxAnswerCharacters) throw tooLong(record, maxAnswerCharacters);
      // The finish is handed on only when it is one.
      const answer = builder.build();
      if (answer !== undefined) accepted(run, record, answer);
      // The reader's own pace is not the candidate's: no timer runs while it is waited for.
      if (builder.characters > 0) {
        timer.stop();
        record.firstChunkMs ??= run.settings.clock.now() - started;
      }
      await untilAborted(Promise.resolve(writer?.write(value)), scope.signal);
      if (answer !== undefined) return answer;
      if (builder.characters > 0) timer.start(idleTimeoutMs, 'further piece of its answer');
    }
  } catch (thrown) {
    const error = scope.signal.aborted ? scope.signal.reason : thrown;
    const isOurs = context.signal.aborted || error instanceof SupersededError;
    if (isOurs || builder.characters === 0 || error instanceof BrokenStreamError) throw error;
    throw broken(error);
  } finally {
    // Not awaited: a client that hangs in its stream would hang here too.
    iterator.return?.().then(undefined, () => {});
  }
}

/**
 * An answer that says something and is not too long.
 *
 * @throws MalformedAnswerError for another.
 */
function accepted(run: Run, record: AttemptRecord, answer: Answer): Answer {
  const { maxAnswerCharacters, allowEmptyAnswers } = settingsOf(run.settings, record.candidate);
  const { text, reasoning, toolCalls, usage } = answer;
  const calls = toolCalls.reduce((sum, call) => sum + call.name.length + call.arguments.length, 0);
  if (text.length + reasoning.length + calls > maxAnswerCharacters)
    throw tooLong(record, maxAnswerCharacters);
  if (allowEmptyAnswers || !isEmptyAnswer(answer)) return answer;
  // That it said nothing does not make it free.
  record.inputTokens = usage?.inputTokens ?? null;
  record.outputTokens = usage?.outputTokens ?? null;
  Object.assign(record, answerCost(answer, record.candidate, run.settings.prices));
  throw new MalformedAnswerError(
    `\`${record.candidate}\` gave an empty answer: no text and no tool call. Set \`allowEmptyAnswers\` if that is an answer.`,
  );
}

function tooLong({ candidate }: AttemptRecord, most: number): MalformedAnswerError {
  return new MalformedAnswerError(
    `The answer of \`${candidate}\` is longer than ${most} characters, and was stopped. If answers may be that long, ` +
      'raise `maxAnswerCharacters`.',
  );
}

function isStream(given: unknown): given is AsyncIterable<AnswerChunk> {
  return typeof given === 'object' && given !== null && Symbol.asyncIterator in given;
}

interface Timer {
  /** Starts over. */
  start(ms: number, waitedFor: string): void;
  stop(): void;
}

/** Aborts an attempt that keeps us waiting. */
function createTimer(run: Run, scope: AbortScope, candidate: string): Timer {
  let cancel = () => {};
  return {
    start(ms, waitedFor) {
      cancel();
      if (ms === Number.POSITIVE_INFINITY) return;
      cancel = run.settings.clock.after(ms, () => {
        scope.abort(new AttemptTimeoutError(candidate, ms, waitedFor));
      });
    },
    stop: () => cancel(),
  };
}
