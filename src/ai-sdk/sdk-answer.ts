import { UpstreamError } from '../errors/upstream-error.ts';
import type { Answer, ClientAnswer, FinishReason, Usage } from '../execution/index.ts';
import { readSdkLogprobs } from './sdk-logprobs.ts';
import type { SdkFinishReason, SdkResult, SdkUsage } from './sdk-model.ts';

/**
 * What a model gave whole, as an answer; the result itself is kept in `raw`.
 *
 * @throws UpstreamError when the model says that it ended in an error.
 */
export function readSdkResult(result: SdkResult): ClientAnswer {
  const textOf = (type: string) =>
    result.content
      .filter((content) => content.type === type)
      .map(({ text }) => text ?? '')
      .join('');
  const usage = readSdkUsage(result.usage);
  const logprobs = readSdkLogprobs(result.providerMetadata);
  const model = result.response?.modelId;
  return {
    text: textOf('text'),
    reasoning: textOf('reasoning'),
    toolCalls: result.content
      .filter(({ type }) => type === 'tool-call')
      .map(({ toolCallId = '', toolName = '', input = '' }) => ({
        id: toolCallId,
        name: toolName,
        arguments: input,
      })),
    finishReason: readSdkFinishReason(result.finishReason),
    ...(usage === undefined ? {} : { usage }),
    ...(logprobs === undefined ? {} : { logprobs }),
    ...(model === undefined ? {} : { model }),
    raw: result,
  };
}

/** An answer as a model would give it: the model's own result, or one made of what a tool said. */
export function sdkResult(answer: Answer): SdkResult {
  if (answer.raw !== undefined) return answer.raw as SdkResult;
  const { inputTokens, outputTokens } = answer.usage ?? {};
  return {
    content: [
      ...(answer.reasoning === '' ? [] : [{ type: 'reasoning', text: answer.reasoning }]),
      ...(answer.text === '' ? [] : [{ type: 'text', text: answer.text }]),
      ...answer.toolCalls.map((call) => ({
        type: 'tool-call',
        toolCallId: call.id,
        toolName: call.name,
        input: call.arguments,
      })),
    ],
    finishReason: { unified: answer.finishReason, raw: undefined },
    usage: {
      inputTokens: { total: inputTokens, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: { total: outputTokens, text: undefined, reasoning: undefined },
    },
    warnings: [],
  };
}

const REASONS = new Set(['stop', 'length', 'tool-calls', 'content-filter']);

/** @throws UpstreamError when the reason is an error. */
export function readSdkFinishReason({ unified, raw }: SdkFinishReason): FinishReason {
  if (unified === 'error' || unified === 'interrupted') {
    throw new UpstreamError(`The model ended with "${unified}"${raw === undefined ? '' : ` (${raw})`}.`);
  }
  return REASONS.has(unified) ? (unified as FinishReason) : 'other';
}

/** Undefined where the model does not count. */
export function readSdkUsage(usage: SdkUsage | undefined): Usage | undefined {
  const inputTokens = usage?.inputTokens?.total;
  const outputTokens = usage?.outputTokens?.total;
  return inputTokens === undefined || outputTokens === undefined ? undefined : { inputTokens, outputTokens };
}
