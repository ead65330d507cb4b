import { InvalidInputError } from '../errors.ts';
import type { Candidate, Modality, Prompt, Request } from '../request.ts';
import type { Signals } from '../signals/signals.ts';
import { countRequestTokens, type TokenCounter } from '../tokens.ts';
import type { Plan, Predictions } from './plan.ts';
import type { Limits, PolicySpec, SessionPolicySpec, UtilityWeights, WeightsName } from './spec.ts';
import type { Uncertainty } from './uncertainty.ts';

/** Predictions, what the request needs and what the caller asks for, to a plan. Immutable; decides at once. */
export interface Policy {
  readonly spec: PolicySpec;
  /** @throws NoCandidateError when no candidate is left and no limit may give way. */
  decide(context: PolicyContext): Plan;
}

/** A candidate with the means that utilities are measured against. */
export interface PolicyCandidate extends Candidate {
  readonly meanCostUsd: number | null;
  readonly meanLatencyMs: number | null;
  /** 95th percentile of the latency, in milliseconds, where the traffic says. */
  readonly p95LatencyMs?: number;
}

/** What a candidate must be able to take. */
export interface RequestNeeds {
  /** Estimated length of the whole request, in tokens. */
  readonly tokens: number;
  readonly modalities: readonly Modality[];
  /** Whether tools are offered. */
  readonly tools: boolean;
}

/** What one request may ask for, beside what the policy says. */
export interface PolicyOverrides {
  /** Replaces the weights of a `utility` policy, and of a `cascade` that has some. */
  readonly weights?: WeightsName | UtilityWeights;
  /** Added to the policy's own limits; of two, the tighter counts. */
  readonly limits?: Limits;
  /** Whether a limit that leaves no candidate is an error, and never gives way. @default that of the policy, or false */
  readonly strict?: boolean;
  /** The candidates that can be called, where not all can: others are out of choice, and no limit gives way for them. */
  readonly callable?: readonly string[];
  /** False: an `explore` policy takes its first choice, with probability 1. @default true */
  readonly explore?: boolean;
}

export interface PolicyContext {
  readonly predictions: Predictions;
  readonly needs: RequestNeeds;
  readonly overrides: PolicyOverrides;
  /** What can be seen of the request; computed at the first call, so that policies that do not look pay nothing. */
  signals(): Signals;
  /**
   * How far the request is from what the router was trained on: over 1 is out of distribution. Null where the
   * artifact does not say. Computed when asked, too.
   */
  novelty(): number | null;
  /** How unsure the predictions are; undefined where the artifact does not say, or was read without it. Likewise. */
  uncertainty(): Uncertainty | undefined;
  /** Of a request of a conversation: the plan that a `session` policy makes of the one inside it. */
  readonly stay?: ((spec: SessionPolicySpec, plan: Plan, context: PolicyContext) => Plan) | undefined;
  /** Uniform in [0, 1), for policies that explore. */
  random(): number;
}

/**
 * Where a candidate of this name is.
 *
 * @param field what names it, for the message.
 * @throws InvalidInputError when there is none.
 */
export function candidateIndex(
  candidates: readonly { readonly name: string }[],
  name: string,
  field: string,
): number {
  for (let c = 0; c < candidates.length; c++) if (candidates[c].name === name) return c;
  const known = candidates.map((candidate) => candidate.name).join(', ');
  throw new InvalidInputError(`\`${field}\` of policy must name candidates among ${known}. Got "${name}".`);
}

const NOTHING: readonly Modality[] = [];
const TEXT: readonly Modality[] = ['text'];

/** The counted tokens are wanted from this share of the smallest context window on; below, no estimate is so wrong. */
const CLOSE_TO_WINDOW = 0.2;

/**
 * What a candidate must be able to take: what the caller says, else read off the shape of the request.
 *
 * @param request undefined when there is an embedding alone.
 * @param estimated tokens of it, or the caller's; NaN where nobody needs to know.
 * @param count asked only close to a window's end.
 */
export function requestNeeds(
  prompt: Prompt,
  request: Request | undefined,
  estimated: number,
  given: Partial<Signals>,
  smallestWindow: number,
  count: TokenCounter | undefined,
): RequestNeeds {
  const characters = prompt.text.length + prompt.contextCharacters;
  let tokens = given.tokens ?? (Number.isNaN(estimated) ? 0 : estimated);
  const isClose = tokens > CLOSE_TO_WINDOW * smallestWindow;
  if (isClose && given.tokens === undefined && request !== undefined && count !== undefined) {
    tokens = countRequestTokens(request, count);
  }
  return {
    tokens,
    modalities: given.modalities ?? modalities(prompt, characters),
    tools: (given.tools ?? prompt.tools) > 0,
  };
}

function modalities(prompt: Prompt, characters: number): readonly Modality[] {
  const { images, audios, videos = 0, documents = 0 } = prompt;
  if (images + audios + videos + documents === 0) return characters > 0 ? TEXT : NOTHING;
  const needed: Modality[] = characters > 0 ? ['text'] : [];
  if (images > 0) needed.push('image');
  if (audios > 0) needed.push('audio');
  if (videos > 0) needed.push('video');
  if (documents > 0) needed.push('document');
  return needed;
}
