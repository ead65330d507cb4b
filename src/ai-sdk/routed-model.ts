import { InvalidInputError, MalformedAnswerError, UpstreamError } from '../errors.ts';
import type { AnswerChunk, Client, ClientMap, Finish } from '../execution/answer.ts';
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
import {
  extendSdkRequest,
  type Issuer,
  isMedia,
  issuedBy,
  promptFor,
  readSdkFinishReason,
  readSdkLogprobs,
  readSdkResult,
  readSdkUsage,
  type SdkCallOptions,
  type SdkContent,
  type SdkMetadata,
  type SdkModel,
  type SdkRequest,
  type SdkResult,
  type SdkStreamPart,
  sdkRequest,
  sdkResult,
  withLogprobs,
  writtenInput,
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
type RoutedModel<Model extends SdkModel> = Pick<Model, keyof SdkModel>;

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

/** A model of the AI SDK as a client, whole or streamed. */
function createSdkClient(model: SdkModel): Client<SdkRequest> {
  return async ({ call }, { candidate, signal, stream, logprobs, sample }) => {
    const issuer = { candidate, provider: model.provider, modelId: model.modelId };
    const { pointsman: _, ...providerOptions } = call.providerOptions ?? {};
    const plain: SdkCallOptions = {
      ...call,
      prompt: promptFor(call.prompt, issuer),
      abortSignal: signal,
      // The same seed would give the same sample.
      ...(call.seed === undefined ? {} : { seed: call.seed + sample }),
      ...(call.providerOptions === undefined ? {} : { providerOptions }),
    };
    const options = (logprobs ? withLogprobs(plain) : plain) as never;
    if (!stream) return readSdkResult((await model.doGenerate(options)) as SdkResult, issuer);
    const opened = (await model.doStream(options)) as { readonly stream?: ReadableStream<SdkStreamPart> };
    if (opened?.stream === undefined) {
      throw new MalformedAnswerError(`\`stream\` of ${model.modelId} must be a stream. Got nothing.`);
    }
    return chunksOfParts(opened.stream, issuer);
  };
}

/** One client for each model, under the same names. */
export function createSdkClients(models: Readonly<Record<string, SdkModel>>): ClientMap<SdkRequest> {
  return Object.fromEntries(Object.entries(models).map(([name, model]) => [name, createSdkClient(model)]));
}

/**
 * The parts of a model's stream as chunks, each with its part in `raw`.
 *
 * @throws the error that a part holds.
 */
async function* chunksOfParts(
  stream: ReadableStream<SdkStreamPart>,
  issuer: Issuer,
): AsyncGenerator<AnswerChunk> {
  const reader = stream.getReader();
  const calls = new Map<string, number>();
  let model: string | undefined;
  let hasMedia = false;
  try {
    for (;;) {
      const { done, value: part } = await reader.read();
      if (done) return;
      if (part.type === 'error')
        throw part.error ?? new UpstreamError('The model gave an error without words.');
      if (part.type === 'response-metadata') model = part.modelId;
      hasMedia ||= isMedia(part);
      const chunk = chunkOf(part, calls, model);
      const finish = chunk.finish === undefined ? {} : { finish: { ...chunk.finish, hasMedia } };
      // The finish is of the answer, not of a part of it.
      yield { ...chunk, ...finish, raw: part.type === 'finish' ? part : issuedBy(part, issuer) };
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function chunkOf(part: SdkStreamPart, calls: Map<string, number>, model: string | undefined): AnswerChunk {
  const { type, delta = '', id = '', toolName = '' } = part;
  switch (type) {
    case 'text-delta':
      return { text: delta };
    case 'reasoning-delta':
      return { reasoning: delta };
    case 'tool-input-start':
      return { toolCall: { index: indexOf(calls, id), id, name: toolName } };
    case 'tool-input-delta':
      return { toolCall: { index: indexOf(calls, id), arguments: delta } };
    case 'tool-call': {
      const { toolCallId = '', input = '' } = part;
      // Its pieces came already, where the model sends pieces.
      if (calls.has(toolCallId)) return {};
      return {
        toolCall: {
          index: indexOf(calls, toolCallId),
          id: toolCallId,
          name: toolName,
          arguments: writtenInput(input),
        },
      };
    }
    case 'finish': {
      const logprobs = readSdkLogprobs(part.providerMetadata);
      return { ...(logprobs === undefined ? {} : { logprobs }), finish: finishOf(part, model) };
    }
    default:
      return {};
  }
}

function indexOf(calls: Map<string, number>, id: string): number {
  const index = calls.get(id) ?? calls.size;
  calls.set(id, index);
  return index;
}

function finishOf({ finishReason, usage }: SdkStreamPart, model: string | undefined): Finish {
  const counted = readSdkUsage(usage);
  return {
    reason: readSdkFinishReason(finishReason),
    ...(counted === undefined ? {} : { usage: counted }),
    ...(model === undefined ? {} : { model }),
  };
}
