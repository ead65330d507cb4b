import { Hono } from 'hono';
import type { Router } from 'pointsman';
import type { Attempt, ClientPool } from 'pointsman/execution';
import type { CheckedConfig } from '../config/schema.ts';
import type { DecisionRecords } from '../records/decision-records.ts';
import type { Routers } from '../routing/routers.ts';

/** What is served, by whom: `GET /admin/overview`. */
export interface Overview {
  readonly routers: readonly RouterOverview[];
  readonly defaultRouter: string | null;
  /** Candidates that can be called, and the upstream of each. */
  readonly candidates: Readonly<Record<string, string>>;
  /** Whether requests need a key. */
  readonly hasKeys: boolean;
  /** Whether decisions are written down. */
  readonly hasLog: boolean;
  /** How many of the newest decisions are kept at most. */
  readonly recordsKept: number;
}

interface RouterOverview {
  readonly name: string;
  readonly artifactId: string;
  readonly candidates: readonly string[];
  /** The kind of its policy. */
  readonly policy: string;
  /** Whether it says how unlike its training prompts a request is. */
  readonly hasNovelty: boolean;
  /** Headline figures on the test split of its training. */
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** How the calls of one candidate went, of the newest decisions that are kept. */
export interface CandidateStanding {
  readonly candidate: string;
  readonly upstream: string;
  readonly breaker: 'closed' | 'open' | 'half-open';
  readonly inFlight: number;
  readonly attempts: number;
  readonly answered: number;
  /** Calls that failed, by what went wrong. */
  readonly errors: Readonly<Record<string, number>>;
  /** Calls that were not sent: the breaker was open, or too many were under way. */
  readonly refused: number;
  /** Calls that were not sent since the cost budget of their request did not cover them. */
  readonly overBudget: number;
  /** Milliseconds of the calls that were answered, by quantile; null without any. */
  readonly latencyMs: { readonly p50: number; readonly p95: number } | null;
  /** Milliseconds until the first piece, of the calls that were streamed; null without any. */
  readonly firstPieceMs: { readonly p50: number; readonly p95: number } | null;
  readonly costUsd: number;
  readonly lastError: {
    readonly at: string;
    readonly code: string;
    readonly message: string;
  } | null;
}

/** `GET /admin/upstreams`. */
export interface Upstreams {
  /** When the oldest decision was made that is counted; null without any. */
  readonly since: string | null;
  readonly decisions: number;
  readonly candidates: readonly CandidateStanding[];
}

export interface StandingParts {
  readonly config: CheckedConfig;
  readonly routers: Routers;
  readonly pool: Pick<ClientPool, 'breakerState' | 'load'>;
  readonly records: DecisionRecords;
}

/** What is served, and how those behind it are doing. */
export function createStandingArea(parts: StandingParts): Hono {
  const app = new Hono();
  app.get('/admin/overview', (context) => context.json(overview(parts)));
  app.get('/admin/upstreams', (context) => context.json(upstreams(parts)));
  return app;
}

function overview({ config, routers }: StandingParts): Overview {
  const known = routers.names.map((name): RouterOverview => {
    const { manifest } = routers.get(name) as Router;
    const { candidates, id, metrics, novelty, policy: own } = manifest;
    const policy = (config.routers[name].policy ?? own) as { readonly kind: string };
    return {
      name,
      artifactId: id,
      candidates: candidates.map((candidate) => candidate.name),
      policy: policy.kind,
      hasNovelty: novelty !== undefined,
      metrics,
    };
  });
  return {
    routers: known,
    defaultRouter: routers.defaultName ?? null,
    candidates: Object.fromEntries(
      Object.entries(config.candidates).map(([name, { upstream }]) => [name, upstream]),
    ),
    hasKeys: config.keys !== undefined,
    hasLog: config.log !== undefined,
    recordsKept: config.recordsKept,
  };
}

function upstreams({ config, pool, records }: StandingParts): Upstreams {
  const counts = new Map(Object.keys(config.candidates).map((name) => [name, new Counts()]));
  let since: string | null = null;
  let decisions = 0;
  for (const { at, attempts } of records.all()) {
    since ??= at;
    decisions++;
    for (const attempt of attempts) counts.get(attempt.candidate)?.add(at, attempt);
  }
  const candidates = Object.entries(config.candidates).map(([candidate, { upstream }]) => ({
    candidate,
    upstream,
    breaker: pool.breakerState(candidate),
    inFlight: pool.load.inFlight(candidate),
    ...counts.get(candidate)!.summary(),
  }));
  return { since, decisions, candidates };
}

class Counts {
  #attempts = 0;
  #answered = 0;
  #refused = 0;
  #overBudget = 0;
  #costUsd = 0;
  readonly #errors = new Map<string, number>();
  readonly #latencies: number[] = [];
  readonly #firstPieces: number[] = [];
  #lastError: CandidateStanding['lastError'] = null;

  add(at: string, { costUsd, error, firstChunkMs, latencyMs, state }: Attempt): void {
    if (state === 'refused') {
      if (error?.code === 'COST_BUDGET') this.#overBudget++;
      else this.#refused++;
      return;
    }
    this.#attempts++;
    this.#costUsd += costUsd ?? 0;
    if (firstChunkMs !== null) this.#firstPieces.push(firstChunkMs);
    if (state === 'answered' || state === 'rejected') {
      this.#answered++;
      this.#latencies.push(latencyMs);
    }
    if (state !== 'failed' || error === null) return;
    const { code, message, status } = error;
    const name = status === null ? code : `${code} ${status}`;
    this.#errors.set(name, (this.#errors.get(name) ?? 0) + 1);
    this.#lastError = { at, code: name, message };
  }

  summary(): Omit<CandidateStanding, 'breaker' | 'candidate' | 'inFlight' | 'upstream'> {
    return {
      attempts: this.#attempts,
      answered: this.#answered,
      errors: Object.fromEntries(this.#errors),
      refused: this.#refused,
      overBudget: this.#overBudget,
      latencyMs: quantiles(this.#latencies),
      firstPieceMs: quantiles(this.#firstPieces),
      costUsd: this.#costUsd,
      lastError: this.#lastError,
    };
  }
}

/** The least value that so large a share of all is not above. */
function quantiles(values: readonly number[]): { readonly p50: number; readonly p95: number } | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1];
  return { p50: at(0.5), p95: at(0.95) };
}
