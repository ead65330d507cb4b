import * as v from 'valibot';
import type { Manifest } from '../artifact/manifest.ts';
import type { Artifact } from '../artifact/read-artifact.ts';
import type { Embedder } from '../embedder/embedder.ts';
import { InvalidInputError } from '../errors.ts';
import type { DecisionLog, FeedbackInput } from '../log/record.ts';
import { mergeLimits } from '../policy/limit-filter.ts';
import type { Decision, Predictions } from '../policy/plan.ts';
import type { CompileExpression, PolicyContext, PolicyOverrides } from '../policy/policy.ts';
import { type Limits, limitsSchema, type PolicySpec, weightsSchema } from '../policy/spec.ts';
import type { Prompt, Request } from '../request.ts';
import { type QualityRequirement, SIGNALS, type SignalSources, type Signals } from '../signals/signals.ts';
import { amount, record, strictObject, validate } from '../validate.ts';

/** A trained router, loaded and ready. Routes from one thread; make one for each worker. */
export interface Router {
  /** What the artifact says of itself: candidates, policy, figures. */
  readonly manifest: Manifest;
  /** Where decisions go; undefined where they are not logged. */
  readonly log: DecisionLog | undefined;

  /** What it was made of. */
  readonly artifact: Artifact;
  /** Routers that it hands over to, by name. */
  readonly routers: RouterOptions['routers'];

  /**
   * Decides which candidate takes a request. What is said in it never makes it throw: any Unicode, any length.
   *
   * @throws InvalidInputError when the request or an option is not of its type, nothing to answer is found in its messages,
   * or the embedder gave no vector.
   * @throws NoCandidateError when limits leave no candidate and may not give way; it says which is nearest.
   * @example
   * const decision = await router.route({ text: 'What is 17 * 23?' }, { limits: { maxCostUsd: 0.01 } });
   */
  route(request: Request, options?: RouteOptions): Promise<Decision>;

  /**
   * The same at once, when the embedding is there already: a cache, a batch, a vector store.
   *
   * @param embedding what the router's embedder gives for the prompt, `[embedder.dimensions]`.
   * @param request may be left out when the features are the embedding alone.
   */
  routeEmbedding(embedding: ArrayLike<number>, request?: Request, options?: RouteOptions): Decision;

  /** What the heads say, before any policy. Arrays in the order of `manifest.candidates`. */
  predict(request: Request): Promise<Predictions>;

  /** {@link predict} at once, as {@link routeEmbedding} is to {@link route}. */
  predictEmbedding(embedding: ArrayLike<number>, request?: Request): Predictions;

  /**
   * Says how good the answer was, whenever that is known, in this process or another.
   *
   * @param decisionId `id` of the decision.
   * @throws InvalidInputError when the router has no log, or the feedback is not of its type.
   * @example
   * router.feedback(decision.id, { quality: thumbsUp ? 1 : 0, source: 'user' });
   */
  feedback(decisionId: string | undefined, feedback: FeedbackInput): void;

  /** Resolves when what was logged is written. Of `loadRouter` with `watch`, also stops watching. */
  close(): Promise<void>;
}

/** What one request may ask for: weights and limits, beside those of the router's policy, and signals of its own. */
export interface RouteOptions extends PolicyOverrides {
  /** Signals that the caller knows better, or that only the caller knows: tier, budgets, quality. */
  readonly signals?: Partial<Signals>;
  /**
   * Tokens at the beginning of the request that a candidate's provider has in its cache, by candidate: what it answered
   * before in the same conversation. They cost its `cachedInputPricePerMillionTokens`. @default none
   */
  readonly cachedTokens?: Readonly<Record<string, number>>;
  /**
   * That the request is a turn of a conversation, and what came of those before; `{}` is enough for the first. The last thing that the user
   * asked is then decided on, all else counts as context; signals say where the conversation stands; what candidates have in
   * their caches is worked out, unless `cachedTokens` says it; and a `session` policy stays where leaving does not pay. Of `route` alone.
   */
  readonly conversation?: Conversation;
  /** Whether the decision says how unlike the training prompts the request is. It takes some microseconds. @default false */
  readonly novelty?: boolean;
  /**
   * Whether to say how unsure each prediction is, of a router that was loaded with `uncertainty`. It takes about as long as the rest
   * of a decision. @default false
   */
  readonly uncertainty?: boolean;
}

/** What a caller knows of a conversation. Plain data: it can be kept anywhere. */
export interface Conversation {
  /** Who answered until now, oldest first; some tens of the newest are enough. @default nobody has */
  readonly turns?: readonly ConversationTurn[];
  /** Tokens of it that are not in this request, such as those behind a `previous_response_id`. @default 0 */
  readonly tokens?: number;
  /** Milliseconds that providers keep a prefix in their cache. @default 300000 */
  readonly cacheTtlMs?: number;
}

/** One answer of a conversation. */
export interface ConversationTurn {
  readonly candidate: string;
  /** Milliseconds since it was there. */
  readonly ageMs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of the input, what its provider says that it had in its cache; null where it says nothing. @default null */
  readonly cachedTokens?: number | null;
}

/** What a router is made with, beside its artifact. */
export interface RouterOptions extends SignalSources {
  /** The embedder that the router was trained with. @default the static one that the artifact carries */
  readonly embedder?: Embedder;
  /** How to choose. @default the policy in the manifest */
  readonly policy?: PolicySpec;
  /**
   * Reads the expressions of a `rules` policy: `await loadCel()`.
   * @default what came along with the artifact, when its own policy has rules; `loadRouter` loads it for `policy` too
   */
  readonly compile?: CompileExpression;
  /** Routers that a `router` policy hands over to, by name. @default {} */
  readonly routers?: Readonly<Record<string, Router>>;
  /** Seed of what an `explore` policy draws. @default drawn at start, so that two processes explore differently */
  readonly seed?: number;
  /** Takes down every decision: `createDecisionLog` of `pointsman/log`. Routing never waits for it. @default none */
  readonly log?: DecisionLog;
}

/**
 * Whether a request has the types that it must have; of its content nothing is asked.
 *
 * @throws InvalidInputError naming the field.
 */
export function checkRequest(request: unknown): asserts request is Request {
  if (request === null || typeof request !== 'object' || Array.isArray(request)) {
    throw wrong('The request', 'an object with `text` or `messages`', request);
  }
  const { text, messages, tools } = request as Record<string, unknown>;
  if (text === undefined && messages === undefined) {
    throw wrong('The request', 'an object with `text` or `messages`', 'neither');
  }
  if (text !== undefined && typeof text !== 'string') throw wrong('`text` of request', 'text', text);
  if (tools !== undefined && tools !== null && !Array.isArray(tools)) {
    throw wrong('`tools` of request', 'a list', tools);
  }
  if (messages === undefined) return;
  if (!Array.isArray(messages)) throw wrong('`messages` of request', 'a list', messages);
  for (let i = 0; i < messages.length; i++) {
    const message: unknown = messages[i];
    if (message === null || typeof message !== 'object') {
      throw wrong(`\`messages[${i}]\` of request`, 'an object with `role` and `content`', message);
    }
  }
}

function wrong(field: string, expected: string, got: unknown): InvalidInputError {
  const shown = got === null || got === 'neither' ? String(got) : `a value of type ${typeof got}`;
  return new InvalidInputError(`${field} must be ${expected}. Got ${shown}.`);
}

/**
 * Refuses messages in which there is nothing to answer: they are of a shape that is not read, more often than empty. A
 * `text` may be empty.
 *
 * @throws InvalidInputError
 */
export function checkPrompt({ isEmpty, turns }: Prompt): void {
  if (isEmpty !== true) return;
  const got = turns === 0 ? '[]' : `${turns} without any. Look at their \`content\``;
  throw new InvalidInputError(
    `\`messages\` of request must not be empty: they must have words, or pictures, sounds, videos or documents. Got ${got}.`,
  );
}

/** Route options, checked: what policies may look at, and the signals that the caller set. */
export interface CheckedOptions {
  readonly overrides: PolicyOverrides;
  readonly signals: Partial<Signals>;
  readonly cachedTokens?: RouteOptions['cachedTokens'];
  readonly novelty?: boolean | undefined;
  readonly uncertainty?: boolean | undefined;
  readonly stay?: PolicyContext['stay'] | undefined;
}

/** @throws InvalidInputError naming the field. */
export function checkRouteOptions(options: RouteOptions | undefined): CheckedOptions {
  if (options === undefined) return NOTHING;
  const checked = validate<RouteOptions>(routeOptionsSchema, options, 'route options');
  const { limits, signals = {} } = checked;
  return {
    ...checked,
    signals,
    overrides: { ...checked, limits: mergeLimits(signalLimits(signals), limits) },
  };
}

const NOTHING: CheckedOptions = { overrides: {}, signals: {} };

/** Any of the signals. */
const signalsSchema = strictObject(
  Object.fromEntries(Object.entries(SIGNALS).map(([name, { schema }]) => [name, v.exactOptional(schema)])),
);

const routeOptionsSchema = strictObject({
  weights: v.exactOptional(weightsSchema),
  limits: v.exactOptional(limitsSchema),
  strict: v.exactOptional(v.boolean()),
  callable: v.exactOptional(v.array(v.string())),
  explore: v.exactOptional(v.boolean()),
  signals: v.exactOptional(signalsSchema),
  cachedTokens: v.exactOptional(record(amount)),
  novelty: v.exactOptional(v.boolean()),
  uncertainty: v.exactOptional(v.boolean()),
});

/** Budgets and requirement of the caller, as limits. */
function signalLimits(signals: Partial<Signals>): Limits {
  const { latencyBudgetMs, costBudgetUsd, quality = 'standard' } = signals;
  return {
    maxLatencyMs: latencyBudgetMs ?? Infinity,
    maxCostUsd: costBudgetUsd ?? Infinity,
    minSuccessProbability: QUALITY_FLOORS[quality],
  };
}

/** The success probability that each requirement asks for. */
const QUALITY_FLOORS: Readonly<Record<QualityRequirement, number>> = {
  draft: 0,
  standard: 0,
  high: 0.7,
  production: 0.85,
};
