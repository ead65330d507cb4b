import { type Sha256, webSha256 } from '../artifact/read-artifact.ts';
import { InvalidInputError } from '../errors.ts';
import type { Decision } from '../policy/plan.ts';
import { type Request, readPrompt } from '../request.ts';
import { validate } from '../validate.ts';
import {
  copyRequest,
  keyedHash,
  type LoggedRequest,
  lazyKeeper,
  loggedAnswer,
  type OpenKeeper,
  type PendingAnswer,
  pendingAnswer,
  userOf,
} from './kept-content.ts';
import { createLogQueue, type LogClock, systemLogClock } from './queue.ts';
import {
  type DecisionLog,
  type DecisionRecord,
  type FeedbackInput,
  inSlices,
  LONGEST_TEXTS,
  type LogRecord,
  type LogSink,
  lengthOf,
  mapTexts,
  type WriteRecords,
  withinLimits,
} from './record.ts';
import {
  candidateSchema,
  decisionIdSchema,
  feedbackSchema,
  outcomeSchema,
  saidAnswerSchema,
} from './record-schema.ts';

/** About what a record holds beside the prompt, in UTF-16 units, where it is not more. */
const OVERHEAD = 1000;

/** The same of a candidate's predictions. */
const PREDICTION = 100;

/**
 * A log of decisions before a sink. Memory is bounded by `capacity` and `capacityCharacters`; the sink is written to in
 * batches, one after another, beside whatever routes.
 *
 * A process that comes to its end writes what waits, and one that is ended does not: `close` it. The sink's turn comes when the event loop turns: in a loop
 * of nothing but awaited decisions it never does.
 *
 * @throws InvalidInputError when an option is out of its range.
 * @example
 * const log = createDecisionLog({ sink: (records) => queue.send(records), content: 'hash' });
 * const router = createRouter(artifact, { log });
 */
export function createDecisionLog(options: DecisionLogOptions): DecisionLog {
  const settings = readLogSettings(options);
  const { answers, sink, content, clock, newId } = settings;
  const openKeeper = lazyKeeper();
  const isoNow = () => new Date(clock.wallNow()).toISOString();
  const queue = createLogQueue<Pending>({
    ...settings,
    async write(items, dropped) {
      const refused: unknown[] = [];
      const finished = await inSlices(items, (item) =>
        finishRecord(item, settings, openKeeper).catch((reason: unknown) => {
          refused.push(reason);
          return null;
        }),
      );
      const records = finished.filter((record) => record !== null);
      if (dropped > 0) records.unshift({ schemaVersion: 1, kind: 'dropped', at: isoNow(), count: dropped });
      if (records.length === 0) return refused;
      return [...refused, ...((await sink.write(records)) ?? [])].slice(0, items.length);
    },
  });
  const keep = (
    decision: Parameters<DecisionLog['decided']>[0],
    request: Request | undefined,
    embedding: ArrayLike<number> | undefined,
    id: string,
  ) => {
    const prompt = request === undefined ? undefined : readPrompt(request);
    const copied =
      embedding !== undefined && (settings.embedding || request === undefined)
        ? Float32Array.from(embedding)
        : undefined;
    validate(candidateSchema, decision.candidate, 'candidate of decision');
    const kept = content === 'hash' || request === undefined ? undefined : copyRequest(request);
    const beside = lengthOf(decision.signals) + PREDICTION * decision.predictions.length;
    // The text is held until it is hashed, whether it is kept or not; a conversation is held beside it.
    const conversation = kept !== undefined && 'messages' in kept ? lengthOf(kept.messages) : 0;
    queue.push({
      size:
        Math.max(OVERHEAD, beside) + (prompt?.text.length ?? 0) + conversation + 2 * (copied?.length ?? 0),
      id,
      at: clock.wallNow(),
      decision,
      prompt: prompt?.text,
      request: kept,
      embedding: copied,
      user: settings.userKey === undefined ? undefined : userOf(request),
    });
  };
  const tell = (record: LogRecord, answer?: PendingAnswer) =>
    void queue.push({ size: Math.max(OVERHEAD, lengthOf(record)) + (answer?.size ?? 0), record, answer });
  let closing: Promise<void> | undefined;
  /** The same, or nothing when it takes longer. */
  const within = (ms: number, work: Promise<void>) =>
    new Promise<void>((resolve, reject) => {
      const cancel = clock.after(ms, resolve, true);
      work.then(resolve, reject).finally(cancel);
    });

  return {
    decided(decision, request, embedding) {
      const id = newId();
      try {
        keep(decision, request, embedding, checkId(id));
      } catch {
        // Of a request that cannot be read nothing is logged; that is no reason not to answer it.
        queue.drop();
      }
      return id;
    },
    outcome(id, { answer, ...given }) {
      const outcome = validate(outcomeSchema, withinLimits(given), 'outcome');
      const said = answer === undefined ? undefined : validate(saidAnswerSchema, answer, 'answer of outcome');
      tell(
        { schemaVersion: 1, kind: 'outcome', id: checkId(id), at: isoNow(), ...outcome },
        said === undefined || answers === 'none' ? undefined : pendingAnswer(said, answer?.request),
      );
    },
    feedback(id, given) {
      const feedback = validate<FeedbackInput>(feedbackSchema, given, 'feedback');
      tell({ schemaVersion: 1, kind: 'feedback', id: checkId(id), at: isoNow(), ...feedback });
    },
    flush: () => queue.flush(),
    close() {
      closing ??= (async () => {
        await within(settings.closeMs, queue.flush());
        queue.end();
        await within(settings.closeMs, sink.close());
      })();
      return closing;
    },
    stats: () => ({
      ...queue.counts,
      error: queue.error === undefined ? null : messageOf(queue.error),
    }),
  };
}

function checkId(id: string): string {
  return validate(decisionIdSchema, id, 'decision id');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What a decision log keeps of requests, how long records wait, and where they go. */
export interface DecisionLogOptions {
  /** Where records go; a function will do. */
  readonly sink: LogSink | WriteRecords;
  /** What is kept of a request: its text and messages, or nothing but the sha256 of its prompt. @default 'prompt' */
  readonly content?: 'prompt' | 'hash';
  /** Whether the prompt's embedding is kept, to learn from without the prompt. @default false */
  readonly embedding?: boolean;
  /**
   * What is kept of answers: what they look like (features that the answer head learns from, and hashes), their text as well,
   * or nothing. @default 'features'
   */
  readonly answers?: 'features' | 'text' | 'none';
  /**
   * Secret that `user` of a request is hashed with (HMAC-SHA-256), so that a person's records can be found and forgotten: keep it as long as
   * the log. With null the user is kept as it is. @default users are not kept
   */
  readonly userKey?: string | null;
  /** Records that may wait; more are dropped. @default 10000 */
  readonly capacity?: number;
  /** UTF-16 units of text that may wait, prompts and all, at most two bytes each; more are dropped. @default 33554432 */
  readonly capacityCharacters?: number;
  /** Records written together; as many are written at once. @default 256 */
  readonly batch?: number;
  /** Milliseconds that a record waits for others to be written with. @default 1000 */
  readonly flushMs?: number;
  /** Further attempts at a batch that the sink rejects; then it is given up. @default 3 */
  readonly retries?: number;
  /** Milliseconds before the first of them; doubled for each further one, up to half a minute. @default 200 */
  readonly retryDelayMs?: number;
  /** Milliseconds that `close` waits for the sink. @default 10000 */
  readonly closeMs?: number;
  /** Told of each batch that is given up, with its number of records, and of each record that cannot be kept. @default nobody; `stats` counts them */
  readonly onError?: (error: unknown, records: number) => void;
  /** How prompts are hashed. @default the Web Crypto API */
  readonly sha256?: Sha256;
  /** Ids of decisions: never the same twice, in no process. @default `crypto.randomUUID` */
  readonly newId?: () => string;
  /** @default the platform's time */
  readonly clock?: LogClock;
}

/** Options with every default filled in. */
type LogSettings = Required<Omit<DecisionLogOptions, 'sink' | 'userKey'>> & {
  readonly sink: LogSink;
  readonly userKey: string | null | undefined;
};

/** @throws InvalidInputError when an option is out of its range. */
function readLogSettings(options: DecisionLogOptions): LogSettings {
  const { answers = 'features', content = 'prompt' } = options;
  if (content !== 'prompt' && content !== 'hash') throw wrong('content', '"prompt" or "hash"', content);
  const some = content === 'hash' ? ['features', 'none'] : ['features', 'text', 'none'];
  if (!some.includes(answers))
    throw wrong(
      'answers',
      content === 'hash' ? '"features" or "none", since `content` is "hash"' : '"features", "text" or "none"',
      answers,
    );
  const atLeast = (field: 'capacity' | 'batch' | 'retries', least: number, otherwise: number) => {
    const value = options[field] ?? otherwise;
    if (Number.isInteger(value) && value >= least) return value;
    throw wrong(field, `a whole number >= ${least}`, value);
  };
  const amount = (
    field: 'capacityCharacters' | 'flushMs' | 'retryDelayMs' | 'closeMs',
    otherwise: number,
  ) => {
    const value = options[field] ?? otherwise;
    if (value >= 0) return value;
    throw wrong(field, 'a number >= 0', value);
  };
  return {
    sink: readSink(options.sink),
    content,
    answers,
    userKey: options.userKey,
    embedding: options.embedding ?? false,
    capacity: atLeast('capacity', 1, 10_000),
    capacityCharacters: amount('capacityCharacters', 2 ** 25),
    batch: atLeast('batch', 1, 256),
    flushMs: amount('flushMs', 1000),
    retries: atLeast('retries', 0, 3),
    retryDelayMs: amount('retryDelayMs', 200),
    closeMs: amount('closeMs', 10_000),
    onError: options.onError ?? (() => {}),
    sha256: options.sha256 ?? webSha256,
    newId: options.newId ?? (() => crypto.randomUUID()),
    clock: options.clock ?? systemLogClock,
  };
}

function readSink(sink: LogSink | WriteRecords): LogSink {
  if (typeof sink === 'function') return { write: async (records) => sink(records), close: async () => {} };
  if (typeof sink?.write === 'function' && typeof sink.close === 'function') return sink;
  throw wrong('sink', 'a function, or an object with `write` and `close`', sink);
}

function wrong(field: string, expected: string, got: unknown): InvalidInputError {
  const shown = typeof got === 'string' ? `"${got}"` : typeof got === 'number' ? got : typeof got;
  return new InvalidInputError(`\`${field}\` of decision log must be ${expected}. Got ${shown}.`);
}

/** A decision as it is kept until it is written: what costs time is done then. */
interface PendingDecision {
  readonly size: number;
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly decision: Decision;
  /** What is hashed; undefined when only the embedding is known. */
  readonly prompt: string | undefined;
  /** Undefined when it is not to be kept. */
  readonly request: LoggedRequest | undefined;
  /** Undefined when it is not to be kept, and not needed instead of the prompt. */
  readonly embedding: Float32Array | undefined;
  readonly user: string | undefined;
}

/** What waits to be written: a record, or what becomes one. */
type Pending = PendingDecision | PendingRecord;

interface PendingRecord {
  readonly size: number;
  readonly record: LogRecord;
  readonly answer: PendingAnswer | undefined;
}

/**
 * A record that any reader of JSON takes: halves of surrogate pairs become U+FFFD.
 */
async function finishRecord(
  pending: Pending,
  settings: LogSettings,
  openKeeper: OpenKeeper,
): Promise<LogRecord> {
  if (!('record' in pending)) return mapTexts(await decisionRecord(pending, settings), wellFormed);
  const { answer, record } = pending;
  if (answer === undefined || record.kind !== 'outcome') return mapTexts(record, wellFormed);
  const kept = await loggedAnswer(answer, record.id, { ...settings, openKeeper });
  return mapTexts({ ...record, answer: kept }, wellFormed);
}

/** With the flag u a pair is one character, and only halves are surrogates. */
const HALVES = /\p{Surrogate}/gu;

function wellFormed(text: string): string {
  // Native, where there is one: it is asked of every text and every name in a record.
  const { toWellFormed } = text as string & { toWellFormed?: () => string };
  return toWellFormed?.call(text) ?? text.replace(HALVES, '\ufffd');
}

async function decisionRecord(
  pending: PendingDecision,
  { embedding: keepEmbedding, sha256, userKey }: LogSettings,
): Promise<DecisionRecord> {
  const { decision, request, embedding, user } = pending;
  const signals = mapTexts(decision.signals, (text) => text.slice(0, LONGEST_TEXTS.signal));
  const { task, tier } = signals;
  return {
    schemaVersion: 1,
    kind: 'decision',
    id: pending.id,
    at: new Date(pending.at).toISOString(),
    artifactId: decision.artifactId,
    policyPath: decision.policyPath,
    candidate: decision.candidate,
    propensity: decision.propensity,
    ...(decision.propensities === undefined ? {} : { propensities: decision.propensities }),
    confidence: decision.confidence,
    probabilities: decision.probabilities,
    predictions: decision.predictions.map(
      ({ candidate, successProbability, expectedCostUsd, expectedLatencyMs }) => ({
        candidate,
        successProbability,
        expectedCostUsd,
        expectedLatencyMs,
      }),
    ),
    signals,
    promptHash: await sha256(hashed(pending)),
    ...(request === undefined ? {} : { request }),
    ...(embedding === undefined || !keepEmbedding ? {} : { embedding: Array.from(embedding, rounded) }),
    ...(task === undefined ? {} : { task }),
    ...(tier === undefined ? {} : { tier }),
    ...(user === undefined ? {} : { user: userKey ? await keyedHash(userKey, user) : user }),
  };
}

/** The prompt's bytes; the embedding's where there is no prompt, so that different requests stay apart. */
function hashed({ prompt, embedding }: PendingDecision): Uint8Array {
  if (prompt !== undefined) return new TextEncoder().encode(prompt);
  return embedding === undefined ? new Uint8Array() : new Uint8Array(embedding.buffer);
}

/** Seven decimals are as much as a float32 near 1 has, in half the characters. */
function rounded(value: number): number {
  return Math.round(value * 1e7) / 1e7;
}
