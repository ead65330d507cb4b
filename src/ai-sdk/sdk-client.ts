import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import type { Client, ClientMap } from '../execution/client.ts';
import { chunksOfParts } from './chunks-of-parts.ts';
import { readSdkResult } from './sdk-answer.ts';
import { withLogprobs } from './sdk-logprobs.ts';
import type { SdkCallOptions, SdkModel, SdkResult, SdkStreamPart } from './sdk-model.ts';
import type { SdkRequest } from './sdk-request.ts';
import { promptFor } from './signed-parts.ts';

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
