import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import { UpstreamError } from '../errors/upstream-error.ts';
import type { Answer, FinishReason, Usage } from '../execution/answer.ts';
import type { ClientAnswer } from '../execution/client.ts';
import { finishReasonOf } from '../execution/finish-reasons.ts';
import { oneLine } from '../execution/redact.ts';
import { readSdkLogprobs } from './sdk-logprobs.ts';
import type { SdkFinishReason, SdkResult, SdkUsage } from './sdk-model.ts';
import { type Issuer, issuedBy } from './signed-parts.ts';

/**
 * What a model gave whole, as an answer; the result itself is kept in `raw`.
 *
 * @throws UpstreamError when the model says that it ended in an error, or does not say how it ended.
 * @throws MalformedAnswerError when it is no result.
 */
export function readSdkResult(result: SdkResult, issuer: Issuer): ClientAnswer {
  if (!Array.isArray(result?.content)) {
    throw new MalformedAnswerError(`\`content\` of a result must be a list. Got ${typeof result?.content}.`);
  }
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
        arguments: writtenInput(input),
      })),
    finishReason: readSdkFinishReason(result.finishReason),
    ...(result.content.some(isMedia) ? { hasMedia: true } : {}),
    ...(usage === undefined ? {} : { usage }),
    ...(logprobs === undefined ? {} : { logprobs }),
    ...(model === undefined ? {} : { model }),
    raw: { ...result, content: result.content.map((content) => issuedBy(content, issuer)) },
  };
}

/** JSON already, by the specification. */
export function writtenInput(input: unknown): string {
  return typeof input === 'string' ? input : JSON.stringify(input);
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

const REASONS: ReadonlySet<string> = new Set(['stop', 'length', 'tool-calls', 'content-filter']);

/** Beside text, thoughts and calls: a file that the model made, or what its provider's own tools did. */
export function isMedia({ type }: { readonly type: string }): boolean {
  return type === 'file' || type === 'tool-result';
}

/**
 * How a model ended. `other` is what providers give for a reason that they do not know, and for none at all when
 * their connection was cut; the provider's own word then tells the one from the other.
 *
 * @throws UpstreamError when it did not end as a whole answer does.
 */
export function readSdkFinishReason(finish: SdkFinishReason | undefined): FinishReason {
  const { unified, raw } = typeof finish === 'string' ? { unified: finish, raw: undefined } : (finish ?? {});
  const own = finishReasonOf(raw);
  if (unified !== undefined && REASONS.has(unified) && !FAILED.test(raw ?? ''))
    return unified as FinishReason;
  if (unified === 'other' && own != null) return own;
  throw new UpstreamError(
    `The model ended with "${unified ?? 'no reason'}"${raw === undefined ? '' : ` (${oneLine(String(raw), 100)})`}, ` +
      'which does not say that its answer is whole.',
  );
}

/** Words of a failure that a provider may have mapped to a good reason. */
const FAILED = /^(error|errored|failed|abort(ed)?|cancell?ed|interrupted|network_error)$/i;

/** Undefined where the model does not count. */
export function readSdkUsage(usage: SdkUsage | undefined): Usage | undefined {
  const inputTokens = usage?.inputTokens?.total;
  const outputTokens = usage?.outputTokens?.total;
  if (inputTokens === undefined || outputTokens === undefined) return undefined;
  const { cacheRead } = usage!.inputTokens;
  const { reasoning } = usage!.outputTokens;
  return {
    inputTokens,
    outputTokens,
    ...(typeof cacheRead === 'number' ? { cachedInputTokens: cacheRead } : {}),
    ...(typeof reasoning === 'number' ? { reasoningTokens: reasoning } : {}),
  };
}
