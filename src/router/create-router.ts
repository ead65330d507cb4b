import type { Artifact } from '../artifact/artifact.ts';
import { createDecision } from '../decision/create-decision.ts';
import type { Decision } from '../decision.ts';
import type { Embedder, SyncEmbedder } from '../embedder/embedder.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { readFeatures } from '../features/read-features.ts';
import { allFinite } from '../math/all-finite.ts';
import type { Plan } from '../policy/plan.ts';
import type { PolicyKit } from '../policy/policy-kit.ts';
import type { Predictions } from '../policy/predictions.ts';
import { countRequestTokens } from '../request/count-request-tokens.ts';
import { type Prompt, readPrompt } from '../request/prompt-text.ts';
import type { Request } from '../request.ts';
import { checkPrompt, checkRequest } from './check-request.ts';
import { chooseEmbedder } from './choose-embedder.ts';
import { choosePolicy } from './choose-policy.ts';
import { createContexts } from './create-contexts.ts';
import { type RequestSize, UNKNOWN_SIZE } from './expected-amounts.ts';
import { createPredictor } from './predictor.ts';
import { type CheckedOptions, checkRouteOptions } from './route-options.ts';
import type { Router } from './router.ts';
import type { RouterOptions } from './router-options.ts';

/**
 * Makes a router of an artifact. Everything that can be wrong with it is found here, and not at the first request.
 *
 * @throws ArtifactError when its parts do not fit together.
 * @throws InvalidInputError when an option does not fit the artifact.
 * @example
 * const router = createRouter(await readArtifact(memoryFiles(files)));
 */
export function createRouter(artifact: Artifact, options: RouterOptions = {}): Router {
  const { manifest } = artifact;
  const { log } = options;
  const names = manifest.candidates.map((candidate) => candidate.name);
  const dimensions = manifest.embedder.dimensions;
  const readsText = manifest.features.blocks.some((block) => block.kind !== 'embedding');
  const extractor = readFeatures(manifest.features, (path) => artifact.file(path));
  const predictor = createPredictor(artifact);
  const policy = choosePolicy(artifact, options);
  const embedder = chooseEmbedder(artifact, options.embedder);
  const vector = new Float32Array(dimensions);
  const features = new Float32Array(extractor.length);
  const contexts = createContexts(artifact, predictor, features, options);

  const predictPrompt = (prompt: Prompt, size: RequestSize) => {
    extractor.extractInto(prompt, vector, features);
    return predictor.predict(features, size);
  };
  const countsTokens =
    predictor.readsSize ||
    manifest.candidates.some(({ contextWindowTokens }) => contextWindowTokens !== undefined);
  const sizeOf = (request: Request | undefined, checked?: CheckedOptions): RequestSize => {
    if (!countsTokens || request === undefined) return UNKNOWN_SIZE;
    const tokens = checked?.signals.tokens ?? countRequestTokens(request);
    return { tokens, cachedTokens: checked?.cachedTokens };
  };
  /** Leaves the vector of the prompt in `vector`. Nothing may be awaited between this and its use. */
  const setVector = (embedding: ArrayLike<number>) => {
    if (embedding?.length !== dimensions) {
      throw new InvalidInputError(
        `The embedding must be ${dimensions} numbers. Got ${embedding?.length ?? 'nothing'}. Use ` +
          `the embedder "${manifest.embedder.id}".`,
      );
    }
    vector.set(embedding);
  };
  const promptOf = (request: Request | undefined): Prompt => {
    if (request === undefined && !readsText) return NO_PROMPT;
    checkRequest(request);
    return readPrompt(request);
  };
  const promptToEmbed = (request: Request): Prompt => {
    checkRequest(request);
    const prompt = readPrompt(request);
    checkPrompt(prompt);
    return prompt;
  };
  /** Of no words some embedders make a mean of nothing. A picture alone is a request all the same. */
  const clearIfBlank = ({ text }: Prompt) => {
    if (text.trim() === '' && !allFinite(vector)) vector.fill(0);
  };
  /** @returns the decision, or the plan to ask another router. */
  const decide = (
    prompt: Prompt,
    request: Request | undefined,
    checked: CheckedOptions,
    started: number,
  ): { readonly decision: Decision } | { readonly decision: undefined; readonly plan: Plan } => {
    const size = sizeOf(request, checked);
    const predictions = predictPrompt(prompt, size);
    const { context, seen } = contexts(prompt, request, size.tokens, predictions, checked);
    const plan = policy.decide(context);
    if (plan.router !== undefined) return { decision: undefined, plan };
    const routerMs = performance.now() - started;
    const decision = createDecision(names, plan, predictions, seen(), manifest.id, routerMs);
    return { decision: checked.novelty ? { ...decision, novelty: context.novelty() } : decision };
  };

  /** Gives it an id, if the router that it was handed over to has not. */
  const logged = (decision: Decision, request: Request | undefined, embedding?: Float32Array): Decision =>
    log === undefined || decision.id !== undefined
      ? decision
      : { id: log.decided(decision, request, embedding), ...decision };

  // Whoever can make a plan that names a router brings it along.
  const handOverWith: PolicyKit['handOver'] = (...given) => options.policies!.handOver(...given);

  return {
    manifest,
    log,
    async route(request, routeOptions) {
      const started = performance.now();
      const prompt = promptToEmbed(request);
      const checked = checkRouteOptions(routeOptions);
      if (isSync(embedder)) embedder.embedInto(prompt.text, vector);
      else setVector((await embedder.embed([prompt.text]))[0]);
      clearIfBlank(prompt);
      const result = decide(prompt, request, checked, started);
      if (result.decision !== undefined) return logged(result.decision, request, vector);
      const { plan } = result;
      const decision = await handOverWith(plan, options.routers, routeOptions, started, (router, handed) =>
        router.route(request, handed),
      );
      // The vector may be another request's by now.
      return logged(decision, request);
    },
    routeEmbedding(embedding, request, routeOptions) {
      const started = performance.now();
      const prompt = promptOf(request);
      const checked = checkRouteOptions(routeOptions);
      setVector(embedding);
      const result = decide(prompt, request, checked, started);
      if (result.decision !== undefined) return logged(result.decision, request, vector);
      const { plan } = result;
      const decision = handOverWith(plan, options.routers, routeOptions, started, (router, handed) => {
        checkSameEmbedder(router, manifest.embedder.id, plan.router);
        return router.routeEmbedding(embedding, request, handed);
      });
      return logged(decision, request, vector);
    },
    async predict(request) {
      const prompt = promptToEmbed(request);
      if (isSync(embedder)) embedder.embedInto(prompt.text, vector);
      else setVector((await embedder.embed([prompt.text]))[0]);
      clearIfBlank(prompt);
      return copyOf(predictPrompt(prompt, sizeOf(request)));
    },
    predictEmbedding(embedding, request) {
      const prompt = promptOf(request);
      setVector(embedding);
      return copyOf(predictPrompt(prompt, sizeOf(request)));
    },
    feedback(decisionId, feedback) {
      if (log === undefined) {
        throw new InvalidInputError(
          '`log` of router must be given, or there is nowhere to keep feedback. Got nothing. Pass { log } of ' +
            '"pointsman/log".',
        );
      }
      // An id that is missing is refused like any other that is none.
      log.feedback(decisionId as string, feedback);
    },
    async close() {
      await log?.flush();
    },
  };
}

const NO_PROMPT = readPrompt({ text: '' });

function checkSameEmbedder({ manifest }: Router, id: string, name: string | undefined): void {
  if (manifest.embedder.id === id) return;
  throw new InvalidInputError(
    `An embedding of "${id}" cannot be handed to the router "${name}", which was trained with ` +
      `"${manifest.embedder.id}". Use \`route\` instead.`,
  );
}

function isSync(embedder: Embedder): embedder is SyncEmbedder {
  return 'embedInto' in embedder;
}

function copyOf(predictions: Required<Predictions>): Predictions {
  return {
    choice: predictions.choice.slice(),
    success: predictions.success.slice(),
    costUsd: predictions.costUsd.slice(),
    latencyMs: predictions.latencyMs.slice(),
    outputTokens: predictions.outputTokens.slice(),
  };
}
