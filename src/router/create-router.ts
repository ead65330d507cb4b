import * as z from 'zod/mini';
import type { Artifact } from '../artifact/artifact.ts';
import { createDecision } from '../decision/create-decision.ts';
import type { Decision } from '../decision/decision.ts';
import type { Embedder, SyncEmbedder } from '../embedder/embedder.ts';
import { ArtifactError } from '../errors/artifact-error.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { readFeatures } from '../features/read-features.ts';
import { createPolicy } from '../policy/create-policy.ts';
import type { Policy } from '../policy/policy.ts';
import { limitsSchema, weightsSchema } from '../policy/policy-schema.ts';
import type { PolicySpec } from '../policy/policy-spec.ts';
import type { Predictions } from '../policy/predictions.ts';
import { type Prompt, readPrompt } from '../request/prompt-text.ts';
import type { Request } from '../request/request.ts';
import { validate } from '../validation/validate.ts';
import { checkRequest } from './check-request.ts';
import { chooseEmbedder } from './choose-embedder.ts';
import { createPredictor } from './predictor.ts';
import { requestNeeds } from './request-needs.ts';
import type { RouteOptions, Router } from './router.ts';

export interface RouterOptions {
  /** The embedder that the router was trained with. @default the static one that the artifact carries */
  readonly embedder?: Embedder;
  /** How to choose. @default the policy in the manifest */
  readonly policy?: PolicySpec;
}

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
  const names = manifest.candidates.map((candidate) => candidate.name);
  const dimensions = manifest.embedder.dimensions;
  const readsText = manifest.features.blocks.some((block) => block.kind !== 'embedding');
  const extractor = readFeatures(manifest.features, (path) => artifact.file(path));
  const predictor = createPredictor(artifact);
  const policy = choosePolicy(artifact, options.policy);
  const embedder = chooseEmbedder(artifact, options.embedder);
  const vector = new Float32Array(dimensions);
  const features = new Float32Array(extractor.length);

  const predictPrompt = (prompt: Prompt): Predictions => {
    extractor.extractInto(prompt, vector, features);
    return predictor.predict(features);
  };
  const decide = (prompt: Prompt, routeOptions: RouteOptions, started: number): Decision => {
    const predictions = predictPrompt(prompt);
    const plan = policy.decide({ predictions, needs: requestNeeds(prompt), overrides: routeOptions });
    return createDecision(names, plan, predictions, manifest.id, performance.now() - started);
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

  return {
    manifest,
    async route(request, routeOptions) {
      const started = performance.now();
      checkRequest(request);
      const checked = checkOptions(routeOptions);
      const prompt = readPrompt(request);
      if (isSync(embedder)) embedder.embedInto(prompt.text, vector);
      else setVector((await embedder.embed([prompt.text]))[0]);
      return decide(prompt, checked, started);
    },
    routeEmbedding(embedding, request, routeOptions) {
      const started = performance.now();
      const prompt = promptOf(request);
      const checked = checkOptions(routeOptions);
      setVector(embedding);
      return decide(prompt, checked, started);
    },
    async predict(request) {
      checkRequest(request);
      const prompt = readPrompt(request);
      if (isSync(embedder)) embedder.embedInto(prompt.text, vector);
      else setVector((await embedder.embed([prompt.text]))[0]);
      return copyOf(predictPrompt(prompt));
    },
    predictEmbedding(embedding, request) {
      const prompt = promptOf(request);
      setVector(embedding);
      return copyOf(predictPrompt(prompt));
    },
  };
}

const NO_PROMPT = readPrompt({ text: '' });
const NO_OPTIONS: RouteOptions = {};

const routeOptionsSchema = z.strictObject({
  weights: z.exactOptional(weightsSchema),
  limits: z.exactOptional(limitsSchema),
});

function checkOptions(options: RouteOptions | undefined): RouteOptions {
  return options === undefined
    ? NO_OPTIONS
    : validate<RouteOptions>(routeOptionsSchema, options, 'route options');
}

function choosePolicy({ manifest }: Artifact, given: PolicySpec | undefined): Policy {
  if (given !== undefined) return createPolicy(given, manifest.candidates);
  try {
    return createPolicy(manifest.policy, manifest.candidates);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ArtifactError(`\`policy\` of manifest.json cannot be used: ${reason}`, { cause });
  }
}

function isSync(embedder: Embedder): embedder is SyncEmbedder {
  return 'embedInto' in embedder;
}

function copyOf(predictions: Predictions): Predictions {
  return {
    choice: predictions.choice.slice(),
    success: predictions.success.slice(),
    costUsd: predictions.costUsd.slice(),
    latencyMs: predictions.latencyMs.slice(),
  };
}
