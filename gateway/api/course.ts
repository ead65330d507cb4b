import type { Decision } from 'pointsman';
import { type Attempt, ExecutionError, type ExecutionResult, type Telemetry } from 'pointsman/execution';
import type { DecisionLog } from 'pointsman/log';
import type { ExpectedUse, Grant, Reservation } from '../keys/guard.ts';
import { secretFromHeaders } from '../keys/secret.ts';
import { CLIENT_LEFT, Problem, problemOf, RefusalError } from '../problem.ts';
import type { DecisionRecord, RatableAnswer } from '../records/decision-records.ts';
import { NONE } from '../telemetry/metrics.ts';
import { type GatewayParts, reportedProblem } from './parts.ts';

/** One request on its way: what is known of it so far, and what has to be told when it is over. */
export interface Course {
  readonly trace: ReturnType<GatewayParts['tracing']['begin']>;
  /** Aborted when the client left. */
  readonly signal: AbortSignal;
  /** For the execution: what it tells of a decision is not told again. */
  readonly log: DecisionLog;
  /** For the execution: it tells of every attempt, also of those whose end nobody waits for. */
  readonly telemetry: Telemetry;
  /** What is left of the key's limits, as headers. */
  readonly keyHeaders: Readonly<Record<string, string>>;
  /** What is known of a request that failed, as headers: how often it was tried, and by which decision. */
  readonly failureHeaders: Readonly<Record<string, string>>;
  /** Attempts that have been sent until now. */
  readonly attempts: number;
  /** Who answered last; undefined before. */
  readonly answeredBy: string | undefined;
  /** Milliseconds of the gateway's own: until the first attempt, and since the last one ended. */
  readonly overheadMs: number;
  /** Asks the guard. */
  admit(
    asked: Pick<Parameters<GatewayParts['guard']['admit']>[0], 'router' | 'candidate' | 'inputTokens'> & {
      /** Id of the artifact that is to decide. */
      readonly version?: string;
    },
  ): Promise<Grant>;
  /**
   * A decision was made, and from now on something comes of it: whatever happens, it ends in the records and in the log.
   *
   * @param facts `unit`: the conversation or user, where one is known.
   * @throws the reason why the request is over, where it is.
   */
  decided(
    decision: Decision,
    facts: Pick<DecisionRecord, 'asked' | 'conversationId' | 'prompt'> & { readonly unit: string | null },
  ): void;
  /** The budget did not cover what was decided, so that it is decided again, among the cheapest. */
  degraded(error: unknown): void;
  /** @param ms until a stream began. */
  began(ms: number): void;
  /** Sets aside what is expected to be spent. */
  reserve(grant: Grant, expected: ExpectedUse): Promise<void>;
  /** Nobody reads what comes any more. */
  leave(): void;
  /** An answer came, whole. */
  answered(result: ExecutionResult): void;
  /** Nothing came, or half of something. @returns what the client is told */
  failed(error: unknown): Problem;
}

type Ended = Pick<DecisionRecord, 'error' | 'servedModel'> & {
  readonly state: 'answered' | 'failed' | 'left' | 'refused';
};

/** How a request ended, as far as the decision log keeps it. */
type Ending = Pick<Ended, 'state'> & { readonly code: string | null; readonly costUsd: number | null };

/**
 * @param signal of the client: aborted when it left.
 * @param later does what nobody need wait for. @default at once
 */
export function openCourse(
  parts: GatewayParts,
  route: string,
  headers: Pick<Headers, 'get'>,
  signal: AbortSignal,
  later: GatewayParts['afterwards'] = (work) => work(),
): Course {
  const { metrics, records } = parts;
  const started = performance.now();
  const at = new Date().toISOString();
  const trace = parts.tracing.begin(route, headers);
  const sent: Attempt[] = [];
  let attempts = 0;
  let router: string | null = null;
  let keyId: string | null = null;
  let unit: string | null = null;
  let version: string | undefined;
  let decision: Decision | undefined;
  let reservation: Reservation | undefined;
  let firstSentAt: number | undefined;
  let lastEndAt: number | undefined;
  let answeredBy: string | undefined;
  let isDegraded = false;
  let firstByteMs: number | null = null;
  /** How it ended; undefined while it goes on. */
  let ending: Ending | undefined;
  const told = new Set<string>();
  /** Of the last decision, where it is not there yet: before it can be changed. */
  let addRecord = () => {};
  let left = false;
  const leaving = new AbortController();
  const leave = () => {
    left = true;
    leaving.abort(new DOMException('The client left.', 'AbortError'));
  };
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  metrics.inFlight.inc();

  const ownMs = () => {
    const now = performance.now();
    if (firstSentAt === undefined) return now - started;
    return firstSentAt - started + (lastEndAt === undefined ? 0 : now - lastEndAt);
  };
  /** Of a decision that the execution told nothing of: it never came to it, or its client left. */
  const tell = ({ candidate, id = '' }: Decision, { code, costUsd, state }: Ending) => {
    if (id === '' || told.has(id)) return;
    told.add(id);
    try {
      const total = costUsd === null ? {} : { totalCostUsd: costUsd };
      parts.log.outcome(id, {
        candidate,
        status: state,
        ...(code === null ? {} : { error: code }),
        ...total,
      });
    } catch (error) {
      parts.onError(error);
    }
  };
  const finish = (
    status: number,
    candidate: string | null,
    all: readonly Attempt[],
    change: Ended,
    cachedInputTokens = 0,
  ) => {
    if (ending !== undefined) return;
    signal.removeEventListener('abort', leave);
    let costUsd: number | null = 0;
    let inputTokens = 0;
    let outputTokens = 0;
    for (const attempt of all) {
      costUsd = costUsd === null || attempt.costUsd === null ? null : costUsd + attempt.costUsd;
      inputTokens += attempt.inputTokens ?? 0;
      outputTokens += attempt.outputTokens ?? 0;
    }
    const ended = { state: change.state, code: change.error?.code ?? null, costUsd };
    ending = ended;
    // What an execution has to say of its end it has said by then.
    if (decision !== undefined && change.state !== 'answered') {
      const made = decision;
      setImmediate(() => tell(made, ended));
    }
    const used = { costUsd, inputTokens, outputTokens };
    reservation?.settle(used).catch(parts.onError);
    const latencyMs = performance.now() - started;
    const labels = { router: router ?? NONE, candidate: candidate ?? NONE };
    metrics.inFlight.dec();
    metrics.requests.inc({ route, ...labels, status: String(status) });
    metrics.durationSeconds.observe({ route, router: labels.router }, latencyMs / 1000);
    for (const attempt of all) {
      metrics.attempts.inc({ candidate: attempt.candidate, state: attempt.state });
      if (attempt.inputTokens !== null)
        metrics.tokens.inc({ candidate: attempt.candidate, direction: 'input' }, attempt.inputTokens);
      if (attempt.outputTokens !== null)
        metrics.tokens.inc({ candidate: attempt.candidate, direction: 'output' }, attempt.outputTokens);
      if (attempt.costUsd !== null)
        metrics.costUsd.inc({ router: labels.router, candidate: attempt.candidate }, attempt.costUsd);
    }
    parts.rollups.ended({
      router,
      keyId,
      decision,
      state: ended.state,
      code: ended.code,
      candidate,
      attempts: all,
      latencyMs,
      firstByteMs,
      overheadMs: ownMs(),
      isDegraded,
      cachedInputTokens,
    });
    if (decision?.id !== undefined && candidate !== null)
      parts.ratable.add(decision.id, ratableAnswer(decision, candidate, { router, keyId, unit }));
    if (router !== null && version !== undefined && (status === 200 || status >= 500))
      parts.routers.versions(router)?.ended(version, status !== 200);
    addRecord();
    if (decision?.id !== undefined)
      records.update(decision.id, { ...change, ...used, status, candidate, latencyMs, attempts: all });
    trace.end(status, {
      router: labels.router,
      candidate: labels.candidate,
      attempts: all.length,
      ...(decision === undefined ? {} : { decision_id: decision.id ?? '', confidence: decision.confidence }),
    });
  };

  return {
    trace,
    signal: leaving.signal,
    get keyHeaders() {
      return reservation?.headers ?? {};
    },
    get failureHeaders() {
      const id = decision?.id;
      return {
        'x-pointsman-attempts': String(attempts),
        ...(id === undefined ? {} : { 'x-pointsman-decision-id': id }),
      };
    },
    log: Object.assign(Object.create(parts.log) as DecisionLog, {
      outcome(id: string, outcome: Parameters<DecisionLog['outcome']>[1]) {
        told.add(id);
        later(() => parts.log.outcome(id, outcome));
      },
    }),
    get attempts() {
      return attempts;
    },
    get answeredBy() {
      return answeredBy;
    },
    get overheadMs() {
      return ownMs();
    },
    telemetry: {
      begin(planned, request) {
        const outer = parts.tracing.telemetry?.begin(planned, request);
        return {
          attempt(candidate, role, retry, given) {
            attempts++;
            firstSentAt ??= performance.now();
            const seconds = (firstSentAt - started) / 1000;
            if (attempts === 1) later(() => metrics.overheadSeconds.observe({ route }, seconds));
            const inner = outer?.attempt(candidate, role, retry, given);
            return {
              run: (work) => (inner === undefined ? work() : inner.run(work)),
              end(attempt, answer) {
                lastEndAt = performance.now();
                sent.push(attempt);
                if (answer !== null) answeredBy = candidate;
                inner?.end(attempt, answer);
              },
            };
          },
          end: (result) => outer?.end(result),
        };
      },
    },
    async admit({ version: of, ...asked }) {
      router = asked.router;
      version = of;
      const grant = await parts.guard.admit({
        action: 'answer',
        token: secretFromHeaders(headers),
        ...asked,
      });
      keyId = grant.keyId;
      return grant;
    },
    decided(made, { unit: of, ...facts }) {
      const { id } = made;
      if (id !== undefined) {
        const record = {
          ...facts,
          id,
          at,
          route,
          router,
          keyId,
          decision: made,
          state: ending?.state ?? ('running' as const),
          status: null,
          latencyMs: null,
          overheadMs: ownMs(),
        };
        let isAdded = false;
        addRecord = () => {
          if (!isAdded) records.add(record);
          isAdded = true;
        };
        // While its upstream is waited for.
        later(addRecord);
      }
      if (ending !== undefined) {
        // The client left, or the deadline came, while this was decided.
        tell(made, { ...ending, costUsd: 0 });
        throw leaving.signal.reason ?? new Error('The request is over.');
      }
      decision = made;
      unit = of;
    },
    degraded(error) {
      isDegraded = true;
      if (decision?.id === undefined) return;
      const { code, message } = problemOf(error);
      tell(decision, { state: 'refused', code, costUsd: 0 });
      const instead = `${message} It was decided again, for the cheapest candidate within the limits.`;
      addRecord();
      records.update(decision.id, {
        state: 'refused',
        error: { code, message: instead },
        costUsd: 0,
        latencyMs: performance.now() - started,
      });
    },
    began(ms) {
      firstByteMs = ms;
      later(() => metrics.firstByteSeconds.observe({ router: router ?? NONE }, ms / 1000));
    },
    async reserve(grant, expected) {
      const made = await grant.reserve(expected);
      if (ending === undefined) {
        reservation = made;
        return;
      }
      // The client left, or the deadline came, while this was asked for: nothing is sent any more.
      await made.settle({ costUsd: 0, inputTokens: 0, outputTokens: 0 });
      throw leaving.signal.reason ?? new Error('The request is over.');
    },
    leave,
    answered({ answer, candidate, trace: { attempts: all } }) {
      finish(
        200,
        candidate,
        all,
        { state: 'answered', error: null, servedModel: answer.model },
        answer.usage?.cachedInputTokens ?? 0,
      );
    },
    failed(error) {
      const problem = left
        ? new Problem(CLIENT_LEFT, 'client_left', 'The client left before the answer came.')
        : reportedProblem(parts, error, { decisionId: decision?.id });
      const all = error instanceof ExecutionError ? (error.attempts as readonly Attempt[]) : sent;
      finish(problem.status, null, all, {
        state: left ? 'left' : error instanceof RefusalError ? 'refused' : 'failed',
        error: { code: problem.code, message: problem.message },
        servedModel: null,
      });
      return problem;
    },
  };
}

/** @param candidate who answered. */
export function ratableAnswer(
  { artifactId, candidate: decided, predictions, propensity, signals }: Decision,
  candidate: string,
  of: Pick<RatableAnswer, 'router' | 'keyId' | 'unit'>,
): RatableAnswer {
  const predicted = predictions.find((prediction) => prediction.candidate === candidate)?.successProbability;
  return {
    router: of.router,
    keyId: of.keyId,
    unit: of.unit,
    version: artifactId,
    candidate,
    task: signals.task ?? null,
    predicted: predicted ?? null,
    propensity: candidate === decided ? propensity : null,
  };
}
