/** The candidate that breaks its limits by the least. */
interface NearestCandidate {
  readonly candidate: string;
  /** The limits that it breaks. */
  readonly limits: readonly string[];
}

/** Every error this project throws on purpose: what was wrong, the value, and what to do next. */
export abstract class PointsmanError extends Error {
  /** A literal that callers can switch on. */
  abstract readonly code: string;
  /** The name of its class, also where a minifier gave the class another. */
  abstract override readonly name: string;
}

/** Limits left no candidate, and the policy or the request does not let the ones that did give way. */
export class NoCandidateError extends PointsmanError {
  override readonly name = 'NoCandidateError';
  readonly code = 'NO_CANDIDATE';
  /** Why each candidate was removed, by its name. */
  readonly removed: ReadonlyMap<string, string>;
  /** Null where no limit that could be loosened would bring one back. */
  readonly nearest: NearestCandidate | null;

  constructor(
    removed: ReadonlyMap<string, string>,
    nearest: NearestCandidate | null = null,
    options?: ErrorOptions,
  ) {
    const list = [...removed].map(([name, reason]) => `${name}: ${reason}`).join('; ');
    const advice =
      nearest === null
        ? 'Name other candidates in `allow` and `deny`, restore one that is retired, or give a client for one.'
        : `The nearest is ${nearest.candidate}, outside ${nearest.limits.join(' and ')}. Loosen a limit, or list it in ` +
          '`relax`, without `strict`, so that it gives way.';
    super(`No candidate is left. ${list}. ${advice}`, options);
    this.removed = removed;
    this.nearest = nearest;
  }
}

/** An artifact that must not be loaded: truncated, edited, of a newer schema, or naming files outside itself. */
export class ArtifactError extends PointsmanError {
  override readonly name = 'ArtifactError';
  readonly code = 'ARTIFACT';
}

/** One attempt took too long; others may follow. */
export class AttemptTimeoutError extends PointsmanError {
  override readonly name = 'AttemptTimeoutError';
  readonly code = 'ATTEMPT_TIMEOUT';

  constructor(candidate: string, timeoutMs: number, waitedFor: string) {
    super(`\`${candidate}\` gave no ${waitedFor} within ${timeoutMs} ms.`);
  }
}

/** An execution that ended without an answer, or with half of one. */
export abstract class ExecutionError extends PointsmanError {
  /** Everything that was tried, in the order it was started. */
  readonly attempts: readonly TriedAttempt[];

  constructor(message: string, attempts: readonly TriedAttempt[], options?: ErrorOptions) {
    super(message, options);
    this.attempts = attempts;
  }
}

/** A stream ended before its answer did. */
export class BrokenStreamError extends ExecutionError {
  override readonly name = 'BrokenStreamError';
  readonly code = 'BROKEN_STREAM';
  readonly candidate: string;
  /** UTF-16 units of the answer that had come. */
  readonly receivedCharacters: number;
  /** Whether the caller has been given a part of it already, so that nothing else could be tried. */
  readonly committed: boolean;

  constructor(
    candidate: string,
    receivedCharacters: number,
    committed: boolean,
    attempts: readonly TriedAttempt[],
    options?: ErrorOptions,
  ) {
    super(
      `The stream of \`${candidate}\` broke after ${receivedCharacters} characters, before it was finished. ` +
        (committed ? 'Drop what came and ask again.' : 'Another attempt may work.'),
      attempts,
      options,
    );
    this.candidate = candidate;
    this.receivedCharacters = receivedCharacters;
    this.committed = committed;
  }
}

/** What was tried before an execution ended without an answer. Fuller types are in `pointsman/execution`. */
interface TriedAttempt {
  readonly candidate: string;
  readonly state: string;
  readonly costUsd: number | null;
}

/** What is left of the budget is less than another attempt is expected to cost. */
export class CostBudgetError extends ExecutionError {
  override readonly name = 'CostBudgetError';
  readonly code = 'COST_BUDGET';
  readonly budgetUsd: number;
  readonly spentUsd: number;

  /** @param isBlind whether an answer was given whose cost nobody can tell. */
  constructor(budgetUsd: number, spentUsd: number, attempts: readonly TriedAttempt[], isBlind = false) {
    const unknown =
      ' at least, and what one of the answers cost is not known. Give `prices`, or a client that says';
    super(
      `The budget of $${budgetUsd} does not cover another attempt: $${spentUsd} is spent${isBlind ? `${unknown} \`costUsd\`.` : '.'} ` +
        'Give a larger `costBudgetUsd`, or let the policy choose cheaper candidates.',
      attempts,
    );
    this.budgetUsd = budgetUsd;
    this.spentUsd = spentUsd;
  }
}

/** The time for the whole execution ran out. */
export class DeadlineError extends ExecutionError {
  override readonly name = 'DeadlineError';
  readonly code = 'DEADLINE';
  readonly deadlineMs: number;

  constructor(deadlineMs: number, attempts: readonly TriedAttempt[]) {
    super(
      `No answer within the deadline of ${deadlineMs} ms. Give more time, or a \`timeoutMs\` short enough to fall back in time.`,
      attempts,
    );
    this.deadlineMs = deadlineMs;
  }
}

/** A text that could not be turned into a vector: the endpoint or the model failed, or gave something else. */
export class EmbeddingError extends PointsmanError {
  override readonly name = 'EmbeddingError';
  readonly code = 'EMBEDDING';
}

/** The plan failed, and so did every candidate that could be fallen back on. */
export class ExecutionFailedError extends ExecutionError {
  override readonly name = 'ExecutionFailedError';
  readonly code = 'EXECUTION_FAILED';

  constructor(attempts: readonly TriedAttempt[], cause: unknown) {
    const last = cause instanceof Error ? cause.message : String(cause);
    super(
      `No candidate gave an answer, after ${attempts.length} ${attempts.length === 1 ? 'attempt' : 'attempts'}. ` +
        `The last one: ${last} See \`attempts\` for the others.`,
      attempts,
      { cause },
    );
  }
}

/** A value from outside (config, row, option, request) that does not have the shape it must have. */
export class InvalidInputError extends PointsmanError {
  override readonly name: string = 'InvalidInputError';
  readonly code = 'INVALID_INPUT';
}

/** An endpoint or a client gave something that is not an answer. */
export class MalformedAnswerError extends PointsmanError {
  override readonly name = 'MalformedAnswerError';
  readonly code = 'MALFORMED_ANSWER';
}

/** An optional package that is needed now and is not installed. */
export class MissingPackageError extends PointsmanError {
  override readonly name = 'MissingPackageError';
  readonly code = 'MISSING_PACKAGE';

  constructor(packageName: string, neededFor: string, options?: ErrorOptions) {
    super(`${neededFor} needs the package "${packageName}". Install it: npm install ${packageName}`, options);
  }
}

/** A candidate was not called: its breaker is open, or as many requests are on their way to it as may be. */
export class UnavailableError extends PointsmanError {
  override readonly name = 'UnavailableError';
  readonly code = 'UNAVAILABLE';
  readonly reason: 'breaker-open' | 'bulkhead-full';

  constructor(candidate: string, reason: 'breaker-open' | 'bulkhead-full') {
    super(
      reason === 'breaker-open'
        ? `\`${candidate}\` failed too often lately and is left alone for a while.`
        : `\`${candidate}\` has as many requests on their way as it may have.`,
    );
    this.reason = reason;
  }
}

export interface UpstreamErrorOptions extends ErrorOptions {
  /** HTTP status; leave out when there was no response. */
  readonly status?: number;
  /** Whether the same request may work when it is sent again. @default by the status; true without one */
  readonly retryable?: boolean;
  /** Milliseconds that the endpoint asks to wait. */
  readonly retryAfterMs?: number;
  /** What the endpoint says went wrong, in its own words and without secrets. */
  readonly said?: string;
}

/** An endpoint that refused, failed, or could not be reached. */
export class UpstreamError extends PointsmanError {
  override readonly name = 'UpstreamError';
  readonly code = 'UPSTREAM';
  /** HTTP status; null when there was no response. */
  readonly status: number | null;
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  /** The endpoint's own words; null where it gave none. */
  readonly said: string | null;

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, options);
    this.status = options.status ?? null;
    this.retryable = options.retryable ?? (this.status === null || isRetryableStatus(this.status));
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.said = options.said ?? null;
  }
}

/** RFC 9110 and 6585: 408 and 429 ask for it, 409 is a conflict that passes, 5xx is the server's own trouble. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500;
}

/**
 * Imports an optional package when it is needed. Bundlers are not to look: they would refuse, or warn, where it is not
 * installed. Whoever bundles it passes it in instead.
 *
 * @param specifier such as `eld/small`.
 * @param neededFor the subject of the message's sentence.
 * @throws MissingPackageError when it is not installed.
 */
export async function importPackage<Module>(specifier: string, neededFor: string): Promise<Module> {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ specifier);
  } catch (cause) {
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)![0];
    throw new MissingPackageError(name, neededFor, { cause });
  }
}

/**
 * Milliseconds that a `Retry-After` asks to wait (RFC 9110 §10.2.3: seconds or a date); 0 for a date that is past,
 * null for none or nonsense.
 *
 * @param wallNowMs milliseconds since 1970, against which a date is read.
 */
export function readRetryAfter(header: string | null, wallNowMs: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  const ms = /^\d+(\.\d+)?$/.test(text) ? 1000 * Number(text) : Date.parse(text) - wallNowMs;
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
