import type { Artifact } from '../artifact/read-artifact.ts';
import type { Embedder, SyncEmbedder } from '../embedder/embedder.ts';
import { embedderSource } from '../embedder/embedders.ts';
import { ArtifactError, InvalidInputError } from '../errors.ts';
import { readFeatures, readNovelty } from '../features/features.ts';
import { allFinite, type Random, smallest } from '../math.ts';
import type { PolicyKit } from '../policy/kinds/create-policy.ts';
import type { Plan, Predictions } from '../policy/plan.ts';
import { createDecision, type Decision } from '../policy/plan.ts';
import {
  noUncertainty,
  type Policy,
  type PolicyContext,
  type PolicyOptions,
  requestNeeds,
} from '../policy/policy.ts';
import type { Uncertainty } from '../policy/uncertainty.ts';
import { type Prompt, type Request, readPrompt } from '../request.ts';
import type { SeenSignals } from '../signals/read-signals.ts';
import type { Signals } from '../signals/signals.ts';
import { countRequestTokens } from '../tokens.ts';
import { createPredictor, type Predictor, type RequestSize, UNKNOWN_SIZE } from './predictor.ts';
import {
  type CheckedOptions,
  checkPrompt,
  checkRequest,
  checkRouteOptions,
  type Router,
  type RouterOptions,
} from './router.ts';

/**
 * Makes a router of an artifact. Everything that can be wrong with it is found here, and not at the first request.
 *
 * @param kit the kinds of policy that it may have, and what they need.
 * @throws ArtifactError when its parts do not fit together.
 * @throws InvalidInputError when an option does not fit the artifact.
 */
export function assembleRouter(artifact: Artifact, options: RouterOptions, kit: PolicyKit): Router {
  const { manifest } = artifact;
  const { log } = options;
  const { candidates } = manifest;
  const names = candidates.map((candidate) => candidate.name);
  const dimensions = manifest.embedder.dimensions;
  const readsText = manifest.features.blocks.some((block) => block.kind !== 'embedding');
  const extractor = readFeatures(manifest.features, (path) => artifact.file(path));
  const predictor = createPredictor(artifact);
  const policy = choosePolicy(artifact, options, kit);
  const embedder = chooseEmbedder(artifact, options.embedder);
  const vector = new Float32Array(dimensions);
  const features = new Float32Array(extractor.length);
  const { novelty } = manifest;
  const noveltyOf = novelty && readNovelty(novelty, extractor.length, artifact.file(novelty.file));
  const contexts = createContexts(
    artifact,
    predictor,
    features,
    () => noveltyOf?.(features) ?? null,
    options,
    kit,
  );

  const predictPrompt = (prompt: Prompt, size: RequestSize, task?: string) => {
    extractor.extractInto(prompt, vector, features);
    return predictor.predict(features, size, task);
  };
  /** All that the heads say, copied, since the next request overwrites it. */
  const predictAll = (prompt: Prompt, request: Request | undefined): Predictions => {
    const { choice, costUsd, latencyMs, outputTokens, success } = predictPrompt(prompt, sizeOf(request));
    const tasks = predictor.classifyTask?.(features).posterior?.slice();
    return {
      choice: choice.slice(),
      success: success.slice(),
      costUsd: costUsd.slice(),
      latencyMs: latencyMs.slice(),
      outputTokens: outputTokens.slice(),
      ...(tasks && { tasks }),
      novelty: noveltyOf?.(features) ?? null,
    };
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
    const { task } = checked.signals;
    const predictions = predictPrompt(prompt, size, task);
    const { context, seen } = contexts(prompt, request, size.tokens, predictions, checked);
    const plan = policy.decide(context);
    if (plan.router !== undefined) return { decision: undefined, plan };
    const uncertainty = checked.uncertainty ? toldUncertainty(artifact, context) : undefined;
    const routerMs = performance.now() - started;
    const explained = task === undefined ? plan : withTask(plan, task, predictor);
    const decision = createDecision(
      names,
      explained,
      predictions,
      seen(),
      manifest.id,
      routerMs,
      uncertainty,
    );
    return { decision: checked.novelty ? { ...decision, novelty: context.novelty() } : decision };
  };

  /** Gives it an id, if the router that it was handed over to has not. */
  const logged = (decision: Decision, request: Request | undefined, embedding?: Float32Array): Decision =>
    log === undefined || decision.id !== undefined
      ? decision
      : { id: log.decided(decision, request, embedding), ...decision };

  let conversations: typeof import('./conversation.ts') | undefined;
  // Whoever can make a plan that names a router brings it along.
  const handOverWith: NonNullable<PolicyKit['handOver']> = (...given) => present(kit.handOver)(...given);

  return {
    manifest,
    log,
    artifact,
    routers: options.routers,
    async route(request, routeOptions) {
      const started = performance.now();
      if (routeOptions?.conversation) conversations ??= await import('./conversation.ts');
      const turn = routeOptions?.conversation && conversations?.readTurn(request, routeOptions, candidates);
      const asked = turn?.request ?? request;
      const prompt = promptToEmbed(asked);
      const checked = { ...checkRouteOptions(turn?.options ?? routeOptions), stay: turn?.stay };
      if (isSync(embedder)) embedder.embedInto(prompt.text, vector);
      else setVector((await embedder.embed([prompt.text]))[0]);
      clearIfBlank(prompt);
      const result = decide(prompt, asked, checked, started);
      if (result.decision !== undefined) return logged(result.decision, asked, vector);
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
      return predictAll(prompt, request);
    },
    predictEmbedding(embedding, request) {
      const prompt = promptOf(request);
      setVector(embedding);
      return predictAll(prompt, request);
    },
    feedback(decisionId, feedback) {
      if (log === undefined) {
        throw new InvalidInputError(
          '`log` of router must be given, or there is nowhere to keep feedback. Pass { log } of ' +
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

/** @returns null where the artifact does not know */
function toldUncertainty({ manifest }: Artifact, context: PolicyContext): Uncertainty | null {
  if (manifest.uncertainty === undefined) return null;
  return context.uncertainty() ?? noUncertainty('uncertainty', 'route options');
}

const NO_PROMPT = readPrompt({ text: '' });

/** Says whether the caller's word on the task made a difference, where it can make one. */
function withTask(plan: Plan, task: string, { isLearned }: Predictor): Plan {
  if (isLearned === undefined) return plan;
  const note = isLearned(task)
    ? `The task was given, "${task}", and not read from the prompt.`
    : `The task that was given, "${task}", is none that the router has learned: what is expected is read from the prompt alone.`;
  return { ...plan, reasons: [...plan.reasons, note] };
}

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

/**
 * The embedder that an artifact was trained with: the given one, or the one that it carries.
 *
 * @throws InvalidInputError when there is none, or the given one is another than it was trained with.
 */
function chooseEmbedder(artifact: Artifact, given: Embedder | undefined): Embedder {
  const { id, kind, dimensions, table } = artifact.manifest.embedder;
  if (given !== undefined) {
    if (given.id === id && given.dimensions === dimensions) return given;
    throw new InvalidInputError(
      `\`embedder\` of router must be the one it was trained with, "${id}" of ${dimensions} dimensions. ` +
        `Got "${given.id}" of ${given.dimensions}. Pass that one, or train with it.`,
    );
  }
  const { read } = embedderSource(kind);
  if (read === undefined || table === undefined) {
    throw new InvalidInputError(
      `\`embedder\` of router must be given: it was trained with the ${kind} embedder "${id}", which the artifact ` +
        'does not carry. Make it, and pass it as { embedder }.',
    );
  }
  const embedder = read(artifact.file(table), artifact.simd);
  if (embedder.id === id && embedder.dimensions === dimensions) return embedder;
  throw new ArtifactError(
    `${table} must hold the embedder "${id}" of ${dimensions} dimensions. Got "${embedder.id}" of ` +
      `${embedder.dimensions}. Export the artifact again.`,
  );
}

/**
 * The policy given, or that of the manifest.
 *
 * @throws InvalidInputError for the one, ArtifactError for the other.
 */
function choosePolicy(artifact: Artifact, options: RouterOptions, kit: PolicyKit): Policy {
  const { manifest } = artifact;
  const { compile = artifact.compile } = options;
  const policyOptions: PolicyOptions = {
    routers: Object.keys(options.routers ?? {}),
    answer: manifest.answer ?? null,
    ...(compile && { compile }),
    uncertainty: artifact.uncertainty !== undefined,
  };
  const { candidates } = manifest;
  const make = (spec: unknown) => kit.create(spec, candidates, policyOptions);
  if (options.policy !== undefined) return make(options.policy);
  try {
    return make(manifest.policy);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ArtifactError(`\`policy\` of manifest.json cannot be used: ${reason}`, { cause });
  }
}

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
function createContexts(
  artifact: Artifact,
  { calibration, classifyTask }: Predictor,
  features: Float32Array,
  novelty: PolicyContext['novelty'],
  options: RouterOptions,
  kit: PolicyKit,
): Contexts {
  const { candidates } = artifact.manifest;
  const names = candidates.map((candidate) => candidate.name);
  const smallestWindow = smallest(candidates.map((candidate) => candidate.contextWindowTokens ?? Infinity));
  let random: Random | undefined;
  const { countTokens } = options;
  const nextRandom = () => {
    random ??= present(kit.createRandom)(options.seed ?? crypto.getRandomValues(new Int32Array(1))[0]);
    return random.next();
  };

  return (prompt, request, estimatedTokens, predictions, { overrides, signals: given, stay }) => {
    const needs = requestNeeds(prompt, request, estimatedTokens, given, smallestWindow, countTokens);
    let signals: SeenSignals | undefined;
    let uncertainty: Uncertainty | undefined;
    const readOnce = () => {
      signals ??= present(kit.readSignals)(
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
        novelty,
        uncertainty: () => (uncertainty ??= artifact.uncertainty?.read(features, calibration)),
        stay,
        random: nextRandom,
      },
      seen: () => signals?.seen ?? given,
    };
  };
}

/** Basic policies look at no signals and draw nothing, and those that do bring along what it takes. */
function present<T>(part: T | undefined): T {
  if (part !== undefined) return part;
  throw new InvalidInputError('Signals and exploring need the router of "pointsman".');
}
