import {
  AttemptTimeoutError,
  BrokenStreamError,
  CostBudgetError,
  DeadlineError,
  MalformedAnswerError,
} from '../errors.ts';
import type { Request } from '../request.ts';
import { countRequestTokens, estimateTokens } from '../tokens.ts';
import {
  type Answer,
  type AnswerChunk,
  answerCost,
  type Client,
  type ClientContext,
  createAnswerBuilder,
  isEmptyAnswer,
  priceOf,
  readAnswer,
} from './answer.ts';
import { type AbortScope, letTimersRun, openScope, untilAborted, wait } from './async.ts';
import {
  AttemptError,
  type AttemptRecord,
  type AttemptRole,
  type Failure,
  readFailure,
  SupersededError,
} from './attempt.ts';
import { settingsOf } from './options.ts';
import { isOver, type Run, type StepAnswer, type StepContext, type Writer, writeWhole } from './run.ts';

/**
 * One call of one client, within its time. Streams are read here too: to the writer as they come, and put together.
 *
 * @throws AttemptError whatever went wrong, with what it means.
 */
async function runAttempt(
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
    // Of two that are whole at the same moment, the reader gets one, and whoever is not it ends here.
    if (writer !== undefined)
      await untilAborted(isStream(given) ? writer.end() : writeWhole(writer, read), scope.signal);
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

/** Opens the record of an attempt that is about to be made. */
export function beginRecord(run: Run, candidate: string, role: AttemptRole, retry: number): AttemptRecord {
  const record: AttemptRecord = {
    candidate,
    role,
    retry,
    state: 'running',
    startedMs: run.elapsedMs(),
    latencyMs: 0,
    firstChunkMs: null,
    inputTokens: null,
    outputTokens: null,
    costUsd: null,
    costSource: null,
    costIsEstimated: false,
    error: null,
  };
  run.attempts.push(record);
  return record;
}

/** Closes it with an answer. */
export function recordAnswer(run: Run, record: AttemptRecord, request: Request, answer: Answer): void {
  record.state = 'answered';
  record.latencyMs = run.elapsedMs() - record.startedMs;
  record.inputTokens = answer.usage?.inputTokens ?? null;
  record.outputTokens = answer.usage?.outputTokens ?? null;
  const cost = answerCost(answer, record.candidate, run.settings.prices);
  if (cost === null) estimateCost(run, record, request, tokensOf(answer));
  else Object.assign(record, cost);
}

/** Closes it without one. A cost that is there already is kept. */
export function recordFailure(
  run: Run,
  record: AttemptRecord,
  request: Request,
  failure: Failure,
  aborted: boolean,
): void {
  const { code, message, status } = failure;
  record.state = aborted ? 'aborted' : failure.refused ? 'refused' : 'failed';
  record.latencyMs = run.elapsedMs() - record.startedMs;
  record.error = { code, message, status };
  if (record.costUsd !== null) return;
  // Whoever refused or could not be reached sends no bill; whoever was writing, may.
  if (!failure.refused && (aborted || MAY_BE_BILLED.has(code))) estimateCost(run, record, request, 0);
  else record.costUsd = 0;
}

const MAY_BE_BILLED = new Set(['BROKEN_STREAM', 'ATTEMPT_TIMEOUT', 'MALFORMED_ANSWER', 'DEADLINE']);

/** What the router expected, and no less than the words that are there cost at the candidate's prices. */
function estimateCost(run: Run, record: AttemptRecord, request: Request, outputTokens: number): void {
  const usage = { inputTokens: countRequestTokens(request), outputTokens };
  const expected = run.expectedCostUsd(record.candidate);
  const counted = priceOf(usage, record.candidate, run.settings.prices);
  record.costUsd = expected === null ? counted : Math.max(expected, counted ?? 0);
  record.costIsEstimated = record.costUsd !== null;
  record.costSource = record.costIsEstimated ? 'estimated' : null;
}

function tokensOf({ text, reasoning, toolCalls }: Answer): number {
  const texts = [text, reasoning, ...toolCalls.flatMap((call) => [call.name, call.arguments])];
  return Math.ceil(texts.reduce((sum, part) => sum + estimateTokens(part), 0));
}

/**
 * One candidate, until it answers, or what goes wrong will not pass, or no retry is left.
 *
 * @throws what the last attempt failed with.
 */
export async function callCandidate(run: Run, context: StepContext, candidate: string): Promise<StepAnswer> {
  // Every name of a plan was looked up before it began.
  const client = run.pool.clientOf(candidate) as Client;
  for (let retry = 0; ; retry++) {
    const attempt = beginRecord(run, candidate, context.role, retry);
    try {
      return { answer: await attemptOnce(run, context, client, attempt), candidate, attempt };
    } catch (error) {
      if (!(error instanceof AttemptError)) throw error;
      const delayMs = isOver(run, context) ? null : nextDelayMs(run, error, attempt);
      if (delayMs === null) throw error.cause;
      if (delayMs > 0) await wait(delayMs, run.settings.clock, context.signal);
    }
  }
}

/** Within the budget, behind the guard. */
async function attemptOnce(
  run: Run,
  context: StepContext,
  client: Client,
  record: AttemptRecord,
): Promise<Answer> {
  const { budget, settings } = run;
  let settle: ((costUsd: number | null) => void) | undefined;
  try {
    settle = await budget.reserve(record.candidate, run.expectedCostUsd(record.candidate), context.signal);
    if (settle === undefined) {
      throw new CostBudgetError(settings.costBudgetUsd, budget.spentUsd, run.attempts, budget.isBlind);
    }
    return await run.pool
      .guardOf(record.candidate)
      .run(() => runAttempt(run, context, client, record), context.signal);
  } catch (error) {
    if (error instanceof AttemptError) throw error;
    // It was never sent: refused, or given up while it waited for a place.
    const failure = { ...readFailure(error, settings.clock.wallNow()), refused: true };
    recordFailure(run, record, context.request, failure, false);
    throw new AttemptError(error, failure, context.signal.aborted);
  } finally {
    settle?.(record.costUsd ?? (record.state === 'answered' ? null : 0));
  }
}

/** Milliseconds until the same call is sent again; null: not again. */
function nextDelayMs(
  run: Run,
  { failure }: AttemptError,
  { candidate, retry }: AttemptRecord,
): number | null {
  const { longestRetryDelayMs, random, deadlineMs } = run.settings;
  const { retries } = settingsOf(run.settings, candidate);
  if (!failure.retryable || retry >= retries) return null;
  if (failure.retryAfterMs !== null && failure.retryAfterMs > longestRetryDelayMs) return null;
  const delayMs = Math.min(
    retryDelayMs(failure.retryAfterMs, retry, run.settings.retryDelayMs, random()),
    longestRetryDelayMs,
  );
  return run.elapsedMs() + delayMs < deadlineMs ? delayMs : null;
}

/**
 * How long to wait before the same call is sent again. What the endpoint asks for, and up to a tenth more, so that
 * those it turned away do not come back at once; else exponential with full jitter (Brooker, "Exponential Backoff and
 * Jitter", 2015): uniform between 0 and `firstMs` · 2^retry.
 *
 * @param retry 0 before the second attempt.
 * @param draw uniform in [0, 1).
 */
export function retryDelayMs(askedMs: number | null, retry: number, firstMs: number, draw: number): number {
  return askedMs === null ? draw * firstMs * 2 ** retry : askedMs * (1 + 0.1 * draw);
}
