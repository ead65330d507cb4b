import type { Artifact } from '../artifact/artifact.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { smallest } from '../math/extremes.ts';
import type { Random } from '../math/random.ts';
import { readNovelty } from '../novelty.ts';
import type { PolicyContext } from '../policy/policy.ts';
import type { PolicyKit } from '../policy/policy-kit.ts';
import type { Predictions } from '../policy/predictions.ts';
import type { Prompt } from '../request/prompt-text.ts';
import type { Request } from '../request.ts';
import type { SeenSignals } from '../signals/read-signals.ts';
import type { Signals } from '../signals/signals.ts';
import type { Predictor } from './predictor.ts';
import { requestNeeds } from './request-needs.ts';
import type { CheckedOptions } from './route-options.ts';
import type { RouterOptions } from './router-options.ts';

/** Makes what a policy decides on. It must be used before the next request is looked at. */
type Contexts = (
  prompt: Prompt,
  request: Request | undefined,
  estimatedTokens: number,
  predictions: Predictions,
  options: CheckedOptions,
) => {
  readonly context: PolicyContext;
  /** The signals looked at until now, and those given. */
  readonly seen: () => Readonly<Partial<Signals>>;
};

/** @param features where the features of the request at hand are, `[features.length]`. */
export function createContexts(
  artifact: Artifact,
  { classifyTask }: Predictor,
  features: Float32Array,
  options: RouterOptions,
): Contexts {
  const { candidates, novelty } = artifact.manifest;
  const names = candidates.map((candidate) => candidate.name);
  const smallestWindow = smallest(candidates.map((candidate) => candidate.contextWindowTokens ?? Infinity));
  const noveltyOf =
    novelty === undefined ? undefined : readNovelty(novelty, features.length, artifact.file(novelty.file));
  let random: Random | undefined;
  const { countTokens, policies } = options;
  const nextRandom = () => {
    random ??= kitOf(policies).createRandom(options.seed ?? crypto.getRandomValues(new Int32Array(1))[0]);
    return random.next();
  };

  return (prompt, request, estimatedTokens, predictions, { overrides, signals: given }) => {
    const needs = requestNeeds(prompt, request, estimatedTokens, given, smallestWindow, countTokens);
    let signals: SeenSignals | undefined;
    const readOnce = () => {
      signals ??= kitOf(policies).readSignals(
        {
          request,
          prompt,
          modalities: needs.modalities,
          success: predictions.success,
          classifyTask: classifyTask === undefined ? undefined : () => classifyTask(features),
          candidates: names,
        },
        options,
        given,
      );
      return signals;
    };
    return {
      context: {
        predictions,
        needs,
        overrides,
        signals: readOnce,
        novelty: () => noveltyOf?.(features) ?? null,
        random: nextRandom,
      },
      seen: () => signals?.seen ?? given,
    };
  };
}

/** Basic policies look at no signals and draw nothing, and those that do bring along what it takes. */
function kitOf(policies: PolicyKit | undefined): PolicyKit {
  if (policies !== undefined) return policies;
  throw new InvalidInputError('Signals and exploration need { policies } of "pointsman/policy".');
}
