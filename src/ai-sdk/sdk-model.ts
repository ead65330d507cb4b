import { MalformedAnswerError, UpstreamError } from '../errors.ts';
import {
  type Answer,
  type ClientAnswer,
  type FinishReason,
  finishReasonOf,
  type Usage,
} from '../execution/answer.ts';
import { type Addition, additionText } from '../execution/options.ts';
import { oneLine } from '../execution/said-error.ts';
import type { ContentPart, Message, Request } from '../request.ts';

/**
 * A language model as the AI SDK has them: LanguageModelV3 of `ai` 6, LanguageModelV4 of `ai` 7. Written down by their
 * common shape, so that this package depends on neither; what is not looked at here is handed on as it is.
 */
export interface SdkModel {
  readonly specificationVersion: string;
  readonly provider: string;
  readonly modelId: string;
  readonly supportedUrls: PromiseLike<Record<string, RegExp[]>> | Record<string, RegExp[]>;
  doGenerate(options: never): PromiseLike<unknown>;
  doStream(options: never): PromiseLike<unknown>;
}

/** What is looked at of the options of a call. */
export interface SdkCallOptions {
  readonly prompt: readonly SdkMessage[];
  readonly tools?: readonly unknown[];
  readonly responseFormat?: { readonly type: string };
  readonly abortSignal?: AbortSignal;
  readonly seed?: number;
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface SdkMessage {
  readonly role: string;
  readonly content: string | readonly SdkPart[];
}

export interface SdkPart {
  readonly type: string;
  readonly text?: string;
  readonly mediaType?: string;
  readonly [field: string]: unknown;
}

interface SdkUsage {
  readonly inputTokens: { readonly total: number | undefined; readonly [field: string]: unknown };
  readonly outputTokens: { readonly total: number | undefined; readonly [field: string]: unknown };
}

interface SdkFinishReason {
  readonly unified: string;
  readonly raw: string | undefined;
}

export type SdkMetadata = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What `doGenerate` gives. */
export interface SdkResult {
  readonly content: readonly SdkContent[];
  readonly finishReason: SdkFinishReason;
  readonly usage: SdkUsage;
  readonly warnings: readonly unknown[];
  readonly providerMetadata?: SdkMetadata;
  readonly response?: { readonly id?: string; readonly modelId?: string; readonly timestamp?: Date };
}

export interface SdkContent {
  readonly type: string;
  readonly text?: string;
  readonly toolCallId?: string;
  readonly toolName?: string;
  readonly input?: string;
  readonly providerMetadata?: SdkMetadata;
}

/** A part of what `doStream` gives. */
export interface SdkStreamPart {
  readonly type: string;
  readonly id?: string;
  readonly delta?: string;
  readonly toolName?: string;
  readonly toolCallId?: string;
  readonly input?: string;
  readonly error?: unknown;
  readonly finishReason?: SdkFinishReason;
  readonly usage?: SdkUsage;
  readonly providerMetadata?: SdkMetadata;
  readonly modelId?: string;
  readonly [field: string]: unknown;
}

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

/** Asks for log-probabilities. There is no setting for all providers; those of OpenAI's kind read this one. */
export function withLogprobs(call: SdkCallOptions): SdkCallOptions {
  const { providerOptions = {} } = call;
  return {
    ...call,
    providerOptions: { ...providerOptions, openai: { logprobs: true, ...providerOptions.openai } },
  };
}

/** The log-probabilities that a provider tells of, whichever it is; undefined where none does. */
export function readSdkLogprobs(metadata: SdkMetadata | undefined): number[] | undefined {
  for (const { logprobs } of Object.values(metadata ?? {})) {
    if (!Array.isArray(logprobs)) continue;
    const found = logprobs
      .flat(2)
      .map((token: { readonly logprob?: unknown } | null) => token?.logprob)
      .filter((value) => typeof value === 'number');
    if (found.length > 0) return found;
  }
  return undefined;
}

/** Whose answer a part was: only they can read what they signed, encrypted or stored. */
export interface Issuer {
  readonly candidate: string;
  /** The model's `provider`, such as `anthropic.messages`. */
  readonly provider: string;
  readonly modelId: string;
}

/** Notes on a part that holds data of its provider's whose it is; the SDK hands it on into the next prompt. */
export function issuedBy<Part extends { readonly providerMetadata?: SdkMetadata }>(
  part: Part,
  { candidate, provider }: Issuer,
): Part {
  if (part.providerMetadata === undefined) return part;
  return { ...part, providerMetadata: { ...part.providerMetadata, pointsman: { candidate, provider } } };
}

/**
 * A prompt as one model may read it. Thoughts that another provider signed are left out: it would be refused for them,
 * or take them for its own words. Of other parts only that provider's data is.
 */
export function promptFor(prompt: readonly SdkMessage[], reader: Issuer): readonly SdkMessage[] {
  return prompt.flatMap((message) => {
    if (message.role !== 'assistant' || typeof message.content === 'string') return [message];
    const content = message.content.flatMap((part) => partFor(part, reader));
    // A turn of thoughts alone would be an empty message, which providers refuse.
    return content.length === 0 && message.content.length > 0 ? [] : [{ ...message, content }];
  });
}

function partFor(part: SdkPart, reader: Issuer): SdkPart[] {
  const { providerOptions, ...plain } = part as SdkPart & { readonly providerOptions?: SdkMetadata };
  if (providerOptions === undefined) return [part];
  const { pointsman: mark, ...options } = providerOptions;
  const names = Object.keys(options);
  const isOwn = names.length === 0 || isReadBy(names, mark, reader);
  if (isOwn) return [{ ...plain, providerOptions: options } as SdkPart];
  if (part.type.startsWith('reasoning')) return [];
  // Without a mark, options may be the caller's own, of which each provider reads its part.
  return [(mark === undefined ? { ...plain, providerOptions: options } : plain) as SdkPart];
}

/** By the mark, else by the names under which providers keep their data: each is a part of their own name. */
function isReadBy(names: readonly string[], mark: SdkMetadata[string] | undefined, reader: Issuer): boolean {
  if (mark !== undefined && mark.provider !== reader.provider) return false;
  if (mark?.candidate === reader.candidate) return true;
  // A gateway names the provider within its model, such as `anthropic/claude-opus`.
  const known = squeezed(`${reader.provider} ${reader.modelId}`);
  return names.some((name) => known.includes(squeezed(name)));
}

function squeezed(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** A call of the AI SDK as a request: what the router reads, and the call itself for the model. */
export interface SdkRequest extends Request {
  readonly call: SdkCallOptions;
}

export function sdkRequest(call: SdkCallOptions): SdkRequest {
  return {
    messages: call.prompt.map(message),
    ...(call.tools === undefined ? {} : { tools: call.tools }),
    ...(call.responseFormat === undefined ? {} : { responseFormat: call.responseFormat }),
    call,
  };
}

/** One more message of the user: others' answers, or the result of a tool. */
export function extendSdkRequest(request: SdkRequest, addition: Addition): SdkRequest {
  const added: SdkMessage = { role: 'user', content: [{ type: 'text', text: additionText(addition) }] };
  return sdkRequest({ ...request.call, prompt: [...request.call.prompt, added] });
}

function message({ role, content }: SdkMessage): Message {
  if (typeof content === 'string') return { role, content };
  return { role, content: content.map(sdkPart) };
}

/** Files are counted by their kind; what is in them is for the model alone. */
export function sdkPart({ type, text, mediaType, ...rest }: SdkPart): ContentPart {
  if (type === 'text') return { type, text: text ?? '' };
  if (type === 'file') {
    const kind = mediaType?.split('/')[0];
    return { type: kind === 'image' || kind === 'audio' || kind === 'video' ? kind : 'file' };
  }
  // Calls and results of tools are a part of the conversation's length.
  if (type === 'tool-call') return { type: 'text', text: JSON.stringify(rest.input) ?? '' };
  if (type === 'tool-result') return toolResult(rest.output);
  return { type };
}

/** A result in parts may have pictures among them, whose bytes are no text. */
function toolResult(output: unknown): ContentPart {
  const { type, value } = (output ?? {}) as { readonly type?: unknown; readonly value?: unknown };
  if (type === 'content' && Array.isArray(value)) return { type: 'tool-result', content: value };
  return { type: 'text', text: JSON.stringify(output) ?? '' };
}
