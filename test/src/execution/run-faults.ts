import { getEventListeners, setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { PointsmanError } from 'pointsman';
import { createOpenAiClient, type ModelRequest } from 'pointsman/clients';
import {
  type ClientPool,
  createClientPool,
  type ExecuteOptions,
  type ExecutionTrace,
  executePlan,
  executePlanStream,
  type PlannedExecution,
} from 'pointsman/execution';
import { createRandom } from 'pointsman/math';
import type { PlanStep } from 'pointsman/policy';
import { type FaultyUpstream, startFaultyUpstream, wholeAnswer } from './faulty-upstream.ts';

/** Of most requests; one in twelve has far less than its upstreams may take. */
const DEADLINE_MS = 2500;
const SHORT_DEADLINE_MS = 120;

export interface FaultReport {
  /** How many requests ended so: `answered`, `cancelled`, or the code of their error. */
  readonly endings: Record<string, number>;
  /** Requests whose end was none of these. */
  readonly untyped: string[];
  /** Requests whose answer was not the whole answer. */
  readonly truncated: number[];
  /** The longest that a request took beyond its deadline, in milliseconds; below 0 when none did. */
  readonly latestMs: number;
  readonly attempts: number;
  readonly played: Record<string, number>;
  readonly breakerChanges: readonly string[];
  /** What is still there when all is over. */
  readonly left: { readonly inFlight: number; readonly open: number; readonly listeners: number };
  readonly seconds: number;
}

const NAMES = ['a', 'b', 'c'];
const call = (candidate: string): PlanStep => ({ kind: 'call', candidate });

/** Plans of every kind, the candidates in any order. */
function drawPlan(random: ReturnType<typeof createRandom>): PlannedExecution {
  const [first, second, third] = random.shuffle([...NAMES]);
  const kind = random.integer(5);
  const plans: PlanStep[] = [
    call(first),
    { kind: 'hedge', fast: call(first), slow: call(second), delayMs: 40, accept: null },
    {
      kind: 'sequence',
      steps: [
        { step: call(first), accept: { kind: 'json', schema: { type: 'object', required: ['end'] } } },
        { step: call(second), accept: null },
      ],
    },
    { kind: 'parallel', members: [first, second, third].map(call), combine: { kind: 'majority' } },
    call(first),
  ];
  return { plan: plans[kind], fallback: [second, third] };
}

/** Sends requests through upstreams that fail in every way there is, and tells how each of them ended. */
export async function runFaults(requests: number, seed: number, concurrency: number): Promise<FaultReport> {
  const upstreams = await Promise.all(NAMES.map((_, i) => startFaultyUpstream(seed, i)));
  const breakerChanges: string[] = [];
  const clients = Object.fromEntries(
    NAMES.map((name, i) => [name, createOpenAiClient({ model: name, baseUrl: upstreams[i].baseUrl })]),
  );
  const pool = createClientPool(clients, {
    breaker: { failures: 8, halfOpenAfterMs: 50 },
    onBreakerChange: (candidate, state) => breakerChanges.push(`${candidate} ${state}`),
  });
  const everyone = new AbortController();
  // Every one of them listens, for as long as it is under way.
  setMaxListeners(0, everyone.signal);
  await warmUp(upstreams, pool, seed, everyone.signal);
  const report = {
    endings: {} as Record<string, number>,
    untyped: [] as string[],
    truncated: [] as number[],
    latestMs: Number.NEGATIVE_INFINITY,
  };
  const begun = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < requests) {
      const id = next++;
      // For a while one of them is gone altogether, and then it is back.
      upstreams[0].mode = id > requests * 0.4 && id < requests * 0.6 ? 'down' : 'faulty';
      const deadlineMs = id % 12 === 0 ? SHORT_DEADLINE_MS : DEADLINE_MS;
      const started = performance.now();
      const ending = await sendOne(id, seed, deadlineMs, pool, everyone.signal, report.truncated);
      report.latestMs = Math.max(report.latestMs, performance.now() - started - deadlineMs);
      report.endings[ending] = (report.endings[ending] ?? 0) + 1;
      if (ending.startsWith('untyped')) report.untyped.push(ending);
      // Who is told that nobody is there comes back later.
      if (NAMES.every((name) => pool.breakerState(name) !== 'closed')) await pause(50);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const seconds = (performance.now() - begun) / 1000;
  const left = await whatIsLeft(pool, upstreams, everyone.signal);
  await Promise.all(upstreams.map((upstream) => upstream.close()));
  const played: Record<string, number> = {};
  for (const upstream of upstreams) {
    for (const [fault, count] of upstream.played) played[fault] = (played[fault] ?? 0) + count;
  }
  const attempts = Object.values(played).reduce((sum, count) => sum + count, 0);
  return { ...report, attempts, played, breakerChanges, left, seconds };
}

/** The first requests of a process load and compile what they use, which is none of the candidates' time. */
async function warmUp(
  upstreams: readonly FaultyUpstream[],
  pool: ClientPool<ModelRequest>,
  seed: number,
  signal: AbortSignal,
): Promise<void> {
  for (const upstream of upstreams) upstream.mode = 'up';
  for (let id = 1; id <= 50; id++) await sendOne(-id, seed, DEADLINE_MS, pool, signal, []);
  for (const upstream of upstreams) {
    upstream.mode = 'faulty';
    upstream.played.clear();
  }
}

async function sendOne(
  id: number,
  seed: number,
  deadlineMs: number,
  pool: ClientPool<ModelRequest>,
  everyone: AbortSignal,
  truncated: number[],
): Promise<string> {
  const random = createRandom(seed + id);
  const planned = drawPlan(random);
  const own = new AbortController();
  const cancels = random.next() < 0.02;
  const options: ExecuteOptions<ModelRequest> = {
    signal: cancels ? own.signal : everyone,
    deadlineMs,
    timeoutMs: 400,
    idleTimeoutMs: 300,
    retryDelayMs: 5,
    longestRetryDelayMs: 50,
    commitAfterCharacters: random.next() < 0.3 ? 80 : 1,
    random: random.next,
  };
  if (cancels) setTimeout(() => own.abort(new DOMException('Gone.', 'AbortError')), 1 + random.integer(20));
  const request: ModelRequest = { text: 'Go.', parameters: { user: String(id) } };
  try {
    const text =
      random.next() < 0.5
        ? await whole(planned, request, pool, options)
        : await streamed(planned, request, pool, options);
    if (text !== wholeAnswer(id)) truncated.push(id);
    return 'answered';
  } catch (error) {
    if (error instanceof PointsmanError) return error.code;
    if (own.signal.aborted && error === own.signal.reason) return 'cancelled';
    return `untyped: ${error instanceof Error ? error.stack : String(error)}`;
  }
}

type Sent = [PlannedExecution, ModelRequest, ClientPool<ModelRequest>, ExecuteOptions<ModelRequest>];

async function whole(...sent: Sent): Promise<string> {
  const { answer, trace } = await executePlan(...sent);
  return settled(trace) ? answer.text : 'An attempt is still running.';
}

async function streamed(...sent: Sent): Promise<string> {
  const stream = await executePlanStream(...sent);
  let text = '';
  let finished = false;
  for await (const chunk of stream) {
    text += chunk.text ?? '';
    finished ||= chunk.finish !== undefined;
  }
  const { answer, trace } = await stream.result;
  return finished && answer.text === text && settled(trace) ? text : `unfinished: ${text}`;
}

const settled = ({ attempts }: ExecutionTrace) => attempts.every(({ state }) => state !== 'running');

/** After the other side has had time to notice that a connection is closed. */
async function whatIsLeft(
  pool: ClientPool<ModelRequest>,
  upstreams: readonly FaultyUpstream[],
  signal: AbortSignal,
) {
  const open = () => upstreams.reduce((sum, upstream) => sum + upstream.open, 0);
  for (let i = 0; i < 100 && open() > 0; i++) await pause(10);
  return {
    inFlight: NAMES.reduce((sum, name) => sum + pool.load.inFlight(name), 0),
    open: open(),
    listeners: getEventListeners(signal, 'abort').length,
  };
}
