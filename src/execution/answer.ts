import { MalformedAnswerError } from '../errors.ts';
import { type CostSource, LARGEST_AMOUNTS } from '../log/record.ts';
import type { Request, TokenPrices } from '../request.ts';
import { tokenCost } from '../tokens.ts';

export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'other';

/** A function that the model asks to be called. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON, as the model wrote it. */
  readonly arguments: string;
}

/** Tokens of one answer, as its provider counts them. */
export interface Usage {
  /** All that was read, what came from a cache included. */
  readonly inputTokens: number;
  /** All that was written, what was thought and not said included. */
  readonly outputTokens: number;
  /** Of the input, what the provider had in its cache. @default 0 */
  readonly cachedInputTokens?: number;
  /** Of the output, what was thought and not said. @default 0 */
  readonly reasoningTokens?: number;
}

/** What a candidate, a tool or several of them together answered; whole. */
export interface Answer {
  readonly text: string;
  /** Thoughts that the model shows beside its answer; '' for none. */
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
  /** 'length' is an answer that was cut at the caller's own limit of tokens. */
  readonly finishReason: FinishReason;
  readonly usage: Usage | null;
  /** US dollars, where the client knows. */
  readonly costUsd: number | null;
  /** Whether that is the provider's own bill, or was computed from tokens and prices. @default 'reported' */
  readonly costSource?: CostSource;
  /** Natural log of the probability of each token of the answer, ≤ 0; null where the client gives none. */
  readonly logprobs: readonly number[] | null;
  /** The model that the endpoint says has answered. */
  readonly model: string | null;
  /** Whether `raw` holds what is no text, such as an image: such an answer is not empty. @default false */
  readonly hasMedia?: boolean;
  /** The answer as the client got it, for callers that know the client. */
  readonly raw?: unknown;
}

/** A piece of an answer on its way. The last one has `finish`; a stream that ends without is broken. */
export interface AnswerChunk {
  readonly text?: string;
  readonly reasoning?: string;
  readonly toolCall?: ToolCallPiece;
  readonly logprobs?: readonly number[];
  readonly finish?: Finish;
  /** The piece as the client got it. */
  readonly raw?: unknown;
}

/** A piece of a tool call; pieces of one `index` belong together, `arguments` in the order they come. */
export interface ToolCallPiece {
  readonly index: number;
  readonly id?: string;
  readonly name?: string;
  readonly arguments?: string;
}

/** What is known of an answer when it is finished. */
export interface Finish {
  readonly reason: FinishReason;
  readonly usage?: Usage;
  readonly costUsd?: number;
  /** @default 'reported' */
  readonly costSource?: CostSource;
  readonly model?: string;
  readonly hasMedia?: boolean;
  /** Goes to `raw` of the answer. */
  readonly raw?: unknown;
}

/** Pieces of an answer, put together. */
interface AnswerBuilder {
  /** @throws MalformedAnswerError when the chunk is none. */
  add(chunk: AnswerChunk): void;
  /** UTF-16 units of text, thoughts and tool calls so far. */
  readonly characters: number;
  /** How much there is to keep: the characters, and what else comes in numbers. */
  readonly size: number;
  /**
   * The whole answer; undefined as long as the stream is not finished.
   *
   * @throws MalformedAnswerError when one of its tool calls cannot be carried out.
   */
  build(): Answer | undefined;
}

/** What a tool call takes beside its name and arguments, in characters. */
const CALL_SIZE = 100;

export function createAnswerBuilder(): AnswerBuilder {
  const texts: string[] = [];
  const reasonings: string[] = [];
  const logprobs: number[] = [];
  const calls = new Map<number, { id: string; name: string; arguments: string }>();
  let characters = 0;
  let finish: Finish | undefined;
  return {
    add(chunk) {
      if (chunk === null || typeof chunk !== 'object') {
        throw new MalformedAnswerError(
          `A chunk of an answer must be an object. Got ${chunk === null ? 'null' : typeof chunk}.`,
        );
      }
      for (const piece of [chunk.text, chunk.reasoning]) {
        if (piece === undefined || typeof piece === 'string') continue;
        throw new MalformedAnswerError(`A piece of an answer must be text. Got ${typeof piece}.`);
      }
      characters += chunkLength(chunk);
      if (chunk.text) texts.push(chunk.text);
      if (chunk.reasoning) reasonings.push(chunk.reasoning);
      if (chunk.logprobs !== undefined) for (const value of chunk.logprobs) logprobs.push(value);
      if (chunk.toolCall !== undefined) {
        const { index, id, name, arguments: piece } = chunk.toolCall;
        const call = calls.get(index) ?? { id: '', name: '', arguments: '' };
        calls.set(index, {
          id: id ?? call.id,
          name: name ?? call.name,
          arguments: call.arguments + (piece ?? ''),
        });
      }
      if (chunk.finish !== undefined) finish = chunk.finish;
    },
    get characters() {
      return characters;
    },
    get size() {
      return characters + logprobs.length + calls.size * CALL_SIZE;
    },
    build() {
      if (finish === undefined) return undefined;
      const toolCalls: ToolCall[] = [...calls].sort(([a], [b]) => a - b).map(([, call]) => call);
      return checkedAnswer({
        text: texts.join(''),
        reasoning: reasonings.join(''),
        toolCalls,
        finishReason: finish.reason,
        usage: finish.usage ?? null,
        costUsd: finish.costUsd ?? null,
        ...(finish.costSource === undefined ? {} : { costSource: finish.costSource }),
        logprobs: logprobs.length === 0 ? null : logprobs,
        model: finish.model ?? null,
        ...(finish.hasMedia === true ? { hasMedia: true } : {}),
        raw: finish.raw,
      });
    },
  };
}

/** UTF-16 units that a chunk adds to its answer: what a reader would see of it. */
export function chunkLength({ text, reasoning, toolCall }: AnswerChunk): number {
  const call = toolCall === undefined ? 0 : (toolCall.name?.length ?? 0) + (toolCall.arguments?.length ?? 0);
  return (text?.length ?? 0) + (reasoning?.length ?? 0) + call;
}

/**
 * What a client gave, with every field there. Numbers that cannot be true are unknown.
 *
 * @throws MalformedAnswerError when it is no answer.
 */
export function readAnswer(given: ClientAnswer, from: string): Answer {
  if (given === null || typeof given !== 'object' || typeof given.text !== 'string') {
    throw new MalformedAnswerError(
      `\`text\` of the answer of \`${from}\` must be text. Got ${given === null ? 'null' : typeof given?.text}.`,
    );
  }
  const toolCalls = given.toolCalls ?? [];
  return checkedAnswer({
    text: given.text,
    reasoning: given.reasoning ?? '',
    toolCalls,
    finishReason: given.finishReason ?? (toolCalls.length > 0 ? 'tool-calls' : 'stop'),
    usage: given.usage ?? null,
    costUsd: given.costUsd ?? null,
    ...(given.costSource === undefined ? {} : { costSource: given.costSource }),
    logprobs: given.logprobs ?? null,
    model: given.model ?? null,
    ...(given.hasMedia === true ? { hasMedia: true } : {}),
    raw: given.raw,
  });
}

/**
 * An answer whose numbers can be believed; what cannot be true is unknown.
 *
 * @throws MalformedAnswerError when one of its tool calls cannot be carried out.
 */
function checkedAnswer(answer: Answer): Answer {
  for (const { name, arguments: given } of answer.toolCalls) {
    if (typeof name === 'string' && name !== '' && typeof given === 'string') continue;
    throw new MalformedAnswerError('A tool call must have a `name`, and `arguments` as text.');
  }
  const { logprobs } = answer;
  return {
    ...answer,
    usage: soundUsage(answer.usage),
    costUsd: soundCost(answer.costUsd),
    // A probability a hair above 1 is rounding.
    logprobs: logprobs?.every((value) => value <= 1e-6) === true ? logprobs : null,
  };
}

/** Whether it says nothing at all. That something was filtered, or refused, is an answer. */
export function isEmptyAnswer({ text, toolCalls, hasMedia, finishReason }: Answer): boolean {
  const saysNothing = text.trim() === '' && toolCalls.length === 0 && hasMedia !== true;
  return saysNothing && finishReason !== 'content-filter';
}

/** A whole answer as chunks, for callers that read it as a stream. */
export function answerChunks(answer: Answer): AnswerChunk[] {
  const chunks: AnswerChunk[] = [];
  if (answer.reasoning !== '') chunks.push({ reasoning: answer.reasoning });
  if (answer.text !== '') chunks.push({ text: answer.text });
  answer.toolCalls.forEach((call, index) => {
    chunks.push({ toolCall: { index, ...call } });
  });
  chunks.push({
    ...(answer.logprobs === null ? {} : { logprobs: answer.logprobs }),
    finish: {
      reason: answer.finishReason,
      ...(answer.usage === null ? {} : { usage: answer.usage }),
      ...(answer.costUsd === null ? {} : { costUsd: answer.costUsd }),
      ...(answer.costSource === undefined ? {} : { costSource: answer.costSource }),
      ...(answer.model === null ? {} : { model: answer.model }),
      ...(answer.hasMedia === true ? { hasMedia: true } : {}),
      raw: answer.raw,
    },
  });
  return chunks;
}

/**
 * One way to get an answer: an async function. It must stop when `signal` aborts, and throw when it has no whole
 * answer: an `UpstreamError` says best what went wrong, other errors are read by `status`, `isRetryable` and `code`.
 */
export type Client<R extends Request = Request> = (
  request: R,
  context: ClientContext,
) => Promise<ClientAnswer | AsyncIterable<AnswerChunk>> | AsyncIterable<AnswerChunk>;

/** An answer as a client may give it: the text, and what else it knows. */
export type ClientAnswer = Pick<Answer, 'text'> & Partial<Answer>;

/** What a client is told beside the request. */
export interface ClientContext {
  /** Aborts when the answer is no longer wanted: cancelled, too late, or another one won. */
  readonly signal: AbortSignal;
  /** The candidate that is called, by its name in the router. */
  readonly candidate: string;
  /** Whether the caller reads the answer as it comes. A client that gives it whole is fine too. */
  readonly stream: boolean;
  /** Whether log-probabilities are wanted. */
  readonly logprobs: boolean;
  /** 0 for the answer; 1 and on for further samples of the same request, which must not be the same by design. */
  readonly sample: number;
  /** 0 for the first attempt; 1 and on when it is sent again. */
  readonly retry: number;
}

/** Clients by the name of their candidate. */
export type ClientMap<R extends Request = Request> = Readonly<Record<string, Client<R>>>;

/** What candidates ask for their tokens; `manifest.candidates` of a router, or the caller's own list. */
export type PricedCandidates = readonly (TokenPrices & { readonly name: string })[];

/** US dollars for these tokens; null where a price is not known. */
export function priceOf(usage: Usage, candidate: string, prices: PricedCandidates): number | null {
  return usageCost(usage, prices.find(({ name }) => name === candidate) ?? {});
}

/** US dollars for these tokens at these prices; null where a price is not known. */
export function usageCost(usage: Usage, prices: TokenPrices): number | null {
  const { cachedInputTokens, inputTokens, outputTokens, reasoningTokens } = usage;
  const cost = tokenCost(prices, inputTokens, outputTokens, cachedInputTokens, reasoningTokens);
  return Number.isNaN(cost) ? null : cost;
}

/**
 * Usage as an upstream says it, where it can be true: whole numbers from 0 on; else null, which is unknown. Of parts that
 * cannot be true nothing is kept.
 */
export function soundUsage(usage: Usage | null | undefined): Usage | null {
  if (usage === null || typeof usage !== 'object') return null;
  const { cachedInputTokens: cached, reasoningTokens: reasoning, ...whole } = usage;
  const { inputTokens, outputTokens } = whole;
  if (!isTokenCount(inputTokens) || !isTokenCount(outputTokens)) return null;
  return {
    ...whole,
    ...(isPart(cached, inputTokens) ? { cachedInputTokens: cached } : {}),
    ...(isPart(reasoning, outputTokens) ? { reasoningTokens: reasoning } : {}),
  };
}

function isPart(value: unknown, whole: number): value is number {
  return isTokenCount(value) && value > 0 && value <= whole;
}

function isTokenCount(value: unknown): value is number {
  return (
    typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= LARGEST_AMOUNTS.inputTokens
  );
}

/** A cost where it can be true, else null: a negative one would give a budget back what was spent. */
export function soundCost(costUsd: number | null | undefined): number | null {
  return typeof costUsd === 'number' && costUsd >= 0 && costUsd <= LARGEST_AMOUNTS.costUsd ? costUsd : null;
}

/** The client's own bill, else the tokens' price; null where neither is known. */
export function answerCost(
  answer: Answer,
  candidate: string,
  prices: PricedCandidates,
): { readonly costUsd: number; readonly costSource: CostSource } | null {
  const { costSource = 'reported', costUsd, usage } = answer;
  if (costUsd !== null) return { costUsd, costSource };
  const price = usage === null ? null : priceOf(usage, candidate, prices);
  return price === null ? null : { costUsd: price, costSource: 'computed' };
}

/** Answers with the same key say the same: compared after trimming and lower-casing, tool calls as they are. */
export function answerKey({ text, toolCalls }: Answer): string {
  const calls = toolCalls.map(({ name, arguments: given }) => [name, given]);
  return JSON.stringify([text.trim().toLowerCase(), calls]);
}

/**
 * What endpoints say when an answer is whole, or was cut for a reason that its caller can know. OpenAI's own words come
 * first; behind them those that compatible endpoints hand on from Anthropic, Gemini, Bedrock, Cohere, Mistral, Hugging
 * Face, Together, watsonx and Zhipu. Compared without regard to case, and with `_` for `-`.
 */
const REASONS: Readonly<Record<FinishReason, readonly string[]>> = {
  stop: [
    ...['stop', 'stop_sequence', 'stop_token', 'eos', 'eos_token', 'end', 'end_turn', 'end_of_text'],
    ...['complete', 'completed', 'finish_reason_stop'],
  ],
  length: [
    ...['length', 'max_tokens', 'max_token', 'max_output_tokens', 'max_completion_tokens', 'max_length'],
    ...['model_length', 'token_limit', 'model_context_window_exceeded', 'finish_reason_max_tokens'],
  ],
  'tool-calls': ['tool_calls', 'function_call', 'tool_call', 'tool_use', 'function_calls'],
  'content-filter': [
    ...['content_filter', 'content_filtered', 'refusal', 'guardrail_intervened', 'sensitive', 'error_toxic'],
    ...['safety', 'recitation', 'blocklist', 'prohibited_content', 'spii', 'image_safety'],
  ],
  other: [],
};

const KNOWN = new Map(
  Object.entries(REASONS).flatMap(([reason, words]) => words.map((word) => [word, reason as FinishReason])),
);

/** Some endpoints write these in the place of null, in every chunk but the last. */
const NOT_YET = new Set(['', 'null', 'none']);

/**
 * How an answer ended, by the word of the one who gave it.
 *
 * @returns null while it has not ended; undefined for a word that is none of an end: `error`, `abort`, `cancelled`,
 * `network_error`, `insufficient_system_resource`, and whatever is not known. Taking an unknown word for an end would
 * pass half an answer off as a whole one.
 */
export function finishReasonOf(word: unknown): FinishReason | null | undefined {
  if (word === undefined || word === null) return null;
  if (typeof word !== 'string') return undefined;
  const plain = word.trim().toLowerCase().replaceAll('-', '_');
  return NOT_YET.has(plain) ? null : KNOWN.get(plain);
}
