import { type Decision, type PlanStep, readPrompt } from 'pointsman';
import type { ExpectedUse } from '../keys/guard.ts';
import type { Target } from '../routing/routers.ts';
import type { GatewayRequest } from '../upstreams/clients.ts';
import type { GatewayParts } from './parts.ts';

/** What a request is expected to cost, by the prices that its answer will be settled with. */
export interface Pricing {
  /** A decision whose expected costs are by the prices of the configuration, where it gives them; else the router's. */
  priced(decision: Decision): Decision;
  /** What is to be set aside for it: as many output tokens as the request allows, where it says how many. */
  use(decision: Decision): ExpectedUse;
}

/** Output tokens of an answer whose length nobody bounds and no router knows. */
const UNKNOWN_OUTPUT_TOKENS = 1000;

/** @param inputTokens as `estimatedTokens` counts them. */
export function pricingOf(
  { config, routers, speakers }: Pick<GatewayParts, 'config' | 'routers' | 'speakers'>,
  target: Target,
  request: GatewayRequest,
  inputTokens: number,
): Pricing {
  const names = [routers.defaultName, ...routers.names].filter((name) => name !== undefined);
  const known =
    target.kind === 'router'
      ? target.router.manifest.candidates
      : names.flatMap((name) => routers.get(name)?.manifest.candidates ?? []);
  const { answers, bound } = lengthOf(request);
  const translated = new Set(answers === 1 ? [] : speakers[request.protocol ?? 'openai-chat'].translated);
  /** Whoever is asked once for each of several answers reads the request as often. */
  const readTokens = (candidate: string) => inputTokens * (translated.has(candidate) ? answers : 1);

  /** Output tokens that a router reckoned with, which only what it says of costs shows. */
  const reckonedTokens = (candidate: string, expectedCostUsd: number | null): number => {
    const prices = known.find(({ name }) => name === candidate);
    const { inputPricePerMillionTokens: input = 0, outputPricePerMillionTokens: output = 0 } = prices ?? {};
    const paidFor = ((expectedCostUsd ?? 0) * 1e6 - input * inputTokens) / output;
    // Of short answers nothing is left where a router counts fewer input tokens than are counted here.
    const tokens = Math.max(Number.isFinite(paidFor) ? paidFor : 0, prices?.tokens?.meanOutput ?? 0);
    return tokens > 0 && Number.isFinite(tokens) ? tokens : UNKNOWN_OUTPUT_TOKENS;
  };
  /** US dollars by the prices of the configuration; what the router says where it gives none. */
  const costOf = (
    { candidate, expectedCostUsd }: Decision['predictions'][number],
    outputTokens: (reckoned: number) => number,
  ): number | null => {
    const { inputPricePerMillionTokens: input, outputPricePerMillionTokens: output } =
      config.candidates[candidate] ?? {};
    if (input === undefined || output === undefined) return expectedCostUsd;
    const written = outputTokens(reckonedTokens(candidate, expectedCostUsd)) * answers;
    return (input * readTokens(candidate) + output * written) / 1e6;
  };
  const asDecided = new WeakMap<Decision, Decision>();
  return {
    priced(decision) {
      const tokens = (reckoned: number) => Math.min(reckoned, bound ?? reckoned);
      const atOwnPrices = (prediction: Decision['predictions'][number]) => ({
        ...prediction,
        expectedCostUsd: costOf(prediction, tokens),
      });
      const [first, ...others] = decision.predictions;
      const predictions = [atOwnPrices(first), ...others.map(atOwnPrices)] as const;
      const priced: Decision = { ...decision, predictions };
      asDecided.set(priced, decision);
      return priced;
    },
    use(decision) {
      // What a router reckoned with can be read from its own costs alone.
      const own = asDecided.get(decision) ?? decision;
      const costUsd = plannedCost(own.plan, (candidate) => {
        const prediction = own.predictions.find((each) => each.candidate === candidate);
        return prediction === undefined ? null : costOf(prediction, (reckoned) => bound ?? reckoned);
      });
      return { candidate: decision.candidate, costUsd, inputTokens: readTokens(decision.candidate) };
    },
  };
}

/** Tokens that one answer may have, null where nobody says, and how many answers are asked for. */
function lengthOf({ parameters = {} }: GatewayRequest): { bound: number | null; answers: number } {
  const { max_completion_tokens: chat, max_output_tokens: responses, max_tokens: old, n } = parameters;
  const bound = Number(chat ?? responses ?? old);
  return {
    bound: bound > 0 && Number.isFinite(bound) ? bound : null,
    answers: typeof n === 'number' && n > 1 && Number.isFinite(n) ? n : 1,
  };
}

/** Four characters a token, and some hundred tokens a picture: to be set aside, and settled by what upstreams count. */
export function estimatedTokens(request: GatewayRequest): number {
  const { contextCharacters, images, text } = readPrompt(request);
  return Math.ceil((text.length + contextCharacters) / 4) + 765 * images;
}

/** US dollars of every call of a plan together, though not all of them may come to be; null where one is not known. */
function plannedCost(plan: PlanStep, costOf: (candidate: string) => number | null): number | null {
  const sum = (parts: readonly (number | null)[]) =>
    parts.reduce<number | null>((total, part) => (total === null || part === null ? null : total + part), 0);
  const costOfStep = (step: PlanStep): number | null => {
    switch (step.kind) {
      case 'call':
        return costOf(step.candidate);
      case 'sequence':
        return sum(step.steps.map((inner) => costOfStep(inner.step)));
      case 'parallel': {
        const judge = step.combine.kind === 'judge' ? [costOf(step.combine.judge)] : [];
        return sum([...step.members.map(costOfStep), ...judge]);
      }
      case 'hedge':
        return sum([costOfStep(step.fast), costOfStep(step.slow)]);
      case 'tool':
        return sum(
          [step.before, step.after, step.otherwise].filter((inner) => inner !== null).map(costOfStep),
        );
    }
  };
  return costOfStep(plan);
}
