import { createSdkClients } from 'pointsman/ai-sdk';
import { type Answer, type AnswerChunk, type Client, UpstreamError } from 'pointsman/execution';
import type { CandidateConfig, ProtocolName } from '../config/schema.ts';
import { Problem } from '../problem.ts';
import type { GatewayRequest } from '../upstreams/clients.ts';
import { type Signed, sealed, type TranslatedAnswer, type TranslatedPiece } from '../upstreams/raw-answer.ts';
import { type BilledUsage, countOf, type Fields, fieldsOf, listOf, textOf } from '../upstreams/wire.ts';
import { type RequestReader, readCall, readSettings, type TranslatedCall, type Wishes } from './call.ts';
import { ownWords } from './provider-options.ts';
import type { SdkModel } from './providers.ts';
import { asSpecification, checkFiles } from './specification.ts';

type SdkClient = ReturnType<typeof createSdkClients>[string];
type SdkRequest = Parameters<SdkClient>[0];

/** What a model is asked with, and what it is not told of the request. */
interface Asked {
  readonly call: SdkRequest['call'];
  readonly notCarried: readonly string[];
}

export interface TranslatedClientOptions {
  readonly name: string;
  readonly candidate: CandidateConfig;
  readonly model: SdkModel;
  /** How requests of each protocol are read; settings are in the words of the first one of the upstream. */
  readonly readers: Readonly<Record<ProtocolName, RequestReader>>;
  readonly settingsReader: RequestReader;
  /** A text without the secrets of the upstream. */
  readonly hide: (text: string) => string;
  /** US dollars for a usage; undefined where a price is not known. */
  readonly costOf: (usage: BilledUsage) => number | undefined;
}

/**
 * A language model of the AI SDK as a candidate that answers requests of every protocol.
 *
 * @throws Problem when the settings of the candidate cannot be translated.
 */
export function createTranslatedClient(options: TranslatedClientOptions): Client<GatewayRequest> {
  const { candidate, hide, model, name, readers, settingsReader } = options;
  const client = createSdkClients({ [name]: model })[name];
  const settings = readSettings(settingsReader, candidate.settings);
  const defaults = readSettings(settingsReader, candidate.defaults);
  return async (request, context) => {
    const { protocol = 'openai-chat' } = request;
    try {
      const read = withAdded(readCall(readers[protocol], bodyOf(request)), request, candidate.promptPrefix);
      const asked = await askedOf(read, defaults, settings, model);
      const call = { ...asked.call, ...given(request) } as SdkRequest['call'];
      const piece = pieceMaker(options, asked.notCarried, protocol);
      const answer = await client({ call }, context);
      if (!(Symbol.asyncIterator in answer)) return wholeOf(answer as Answer, piece, options);
      return guarded(answer, piece, options, context.signal);
    } catch (error) {
      throw upstreamErrorOf(error, name, hide, context.signal);
    }
  };
}

/** The body that the client sent, as its protocol has it. */
export function bodyOf({
  messages,
  parameters = {},
  protocol,
  responseFormat,
  text,
  tools,
}: GatewayRequest): Fields {
  if (protocol !== undefined && protocol !== 'openai-chat') return parameters;
  return {
    response_format: responseFormat,
    ...parameters,
    messages: messages ?? [{ role: 'user', content: text ?? '' }],
    ...(tools === undefined ? {} : { tools }),
  };
}

/** With what a candidate says before all others, and what an execution added behind the client's own words. */
function withAdded(
  read: TranslatedCall,
  { messages, protocol, said = 0 }: GatewayRequest,
  promptPrefix: string | undefined,
): TranslatedCall {
  const isChat = protocol === undefined || protocol === 'openai-chat';
  const added = isChat ? [] : (messages ?? []).slice(said);
  return {
    ...read,
    prompt: [
      ...(promptPrefix === undefined ? [] : [{ role: 'system' as const, content: promptPrefix }]),
      ...read.prompt,
      ...added.map(({ content }) => ({
        role: 'user' as const,
        content: [{ type: 'text' as const, text: textOf(content) }],
      })),
    ],
  };
}

type Settings = ReturnType<typeof readSettings>;

/** What makes the candidate goes before what the request says, and that before what holds otherwise; of two bounds the smaller. */
async function askedOf(
  read: TranslatedCall,
  defaults: Settings,
  settings: Settings,
  model: SdkModel,
): Promise<Asked> {
  const { maxOutputTokens: bound = Number.POSITIVE_INFINITY } = read.options;
  const options = {
    ...defaults.options,
    ...read.options,
    ...settings.options,
    ...(settings.options.maxOutputTokens === undefined
      ? {}
      : { maxOutputTokens: Math.min(bound, settings.options.maxOutputTokens) }),
  };
  const [own, asked] = [settings.wishes, read.wishes];
  const wishes = {
    ...(thinks(own) || thinks(asked) ? withoutThoughts(defaults.wishes) : defaults.wishes),
    ...(thinks(own) ? withoutThoughts(asked) : asked),
    ...own,
  };
  const unknown = { ...defaults.unknown, ...read.unknown, ...settings.unknown };
  const words = ownWords({ options, wishes, unknown }, model);
  await checkFiles(read.prompt, model);
  const providerOptions = merged(
    merged(defaults.providerOptions, words.providerOptions),
    settings.providerOptions,
  );
  return {
    call: {
      ...options,
      prompt: asSpecification(model.specificationVersion, read.prompt),
      ...(words.reasoning === undefined ? {} : { reasoning: words.reasoning }),
      ...(Object.keys(providerOptions).length === 0 ? {} : { providerOptions }),
    } as SdkRequest['call'],
    notCarried: [...read.notCarried, ...words.notCarried],
  };
}

/** A wish to think is one, whether in tokens or in words. */
function thinks({ effort, thinkingTokens }: Wishes): boolean {
  return effort !== undefined || thinkingTokens !== undefined;
}

function withoutThoughts({ effort: _, thinkingTokens: __, ...others }: Wishes): Wishes {
  return others;
}

/** The options of each provider together; of one that both have, the second. */
function merged(first: Fields, second: Fields): Fields {
  const names = new Set([...Object.keys(first), ...Object.keys(second)]);
  return Object.fromEntries(
    [...names].map((name) => [name, { ...fieldsOf(first[name]), ...fieldsOf(second[name]) }]),
  );
}

function given({ outgoing }: GatewayRequest) {
  const headers = outgoing?.() ?? {};
  return Object.keys(headers).length === 0 ? {} : { headers };
}

/** A part of a result, or of a stream, as far as it is looked at here. */
type Part = Fields;

/** What a part says beside its words. */
type PieceMaker = (part: Part) => TranslatedPiece;

function pieceMaker(
  { candidate, name }: TranslatedClientOptions,
  notCarried: readonly string[],
  protocol: ProtocolName,
): PieceMaker {
  let model = candidate.model ?? name;
  /** What was signed of the thoughts that are under way, by their id. */
  const open = new Map<string, Record<string, Fields>>();
  return (part) => {
    const { id, modelId, providerMetadata, toolCallId, type, warnings } = part;
    if (type === 'response-metadata' && textOf(modelId) !== '') model = textOf(modelId);
    const piece = { candidate: name, model };
    const metadata = fieldsOf(providerMetadata) as Record<string, Fields>;
    switch (type) {
      case 'stream-start':
        return { ...piece, notCarried: [...new Set([...notCarried, ...listOf(warnings).map(warningOf)])] };
      case 'reasoning':
        return { ...piece, ...signedBy('reasoning', metadata) };
      case 'reasoning-start':
      case 'reasoning-delta':
      case 'reasoning-end': {
        const all = merged(open.get(String(id)) ?? {}, metadata) as Record<string, Fields>;
        open.set(String(id), all);
        return type === 'reasoning-end' ? { ...piece, ...signedBy('reasoning', all) } : piece;
      }
      case 'tool-call':
        return { ...piece, ...signedBy('call', metadata, textOf(toolCallId)) };
      case 'file': {
        if (protocol === 'anthropic')
          throw new UpstreamError(
            `${name} made a file (${textOf(part.mediaType)}), which a message of Anthropic's protocol cannot hold. Ask by another protocol.`,
            { retryable: false },
          );
        const data = typeof part.data === 'string' ? part.data : bytesOf(part.data);
        return { ...piece, file: { mediaType: textOf(part.mediaType), data } };
      }
      case 'finish': {
        const stopped = Object.values(metadata)
          .map((own) => textOf(own.stopSequence))
          .find(Boolean);
        return stopped === undefined ? piece : { ...piece, stopSequence: stopped };
      }
      default:
        return piece;
    }
  };
}

/** In base64; of specification v4 the bytes lie one deeper. */
function bytesOf(data: unknown): string {
  if (data instanceof Uint8Array) return Buffer.from(data).toString('base64');
  const inner = fieldsOf(data).data;
  return typeof inner === 'string' ? inner : inner instanceof Uint8Array ? bytesOf(inner) : '';
}

function signedBy(of: Signed['of'], metadata: Record<string, Fields>, id?: string) {
  // The mark of whose it is says nothing by itself.
  const isSigned = Object.keys(metadata).some((name) => name !== 'pointsman');
  return isSigned ? { signed: sealed({ of, ...(id === undefined ? {} : { id }), metadata }) } : {};
}

/** A setting that the model does not have, in a word or two. */
function warningOf({ feature, message, setting, type }: Fields): string {
  return textOf(feature) || textOf(setting) || textOf(message) || textOf(type);
}

function wholeOf(
  answer: Answer,
  piece: PieceMaker,
  options: TranslatedClientOptions,
): Partial<Answer> & { text: string } {
  const { content, providerMetadata, response, usage, warnings } = fieldsOf(answer.raw);
  const start = piece({ type: 'stream-start', warnings });
  piece({ type: 'response-metadata', ...fieldsOf(response) });
  let calls = 0;
  const chunks = listOf(content).map((part): AnswerChunk => {
    const raw = piece(part);
    if (part.type === 'text') return { text: textOf(part.text), raw };
    if (part.type === 'reasoning') return { reasoning: textOf(part.text), raw };
    if (part.type !== 'tool-call' || part.providerExecuted === true) return { raw };
    const { id, name, arguments: written } = answer.toolCalls[calls];
    return { toolCall: { index: calls++, id, name, arguments: written }, raw };
  });
  const { model, stopSequence } = piece({ type: 'finish', providerMetadata });
  const raw: TranslatedAnswer = {
    ...start,
    model,
    chunks,
    ...(stopSequence === undefined ? {} : { stopSequence }),
  };
  return { ...answer, ...billed(answer.usage, usage, options), model, raw };
}

/** With what was put into a cache, and what all of it costs. */
function billed(
  counted: BilledUsage | null | undefined,
  given: unknown,
  { costOf }: TranslatedClientOptions,
): { readonly usage?: BilledUsage; readonly costUsd?: number; readonly costSource?: 'computed' } {
  if (counted == null) return {};
  const { inputTokens, raw } = fieldsOf(given);
  const written = countOf(fieldsOf(inputTokens).cacheWrite);
  const long = Math.min(written, countOf(fieldsOf(fieldsOf(raw).cache_creation).ephemeral_1h_input_tokens));
  const usage: BilledUsage =
    written === 0 ? counted : { ...counted, cacheWrites: { short: written - long, long } };
  const costUsd = costOf(usage);
  return { usage, ...(costUsd === undefined ? {} : { costUsd, costSource: 'computed' }) };
}

async function* guarded(
  chunks: AsyncIterable<AnswerChunk>,
  piece: PieceMaker,
  options: TranslatedClientOptions,
  signal: AbortSignal,
): AsyncGenerator<AnswerChunk> {
  try {
    for await (const chunk of chunks) {
      const part = fieldsOf(chunk.raw);
      const raw = piece(part);
      if (chunk.finish === undefined) yield { ...chunk, raw };
      else {
        const bill = billed(chunk.finish.usage, part.usage, options);
        yield { ...chunk, raw, finish: { ...chunk.finish, ...bill, model: raw.model } };
      }
    }
  } catch (error) {
    throw upstreamErrorOf(error, options.name, options.hide, signal);
  }
}

/** Of errors of the AI SDK what the client may be told, and whether it may be sent again; no key is in its words. */
function upstreamErrorOf(
  error: unknown,
  name: string,
  hide: (text: string) => string,
  signal: AbortSignal,
): unknown {
  if (signal.aborted) return signal.reason;
  if (error instanceof UpstreamError) return error;
  // Another candidate may be able to.
  if (error instanceof Problem)
    return new UpstreamError(error.message, { status: error.status, said: error.message, retryable: false });
  const { isRetryable, message, name: kind, responseHeaders, statusCode } = error as Fields;
  // What comes without a name of its own is no error of the SDK, and is read by the execution as any other.
  if (!/^AI_/.test(textOf(kind))) return error;
  const said = hide(textOf(message)).slice(0, 1000);
  const status =
    typeof statusCode === 'number' ? statusCode : ABOUT_THE_REQUEST.has(textOf(kind)) ? 400 : undefined;
  return new UpstreamError(`The upstream of ${name} gave an error: ${said}`, {
    said,
    ...(status === undefined ? {} : { status }),
    ...(typeof isRetryable === 'boolean' ? { retryable: isRetryable } : {}),
    ...retryAfterOf(fieldsOf(responseHeaders)),
  });
}

/** A model that has no word for something, or is asked in a way that it does not know. */
const ABOUT_THE_REQUEST = new Set([
  'AI_UnsupportedFunctionalityError',
  'AI_InvalidPromptError',
  'AI_InvalidArgumentError',
]);

function retryAfterOf(headers: Fields): { readonly retryAfterMs?: number } {
  const ms = Number(headers['retry-after-ms'] ?? Number.NaN);
  const seconds = Number(headers['retry-after'] ?? Number.NaN);
  if (ms >= 0) return { retryAfterMs: ms };
  if (seconds >= 0) return { retryAfterMs: seconds * 1000 };
  const date = Date.parse(textOf(headers['retry-after']));
  return Number.isNaN(date) ? {} : { retryAfterMs: Math.max(0, date - Date.now()) };
}
