import { InvalidInputError } from '../errors.ts';
import {
  type ClientPool,
  checkClients,
  createClientPool,
  type DecidingRouter,
  poolParts,
} from '../execution/client-pool.ts';
import { execute, executeStream, type RoutedResult, type RoutedStream } from '../execution/execute.ts';
import type { ExecuteOptions } from '../execution/options.ts';
import { mergeLimits } from '../policy/limit-filter.ts';
import type { PolicyOverrides } from '../policy/policy.ts';
import type { RouteOptions } from '../router/router.ts';
import { createSdkClients } from './sdk-client.ts';
import {
  extendSdkRequest,
  type SdkCallOptions,
  type SdkContent,
  type SdkMetadata,
  type SdkModel,
  type SdkRequest,
  type SdkResult,
  type SdkStreamPart,
  sdkRequest,
  sdkResult,
} from './sdk-model.ts';

/** What a routed model is made of: a router, its clients, and the options of execution. */
export interface RoutedModelOptions<Model extends SdkModel> {
  /** What decides: a router, or anything that decides as one does. */
  readonly router: DecidingRouter & { readonly manifest: { readonly id: string } };
  /** One model for each candidate that may be called, under its name; all of one specification version. */
  readonly models: Readonly<Record<string, Model>>;
  /** Weights and limits for every call, beside those of the router's own policy. @default {} */
  readonly policy?: PolicyOverrides;
  /** Deadline, budget, retries, tools and so on. Cancelling is the call's own `abortSignal`. @default {} */
  readonly execution?: Omit<ExecuteOptions<SdkRequest>, 'signal' | 'extendRequest'>;
  /** A pool of `createSdkClients(models)`, when its load or its breakers are of interest. @default one of its own */
  readonly pool?: ClientPool<SdkRequest>;
  /**
   * Told, once, of each candidate that has no model and so is out of choice: when the model is made, and when the router has
   * gone over to another version. The reasons of each decision say so too. @default nobody is
   */
  readonly onWarning?: (warning: string) => void;
}

/** The model's own kind, as far as the AI SDK looks at it. */
export type RoutedModel<Model extends SdkModel> = Pick<Model, keyof SdkModel>;

/**
 * A language model for the AI SDK that is, for each call, the one that the router chooses, with everything that
 * execution does: fallback, retries, cascades, hedges. `generateText`, `streamText`, tools and structured output work
 * as with any model. `providerOptions.pointsman` of a call may hold weights, limits and signals;
 * `providerMetadata.pointsman` of its result has the decision, the outcome and the attempts.
 *
 * @throws InvalidInputError when there are no models, none for any candidate, or they are of different specification
 * versions.
 * @example
 * const model = routedModel({ router, models: { small: openai('gpt-5-mini'), large: anthropic('claude-opus-4-1') } });
 * const { text, providerMetadata } = await generateText({ model, prompt: 'What is 17 * 23?' });
 */
export function routedModel<Model extends SdkModel>(options: RoutedModelOptions<Model>): RoutedModel<Model> {
  const { router, models } = options;
  const specificationVersion = commonVersion(models);
  const pool = options.pool ?? createClientPool(createSdkClients(models));
  checkClients(router, poolParts(pool), options.onWarning);
  const settingsOf = (call: SdkCallOptions) => ({
    prices: router.manifest.candidates,
    ...options.execution,
    extendRequest: extendSdkRequest,
    signal: call.abortSignal,
    ...(options.onWarning === undefined ? {} : { onWarning: options.onWarning }),
    route: routeOptions(options.policy, call.providerOptions?.pointsman),
  });
  const model: SdkModel = {
    specificationVersion,
    provider: 'pointsman',
    modelId: router.manifest.id,
    // What one of them cannot fetch by itself, the SDK fetches for all.
    supportedUrls: {},
    async doGenerate(call: SdkCallOptions) {
      const routed = await execute(router, sdkRequest(call), pool, settingsOf(call));
      const result = sdkResult(routed.answer);
      return { ...result, providerMetadata: withRouting(result.providerMetadata, routed) };
    },
    async doStream(call: SdkCallOptions) {
      const stream = await executeStream(router, sdkRequest(call), pool, settingsOf(call));
      const tell = (metadata: SdkMetadata | undefined, routed: RoutedResult) => withRouting(metadata, routed);
      return { stream: streamParts(stream, tell) };
    },
  };
  return model as RoutedModel<Model>;
}

function commonVersion(models: Readonly<Record<string, SdkModel>>): string {
  const versions = new Map(Object.entries(models).map(([name, model]) => [model.specificationVersion, name]));
  const [first, second] = versions;
  if (first !== undefined && second === undefined && /^v[34]$/.test(first[0])) return first[0];
  const got =
    first === undefined
      ? 'no models'
      : [...versions].map(([version, name]) => `${version} (${name})`).join(', ');
  throw new InvalidInputError(
    `\`models\` of routed model must be all of specification v3 (ai 6) or all of v4 (ai 7). Got ${got}. ` +
      'Update the provider packages to one version of the AI SDK.',
  );
}

/** What a call asks for counts; of two limits the tighter. */
function routeOptions(policy: PolicyOverrides = {}, hints: RouteOptions = {}): RouteOptions {
  return { ...policy, ...hints, limits: mergeLimits(policy.limits, hints.limits) };
}

/** Plain JSON: the SDK hands it on to whoever looks. */
function withRouting(metadata: SdkMetadata | undefined, routed: RoutedResult): SdkMetadata {
  const { decision, candidate, outcome, trace } = routed;
  return { ...metadata, pointsman: JSON.parse(JSON.stringify({ decision, candidate, outcome, trace })) };
}

type Tell = (metadata: SdkMetadata | undefined, routed: RoutedResult) => SdkMetadata;

/**
 * An execution's stream as the parts that the SDK reads. A stream that breaks errors: an error part would let the SDK
 * go on to a finish, and to a text that looks whole.
 *
 * @param tell what the finish says of the routing.
 */
function streamParts(stream: RoutedStream, tell: Tell): ReadableStream<SdkStreamPart> {
  const parts = readParts(stream, tell);
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await parts.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await parts.return(undefined);
    },
  });
}

async function* readParts(stream: RoutedStream, tell: Tell): AsyncGenerator<SdkStreamPart, undefined> {
  let finish: SdkStreamPart | undefined;
  for await (const chunk of stream) {
    const part = chunk.raw as SdkStreamPart | undefined;
    if (part !== undefined && chunk.finish === undefined) yield part;
    else finish = part;
  }
  const routed = { ...(await stream.result), decision: stream.decision };
  // Chunks without a part are of an answer that came whole.
  const rest = finish === undefined ? partsOfResult(sdkResult(routed.answer)) : [finish];
  for (const part of rest) {
    yield part.type === 'finish' ? { ...part, providerMetadata: tell(part.providerMetadata, routed) } : part;
  }
  return undefined;
}

/** A whole result as the parts of a stream, for answers that could not be given piece by piece. */
function partsOfResult(result: SdkResult): SdkStreamPart[] {
  const { content, warnings, response, finishReason, usage, providerMetadata } = result;
  return [
    { type: 'stream-start', warnings },
    ...(response === undefined ? [] : [responseMetadata(response)]),
    ...content.flatMap((item, i) => partsOfContent(item, `pointsman-${i}`)),
    { type: 'finish', finishReason, usage, ...(providerMetadata === undefined ? {} : { providerMetadata }) },
  ];
}

function responseMetadata({ id, modelId, timestamp }: NonNullable<SdkResult['response']>): SdkStreamPart {
  return {
    type: 'response-metadata',
    ...(id === undefined ? {} : { id }),
    ...(modelId === undefined ? {} : { modelId }),
    ...(timestamp === undefined ? {} : { timestamp }),
  };
}

function partsOfContent(item: SdkContent, id: string): SdkStreamPart[] {
  if (item.type === 'text' || item.type === 'reasoning') {
    return [
      { type: `${item.type}-start`, id },
      { type: `${item.type}-delta`, id, delta: item.text ?? '' },
      { type: `${item.type}-end`, id },
    ];
  }
  if (item.type === 'tool-call') {
    const { toolCallId = '', toolName = '', input = '' } = item;
    return [
      { type: 'tool-input-start', id: toolCallId, toolName },
      { type: 'tool-input-delta', id: toolCallId, delta: input },
      { type: 'tool-input-end', id: toolCallId },
      { ...item },
    ];
  }
  return [{ ...item }];
}
