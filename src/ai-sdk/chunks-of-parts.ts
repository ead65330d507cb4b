import type { AnswerChunk, Finish } from '../execution/index.ts';
import { readSdkFinishReason, readSdkUsage } from './sdk-answer.ts';
import { readSdkLogprobs } from './sdk-logprobs.ts';
import type { SdkStreamPart } from './sdk-model.ts';

/**
 * The parts of a model's stream as chunks, each with its part in `raw`.
 *
 * @throws the error that a part holds.
 */
export async function* chunksOfParts(stream: ReadableStream<SdkStreamPart>): AsyncGenerator<AnswerChunk> {
  const reader = stream.getReader();
  const calls = new Map<string, number>();
  let model: string | undefined;
  try {
    for (;;) {
      const { done, value: part } = await reader.read();
      if (done) return;
      if (part.type === 'error') throw part.error;
      if (part.type === 'response-metadata') model = part.modelId;
      yield { ...chunkOf(part, calls, model), raw: part };
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
        toolCall: { index: indexOf(calls, toolCallId), id: toolCallId, name: toolName, arguments: input },
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
    reason: finishReason === undefined ? 'other' : readSdkFinishReason(finishReason),
    ...(counted === undefined ? {} : { usage: counted }),
    ...(model === undefined ? {} : { model }),
  };
}
