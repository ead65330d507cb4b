import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { Request } from '../request.ts';
import { systemClock } from './clock.ts';
import { extendRequest } from './extend-request.ts';
import type { CandidateOptions, ExecuteOptions } from './options.ts';
import { NO_TELEMETRY } from './telemetry.ts';

/** Options with every default filled in. */
export type Settings<R extends Request = Request> = Required<
  Omit<ExecuteOptions<R>, 'signal' | 'candidates'>
> & {
  readonly signal: AbortSignal | undefined;
  /** Candidates that have options of their own. */
  readonly candidates: ReadonlyMap<string, CandidateSettings>;
};

/** What holds for one candidate. */
type CandidateSettings = Required<CandidateOptions>;

/** @throws InvalidInputError when a number is out of its range. */
export function readSettings<R extends Request>(options: ExecuteOptions<R>): Settings<R> {
  const forAll = readCandidateSettings(options, DEFAULTS, '');
  return {
    ...forAll,
    candidates: new Map(
      Object.entries(options.candidates ?? {}).map(([name, own]) => [
        name,
        readCandidateSettings(own, forAll, `candidates.${name}.`),
      ]),
    ),
    signal: options.signal,
    deadlineMs: positive(options.deadlineMs ?? 120_000, 'deadlineMs'),
    costBudgetUsd: atLeast0(options.costBudgetUsd ?? Number.POSITIVE_INFINITY, 'costBudgetUsd'),
    retryDelayMs: atLeast0(options.retryDelayMs ?? 250, 'retryDelayMs'),
    longestRetryDelayMs: atLeast0(options.longestRetryDelayMs ?? 5000, 'longestRetryDelayMs'),
    commitAfterCharacters: atLeast0(options.commitAfterCharacters ?? 1, 'commitAfterCharacters'),
    tools: options.tools ?? {},
    verifiers: options.verifiers ?? {},
    scorers: options.scorers ?? {},
    extendRequest: options.extendRequest ?? extendRequest,
    prices: options.prices ?? [],
    telemetry: options.telemetry ?? NO_TELEMETRY,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  };
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
