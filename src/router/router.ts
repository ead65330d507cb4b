import type { Manifest } from '../artifact/manifest.ts';
import type { Decision } from '../decision.ts';
import type { DecisionLog, FeedbackInput } from '../log/decision-log.ts';
import type { PolicyOverrides } from '../policy/policy.ts';
import type { Predictions } from '../policy/predictions.ts';
import type { Request } from '../request.ts';
import type { Signals } from '../signals/signals.ts';

/** What one request may ask for: weights and limits, beside those of the router's policy, and signals of its own. */
export interface RouteOptions extends PolicyOverrides {
  /** Signals that the caller knows better, or that only the caller knows: tier, budgets, quality. */
  readonly signals?: Partial<Signals>;
  /**
   * Tokens at the beginning of the request that a candidate's provider has in its cache, by candidate: what it answered
   * before in the same conversation. They cost its `cachedInputPricePerMillionTokens`. @default none
   */
  readonly cachedTokens?: Readonly<Record<string, number>>;
  /** Whether the decision says how unlike the training prompts the request is. It takes some microseconds. @default false */
  readonly novelty?: boolean;
}

/** A trained router, loaded and ready. Routes from one thread; make one for each worker. */
export interface Router {
  /** What the artifact says of itself: candidates, policy, figures. */
  readonly manifest: Manifest;
  /** Where decisions go; undefined where they are not logged. */
  readonly log: DecisionLog | undefined;

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
