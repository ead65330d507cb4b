import { type Decision, InvalidInputError } from 'pointsman';
import {
  type ClientPool,
  type ClientPoolOptions,
  createClientPool,
  type ExecuteOptions,
  ExecutionError,
  type ExecutionResult,
  executePlan,
} from 'pointsman/execution';
import type { DecisionLog } from 'pointsman/log';
import type { CheckedConfig, ShadowRule } from '../config/schema.ts';
import type { ShadowAnswer } from '../rollups/open-rollups.ts';
import { type GatewayRequest, pricesOf } from '../upstreams/clients.ts';
import { drawShadow, ShadowChoice, type ShadowOption } from './choose-shadow.ts';
import { createModelJudge, type Judge, judgeBothWays, judgeCost } from './judge.ts';

/** A request that was answered, and may be asked of another candidate too. */
export interface AnsweredRequest {
  readonly request: GatewayRequest;
  readonly router: string;
  readonly keyId: string | null;
  readonly decision: Decision;
  /** Who answered. */
  readonly candidate: string;
  readonly answer: string;
  /** Who may be asked: those that the key may use, and that speak what the request came in; null for all. */
  readonly allowed: readonly string[] | null;
  /** Whether somebody has rated the answer by now. */
  readonly isRated: () => boolean;
}

/** Asks other candidates too, in the background, and has a judge rate both answers. */
export interface Shadow {
  /** Chooses whether, and whom. Never throws, and never waits. */
  offer(answered: AnsweredRequest): void;
  /** Takes nothing more, waits for what is under way, and gives up what takes longer. */
  close(graceMs?: number): Promise<void>;
}

interface ShadowOptions {
  readonly rule: ShadowRule;
  /** Of requests, 0 to 1. */
  readonly share: number;
  readonly budgetUsdPerDay: number;
  /** Calls at a time, and how many wait; more are left out. */
  readonly concurrent: number;
  readonly queued: number;
  /** Candidates that can be called. */
  readonly candidates: readonly string[];
  /** With bulkheads of its own, so that no request of a user waits for one of these. */
  readonly pool: ClientPool<GatewayRequest>;
  readonly execution: ExecuteOptions<GatewayRequest>;
  readonly judge: Judge;
  /** US dollars that the judge takes for so many characters, about. */
  readonly judgeCost: (characters: number) => number;
  readonly log: DecisionLog;
  readonly counted: (answer: ShadowAnswer) => void;
  readonly notes: {
    note(name: string, note: string): void;
    notes(name: string): readonly { readonly isOwn: boolean; readonly note: string }[];
    forget(name: string): void;
  };
  readonly onError: (error: unknown) => void;
  /** Uniform in [0, 1). @default Math.random */
  readonly random?: () => number;
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
}

/** Goes first into `policyPath` of what was asked beside. */
export const SHADOW = 'shadow';

const NOTE = 'shadow spent';
const GRACE_MS = 5_000;
/** Characters of an answer that is not there yet, for what the judge will take. */
const EXPECTED_CHARACTERS = 2_000;

interface Job extends AnsweredRequest {
  readonly option: ShadowOption;
  readonly propensity: number;
  readonly reservedUsd: number;
}

function createShadow(options: ShadowOptions): Shadow {
  const { clock = Date.now, log, notes, onError, random = Math.random } = options;
  const choice = new ShadowChoice(options.rule, options.share);
  const budget = new DayBudget(options.budgetUsdPerDay, notes, clock);
  const leaving = new AbortController();
  const waiting: Job[] = [];
  const running = new Set<Promise<void>>();
  let isClosed = false;

  const startNext = () => {
    while (running.size < options.concurrent) {
      const job = waiting.shift();
      if (job === undefined) return;
      const done: Promise<void> = run(job)
        .catch(onError)
        .finally(() => {
          running.delete(done);
          startNext();
        });
      running.add(done);
    }
  };
  const run = async (job: Job): Promise<void> => {
    const { answer, decision, keyId, option, request, router } = job;
    const { candidate } = option;
    let costUsd = 0;
    let judgeCostUsd = 0;
    let isAnswered = false;
    let preference: number | null = null;
    const id = log.decided(shadowDecision(job), request);
    try {
      const result = await executePlan(
        { plan: { kind: 'call', candidate }, fallback: [] },
        request,
        options.pool,
        {
          ...options.execution,
          signal: leaving.signal,
        },
      );
      isAnswered = true;
      costUsd = result.outcome.costUsd;
      log.outcome(id, outcomeOf(result, candidate, request));
      const { text } = result.answer;
      // In which order they stand first is drawn, too: it is the one that is asked about first.
      const ratings = await judgeBothWays(
        options.judge,
        { request, first: answer, second: text },
        leaving.signal,
      );
      judgeCostUsd = ratings.costUsd;
      preference = ratings.second > ratings.first ? 1 : ratings.second === ratings.first ? 0.5 : 0;
      log.feedback(id, { quality: ratings.second, candidate, source: 'judge' });
      // What a user says of it counts more.
      if (decision.id !== undefined && !job.isRated())
        log.feedback(decision.id, { quality: ratings.first, candidate: job.candidate, source: 'judge' });
    } catch (error) {
      if (isAnswered)
        judgeCostUsd = options.judgeCost(textLength(request) + answer.length + EXPECTED_CHARACTERS);
      else costUsd = costOfAttempts(error);
      if (!isAnswered) log.outcome(id, { candidate, ...failureOf(error, leaving.signal) });
      if (!leaving.signal.aborted) onError(error);
    } finally {
      budget.settle(job.reservedUsd, costUsd + judgeCostUsd);
      options.counted({ router, keyId, decision, candidate, isAnswered, costUsd, judgeCostUsd, preference });
    }
  };

  return {
    offer(answered) {
      try {
        if (isClosed || !canBeShadowed(answered)) return;
        const others = optionsOf(answered, options.candidates);
        const probabilities = choice.probabilities(others);
        const drawn = drawShadow(probabilities, random());
        if (drawn === null || waiting.length >= options.queued) return;
        const option = others[drawn];
        const characters = answered.answer.length + EXPECTED_CHARACTERS + textLength(answered.request);
        const reservedUsd = option.costUsd + options.judgeCost(characters);
        if (!budget.reserve(reservedUsd)) return;
        waiting.push({ ...answered, option, propensity: probabilities[drawn], reservedUsd });
        startNext();
      } catch (error) {
        onError(error);
      }
    },
    async close(graceMs = GRACE_MS) {
      isClosed = true;
      for (const { reservedUsd } of waiting.splice(0)) budget.settle(reservedUsd, 0);
      const timer = setTimeout(() => leaving.abort(), graceMs);
      await Promise.all(running);
      clearTimeout(timer);
    },
  };
}

/**
 * What the configuration says of it, in front of the clients of all candidates.
 *
 * @returns undefined where it says nothing.
 * @throws InvalidInputError where nobody is to judge.
 */
export function openShadow(
  { candidates, execution: { breaker }, shadow }: CheckedConfig,
  parts: Pick<ShadowOptions, 'counted' | 'execution' | 'log' | 'notes' | 'onError'> & {
    readonly clients: Parameters<typeof createClientPool<GatewayRequest>>[0];
    readonly judge: Judge | undefined;
  },
): Shadow | undefined {
  if (shadow === undefined) return undefined;
  const { clients, judge, ...rest } = parts;
  const { choose, deadlineMs, judge: model = '', ...amounts } = shadow;
  if (judge === undefined && model === '')
    throw new InvalidInputError(
      '`shadow.judge` must be the name of a candidate that rates answers. Give one, or `judge` to `createGateway`.',
    );
  const execution = { ...parts.execution, deadlineMs };
  // Both orders of a comparison are asked at once.
  const places = 2 * shadow.concurrent;
  const pool = createClientPool(clients, {
    ...(breaker === undefined ? {} : { breaker }),
    bulkhead: { concurrent: places, queued: places },
  } as ClientPoolOptions);
  return createShadow({
    ...rest,
    ...amounts,
    execution,
    pool,
    rule: choose,
    candidates: Object.keys(candidates),
    judge: judge ?? createModelJudge(model, pool, execution),
    judgeCost: (characters) => (judge === undefined ? judgeCost(pricesOf(candidates[model]), characters) : 0),
  });
}

/** What a tool is to do cannot be rated as words, and an answer of another candidate than was decided says nothing of the choice. */
function canBeShadowed({ answer, candidate, decision, request }: AnsweredRequest): boolean {
  const { n = 1, previous_response_id: previous } = request.parameters ?? {};
  const hasTools = (request.tools?.length ?? 0) > 0;
  return answer !== '' && candidate === decision.candidate && !hasTools && previous === undefined && n === 1;
}

type PricedOption = ShadowOption & { readonly costUsd: number };

/** Those within the limits of the request and of its key, whose cost is known: what nobody knows the price of cannot be kept within a budget. */
function optionsOf({ allowed, decision }: AnsweredRequest, callable: readonly string[]): PricedOption[] {
  const [chosen, ...others] = decision.predictions;
  return others.flatMap(({ candidate, differenceError, expectedCostUsd, removedBy, utility }) => {
    const isOut =
      removedBy !== undefined || !callable.includes(candidate) || allowed?.includes(candidate) === false;
    if (isOut || expectedCostUsd === null) return [];
    const difference = utility - chosen.utility;
    const isKnown = Number.isFinite(difference) && typeof differenceError === 'number';
    return [
      {
        candidate,
        difference,
        error: isKnown ? (differenceError as number) : null,
        costUsd: expectedCostUsd,
      },
    ];
  });
}

/** As a router would have made it, so that whoever learns from the log reads it like any other: another answer to the same prompt. */
function shadowDecision({ decision, option: { candidate }, propensity }: Job): Decision {
  const { id: _, predictions, propensities: __, ...rest } = decision;
  const own = predictions.find((prediction) => prediction.candidate === candidate) ?? predictions[0];
  const others = predictions.filter((prediction) => prediction !== own);
  return {
    ...rest,
    candidate,
    confidence: own.successProbability,
    predictions: [own, ...others],
    plan: { kind: 'call', candidate },
    fallback: [],
    propensity,
    policyPath: [SHADOW, ...decision.policyPath],
    reasons: [`${candidate} was asked beside ${decision.candidate}, for what its answer teaches.`],
  };
}

function outcomeOf({ answer, outcome }: ExecutionResult, candidate: string, request: GatewayRequest) {
  const { costSource, costUsd, finishReason, text, usage } = answer;
  return {
    candidate,
    costUsd,
    ...(costSource === undefined ? {} : { costSource }),
    latencyMs: outcome.latencyMs,
    inputTokens: usage?.inputTokens ?? null,
    outputTokens: usage?.outputTokens ?? null,
    answer: { text, finishReason, request },
  };
}

function textLength({ messages, text }: GatewayRequest): number {
  return messages === undefined ? (text?.length ?? 0) : JSON.stringify(messages).length;
}

/** Of what came to nothing, as far as it is known. */
function costOfAttempts(error: unknown): number {
  if (!(error instanceof ExecutionError)) return 0;
  return error.attempts.reduce((sum, { costUsd }) => sum + (costUsd ?? 0), 0);
}

/** Of what was given up with the gateway nobody knows what would have come. */
function failureOf(error: unknown, { aborted }: AbortSignal) {
  if (aborted) return { status: 'left', error: 'gateway_stopped' } as const;
  const { code } = error as { readonly code?: unknown };
  return { status: 'failed', error: typeof code === 'string' ? code : 'UNEXPECTED' } as const;
}

/** What may be spent a day, in UTC; remembered over restarts, and shared by gateways with the same notes. */
class DayBudget {
  readonly #most: number;
  readonly #notes: ShadowOptions['notes'];
  readonly #clock: () => number;
  #day = '';
  #spentUsd = 0;
  #reservedUsd = 0;

  constructor(most: number, notes: ShadowOptions['notes'], clock: () => number) {
    this.#most = most;
    this.#notes = notes;
    this.#clock = clock;
  }

  reserve(usd: number): boolean {
    const day = new Date(this.#clock()).toISOString().slice(0, 10);
    if (day !== this.#day) {
      this.#day = day;
      this.#spentUsd = 0;
      const isOver = ({ note }: { note: string }) => (JSON.parse(note) as { day: string }).day < day;
      if (this.#notes.notes(NOTE).every(isOver)) this.#notes.forget(NOTE);
    }
    if (this.#spentUsd + this.#reservedUsd + this.#spentByOthers() + usd > this.#most) return false;
    this.#reservedUsd += usd;
    this.#write();
    return true;
  }

  settle(reservedUsd: number, spentUsd: number): void {
    this.#reservedUsd -= reservedUsd;
    this.#spentUsd += spentUsd;
    this.#write();
  }

  #spentByOthers(): number {
    let spent = 0;
    for (const { isOwn, note } of this.#notes.notes(NOTE)) {
      const { day, usd } = JSON.parse(note) as { day: string; usd: number };
      if (!isOwn && day === this.#day) spent += usd;
    }
    return spent;
  }

  /** What is set aside counts as spent: of a process that is killed it may have been. */
  #write(): void {
    this.#notes.note(
      NOTE,
      JSON.stringify({ day: this.#day, usd: this.#spentUsd + Math.max(0, this.#reservedUsd) }),
    );
  }
}
