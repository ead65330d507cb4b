import type { CostSource } from '../log/record.ts';

export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'other';

/** A function that the model asks to be called. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON, as the model wrote it. */
  readonly arguments: string;
}

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
