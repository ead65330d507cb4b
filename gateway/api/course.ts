import type { Decision } from 'pointsman';
import { type Attempt, ExecutionError, type ExecutionResult, type Telemetry } from 'pointsman/execution';
import { RefusalError } from '../errors.ts';
import type { ExpectedUse, Grant, Reservation } from '../keys/guard.ts';
import { secretFromHeaders } from '../keys/secret.ts';
import { CLIENT_LEFT, Problem } from '../problem.ts';
import type { DecisionRecord, RatableAnswer } from '../records/decision-records.ts';
import { NONE } from '../telemetry/metrics.ts';
import { type GatewayParts, reportedProblem } from './parts.ts';

/** One request on its way: what is known of it so far, and what has to be told when it is over. */
export interface Course {
  readonly trace: ReturnType<GatewayParts['tracing']['begin']>;
  /** Aborted when the client left. */
  readonly signal: AbortSignal;
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
  /** @param facts `unit`: the conversation or user, where one is known. */
  decided(
    decision: Decision,
    facts: Pick<DecisionRecord, 'asked' | 'conversationId' | 'prompt'> & { readonly unit: string | null },
  ): void;
  /** The budget did not cover what was decided: it goes to the cheapest. */
  degraded(): void;
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

/** @param signal of the client: aborted when it left. */
export function openCourse(
  parts: GatewayParts,
  route: string,
  headers: Headers,
  signal: AbortSignal,
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
  let isOver = false;
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
  const finish = (
    status: number,
    candidate: string | null,
    all: readonly Attempt[],
    change: Pick<DecisionRecord, 'state' | 'error' | 'servedModel'>,
    beside: { readonly isRefused?: boolean; readonly cachedInputTokens?: number } = {},
  ) => {
    if (isOver) return;
    isOver = true;
    signal.removeEventListener('abort', leave);
    const costs = all.map(({ costUsd }) => costUsd);
    const costUsd = costs.includes(null) ? null : costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0);
    const count = (field: 'inputTokens' | 'outputTokens') =>
      all.reduce((sum, attempt) => sum + (attempt[field] ?? 0), 0);
    const used = { costUsd, inputTokens: count('inputTokens'), outputTokens: count('outputTokens') };
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
      state: beside.isRefused === true ? 'refused' : (change.state as 'answered' | 'failed' | 'left'),
      code: change.error?.code ?? null,
      candidate,
      attempts: all,
      latencyMs,
      firstByteMs,
      overheadMs: ownMs(),
      isDegraded,
      cachedInputTokens: beside.cachedInputTokens ?? 0,
    });
    if (decision?.id !== undefined && candidate !== null)
      parts.ratable.add(decision.id, ratableAnswer(decision, candidate, { router, keyId, unit }));
    if (router !== null && version !== undefined && (status === 200 || status >= 500))
      parts.routers.versions(router)?.ended(version, status !== 200);
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
            if (attempts === 1) metrics.overheadSeconds.observe({ route }, (firstSentAt - started) / 1000);
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
      if (isOver) throw leaving.signal.reason ?? new Error('The request is over.');
      decision = made;
      unit = of;
      if (made.id === undefined) return;
      records.add({
        ...facts,
        id: made.id,
        at,
        route,
        router,
        keyId,
        decision: made,
        state: 'running',
        status: null,
        latencyMs: null,
        overheadMs: ownMs(),
      });
    },
    degraded() {
      isDegraded = true;
    },
    began(ms) {
      firstByteMs = ms;
      metrics.firstByteSeconds.observe({ router: router ?? NONE }, ms / 1000);
    },
    async reserve(grant, expected) {
      const made = await grant.reserve(expected);
      if (!isOver) {
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
        { cachedInputTokens: answer.usage?.cachedInputTokens ?? 0 },
      );
    },
    failed(error) {
      const problem = left
        ? new Problem(CLIENT_LEFT, 'client_left', 'The client left before the answer came.')
        : reportedProblem(parts, error, { decisionId: decision?.id });
      const all = error instanceof ExecutionError ? (error.attempts as readonly Attempt[]) : sent;
      finish(
        problem.status,
        null,
        all,
        {
          state: left ? 'left' : 'failed',
          error: { code: problem.code, message: problem.message },
          servedModel: null,
        },
        { isRefused: !left && error instanceof RefusalError },
      );
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
    ...of,
    version: artifactId,
    candidate,
    task: signals.task ?? null,
    predicted: predicted ?? null,
    propensity: candidate === decided ? propensity : null,
  };
}
