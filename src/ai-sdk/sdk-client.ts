import { MalformedAnswerError, UpstreamError } from '../errors.ts';
import type { AnswerChunk, Client, ClientMap, Finish } from '../execution/answer.ts';
import {
  type Issuer,
  isMedia,
  issuedBy,
  promptFor,
  readSdkFinishReason,
  readSdkLogprobs,
  readSdkResult,
  readSdkUsage,
  type SdkCallOptions,
  type SdkModel,
  type SdkRequest,
  type SdkResult,
  type SdkStreamPart,
  withLogprobs,
  writtenInput,
} from './sdk-model.ts';

/** A model of the AI SDK as a client, whole or streamed. */
export function createSdkClient(model: SdkModel): Client<SdkRequest> {
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
