import type { AnswerScorer } from '../answer/answer-scorer.ts';
import { InvalidInputError } from '../errors.ts';
import type { Message, Request } from '../request.ts';
import type { Answer, ClientAnswer, PricedCandidates } from './answer.ts';
import { type Clock, systemClock } from './async.ts';
import type { Attempt, AttemptRole, PlannedExecution } from './attempt.ts';

/** How a decision is carried out: deadline, budget, timeouts, retries, prices, tools, and who is told. */
export interface ExecuteOptions<R extends Request = Request> {
  /** Cancels: attempts are aborted, and the execution rejects with the signal's reason. @default never */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for everything, the router included. @default 120000 */
  readonly deadlineMs?: number;
  /** US dollars for all attempts together; one is not sent when it is expected to cost more than is left. @default Infinity */
  readonly costBudgetUsd?: number;
  /** Milliseconds for one attempt; of one that streams, until its first piece. @default 60000 */
  readonly timeoutMs?: number;
  /** Milliseconds between two pieces of a stream. @default 30000 */
  readonly idleTimeoutMs?: number;
  /** Of these candidates other times, retries and bounds than of the rest. @default {} */
  readonly candidates?: Readonly<Record<string, CandidateOptions>>;
  /** Further attempts at the same candidate after a 408, 409, 429, 5xx or a lost connection. @default 2 */
  readonly retries?: number;
  /** Milliseconds: the wait before the n-th retry is drawn between 0 and this · 2^(n-1). @default 250 */
  readonly retryDelayMs?: number;
  /** Milliseconds: whoever asks for a longer wait by `Retry-After` is not waited for. @default 5000 */
  readonly longestRetryDelayMs?: number;
  /** UTF-16 units of a stream that are held back, so that a stream which breaks within them can still be replaced. Infinity holds back all. @default 1 */
  readonly commitAfterCharacters?: number;
  /**
   * UTF-16 units of one attempt's text, thoughts and tool calls together. A longer one is stopped and has failed: an
   * upstream may write without end. @default 4000000
   */
  readonly maxAnswerCharacters?: number;
  /**
   * Whether an answer may hold nothing: no text, no tool call, no image, and no word of a filter. Else the attempt has
   * failed, and the next candidate is asked. @default false
   */
  readonly allowEmptyAnswers?: boolean;
  /** Functions that a plan's tools name. @default {} */
  readonly tools?: Readonly<Record<string, Tool<R>>>;
  /** Functions that a plan's accept tests name. @default {} */
  readonly verifiers?: Readonly<Record<string, Judgement<R>>>;
  /** Functions that a plan's `best` names. @default {} */
  readonly scorers?: Readonly<Record<string, Judgement<R>>>;
  /** What `accept` tests of kind `answer` ask, from `createAnswerScorer`. @default the answer head of the router that decided */
  readonly answerScorer?: AnswerScorer | undefined;
  /** Adds answers or a tool's result to a request, for whoever is to read them. @default {@link extendRequest} */
  readonly extendRequest?: (request: R, addition: Addition) => R;
  /** For costs where a client gives tokens alone. @default `manifest.candidates` of the router */
  readonly prices?: PricedCandidates;
  /** @default nobody is told */
  readonly telemetry?: Telemetry;
  /** @default the platform's timers */
  readonly clock?: Clock;
  /** Uniform in [0, 1), for the jitter. @default the platform's random source */
  readonly random?: () => number;
}

/** What is to hold for one candidate. What is left out is as for all. */
export type CandidateOptions = Pick<
  ExecuteOptions,
  'timeoutMs' | 'idleTimeoutMs' | 'retries' | 'maxAnswerCharacters' | 'allowEmptyAnswers'
>;

/** Answers without a model, or helps one to. */
export type Tool<R extends Request = Request> = (
  input: {
    readonly request: R;
    /** What a candidate made of the request for the tool; null when the plan asks none first. */
    readonly answer: Answer | null;
  },
  context: { readonly signal: AbortSignal },
) => ToolResult | Promise<ToolResult>;

/** null: the tool has no answer. */
export type ToolResult = string | ClientAnswer | null;

/** How good an answer is; true is 1, false is 0. Between 0 and 1 it counts as the outcome's quality. */
export type Judgement<R extends Request = Request> = (
  answer: Answer,
  request: R,
  context: { readonly signal: AbortSignal },
) => number | boolean | Promise<number | boolean>;

/** What is added to a request before somebody else answers it. */
export type Addition =
  /** To be judged and made one. */
  | { readonly kind: 'answers'; readonly answers: readonly Answer[] }
  /** What a tool gave. */
  | { readonly kind: 'tool-result'; readonly tool: string; readonly result: Answer };

/** The request with one more message of the user, or with more text. */
export function extendRequest<R extends Request>(request: R, addition: Addition): R {
  const text = additionText(addition);
  if (request.messages === undefined) return { ...request, text: `${request.text ?? ''}\n\n${text}` };
  const message: Message = { role: 'user', content: text };
  return { ...request, messages: [...request.messages, message] };
}

/** The words in which an addition is put. */
export function additionText(addition: Addition): string {
  if (addition.kind === 'tool-result') {
    return `The tool "${addition.tool}" gave this result:\n${addition.result.text}\n\nUse it to answer the request above.`;
  }
  const listed = addition.answers.map(({ text }, i) => `Answer ${i + 1}:\n${text}`);
  return (
    `Others have answered the request above:\n\n${listed.join('\n\n')}\n\n` +
    'Write the final answer: keep what is right in theirs, correct what is wrong, and say nothing of them.'
  );
}

/** Told what an execution does, as it does it. `pointsman/telemetry` makes OpenTelemetry spans of it. */
export interface Telemetry {
  begin(planned: PlannedExecution, request: Request): ExecutionSpan;
}

export interface ExecutionSpan {
  attempt(candidate: string, role: AttemptRole, retry: number, request: Request): AttemptSpan;
  end(result: ExecutionEnd): void;
}

export interface AttemptSpan {
  /** Calls the client, so that what it does belongs to the span. */
  run<T>(work: () => T): T;
  /** @param answer the answer, where there was one. */
  end(attempt: Attempt, answer: Answer | null): void;
}

export interface ExecutionEnd {
  /** Who gave the answer; null when nobody did. */
  readonly candidate: string | null;
  readonly costUsd: number;
  /** The error's `code` or name; null when there was an answer. */
  readonly errorCode: string | null;
}

/** Tells nobody. */
const NO_TELEMETRY: Telemetry = {
  begin: () => ({
    attempt: () => ({ run: (work) => work(), end: () => {} }),
    end: () => {},
  }),
};

/** Options with every default filled in. */
export type Settings<R extends Request = Request> = Required<
  Omit<ExecuteOptions<R>, 'answerScorer' | 'signal' | 'candidates'>
> & {
  readonly signal: AbortSignal | undefined;
  readonly answerScorer: AnswerScorer | undefined;
  /** Candidates that have options of their own. */
  readonly candidates: ReadonlyMap<string, CandidateSettings>;
};

/** What holds for one candidate. */
type CandidateSettings = Required<CandidateOptions>;

/** @throws InvalidInputError when a number is out of its range. */
export function readSettings<R extends Request>(options: ExecuteOptions<R>): Settings<R> {
  const forAll = readCandidateSettings(options, DEFAULTS, '');
  const { allowEmptyAnswers, idleTimeoutMs, maxAnswerCharacters, retries, timeoutMs } = forAll;
  // Each field by name: every request reads its options, and an object that is spread takes three times as long to make.
  return {
    timeoutMs,
    idleTimeoutMs,
    retries,
    maxAnswerCharacters,
    allowEmptyAnswers,
    candidates: readOwnSettings(options.candidates, forAll),
    signal: options.signal,
    deadlineMs: positive(options.deadlineMs ?? 120_000, 'deadlineMs'),
    costBudgetUsd: atLeast0(options.costBudgetUsd ?? Number.POSITIVE_INFINITY, 'costBudgetUsd'),
    retryDelayMs: atLeast0(options.retryDelayMs ?? 250, 'retryDelayMs'),
    longestRetryDelayMs: atLeast0(options.longestRetryDelayMs ?? 5000, 'longestRetryDelayMs'),
    commitAfterCharacters: atLeast0(options.commitAfterCharacters ?? 1, 'commitAfterCharacters'),
    tools: options.tools ?? {},
    verifiers: options.verifiers ?? {},
    scorers: options.scorers ?? {},
    answerScorer: options.answerScorer,
    extendRequest: options.extendRequest ?? extendRequest,
    prices: options.prices ?? [],
    telemetry: options.telemetry ?? NO_TELEMETRY,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
}

const NO_SETTINGS: ReadonlyMap<string, CandidateSettings> = new Map();

function readOwnSettings(
  candidates: Readonly<Record<string, CandidateOptions>> = {},
  forAll: CandidateSettings,
): ReadonlyMap<string, CandidateSettings> {
  const own = Object.entries(candidates);
  if (own.length === 0) return NO_SETTINGS;
  return new Map(
    own.map(([name, options]) => [name, readCandidateSettings(options, forAll, `candidates.${name}.`)]),
  );
}

const DEFAULTS: CandidateSettings = {
  timeoutMs: 60_000,
  idleTimeoutMs: 30_000,
  retries: 2,
  maxAnswerCharacters: 4_000_000,
  allowEmptyAnswers: false,
};

/** @param rest what holds where nothing is said. */
function readCandidateSettings(
  options: CandidateOptions,
  rest: CandidateSettings,
  path: string,
): CandidateSettings {
  const most = options.maxAnswerCharacters ?? rest.maxAnswerCharacters;
  return {
    timeoutMs: positive(options.timeoutMs ?? rest.timeoutMs, `${path}timeoutMs`),
    idleTimeoutMs: positive(options.idleTimeoutMs ?? rest.idleTimeoutMs, `${path}idleTimeoutMs`),
    retries: whole(options.retries ?? rest.retries, `${path}retries`),
    maxAnswerCharacters: positive(most, `${path}maxAnswerCharacters`),
    allowEmptyAnswers: options.allowEmptyAnswers ?? rest.allowEmptyAnswers,
  };
}

/** What holds for a candidate: its own, else what holds for all. */
export function settingsOf(settings: Settings, candidate: string): CandidateSettings {
  return settings.candidates.get(candidate) ?? settings;
}

function systemRandom(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32;
}

function positive(value: number, field: string): number {
  return check(value, value > 0, field, 'a number > 0');
}

function atLeast0(value: number, field: string): number {
  return check(value, value >= 0, field, 'a number >= 0');
}

function whole(value: number, field: string): number {
  return check(value, value >= 0 && Number.isInteger(value), field, 'a whole number >= 0');
}

function check(value: number, right: boolean, field: string, expected: string): number {
  if (right) return value;
  throw new InvalidInputError(`\`${field}\` of execute options must be ${expected}. Got ${value}.`);
}
