import type { FinishReason, Usage } from '../execution/index.ts';

/** What is read of a completion or of a chunk; all of it comes from outside, so all of it may be missing. */
export interface CompletionLike {
  readonly model?: unknown;
  readonly choices?: readonly (ChoiceLike | null)[] | null;
  readonly usage?: { readonly prompt_tokens?: unknown; readonly completion_tokens?: unknown } | null;
  readonly error?: { readonly message?: unknown; readonly code?: unknown; readonly status?: unknown } | null;
}

export interface ChoiceLike {
  readonly index?: unknown;
  readonly message?: MessageLike | null;
  readonly delta?: MessageLike | null;
  readonly finish_reason?: unknown;
  readonly logprobs?: { readonly content?: readonly ({ readonly logprob?: unknown } | null)[] | null } | null;
}

export interface MessageLike {
  readonly content?: unknown;
  readonly refusal?: unknown;
  /** As several open-weight servers call it. */
  readonly reasoning_content?: unknown;
  readonly reasoning?: unknown;
  readonly tool_calls?: readonly (ToolCallLike | null)[] | null;
}

export interface ToolCallLike {
  readonly index?: unknown;
  readonly id?: unknown;
  readonly function?: { readonly name?: unknown; readonly arguments?: unknown } | null;
}

const REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
};

/** Undefined as long as it is not finished. */
export function readFinishReason(choice: ChoiceLike | null | undefined): FinishReason | undefined {
  const reason = choice?.finish_reason;
  if (typeof reason !== 'string' || reason === '') return undefined;
  return Object.hasOwn(REASONS, reason) ? REASONS[reason] : 'other';
}

export function readUsage({ usage }: CompletionLike): Usage | undefined {
  const inputTokens = usage?.prompt_tokens;
  const outputTokens = usage?.completion_tokens;
  if (typeof inputTokens !== 'number' || typeof outputTokens !== 'number') return undefined;
  return { inputTokens, outputTokens };
}

/** Undefined where there are none. */
export function readLogprobs(choice: ChoiceLike): number[] | undefined {
  const content = choice.logprobs?.content;
  if (!Array.isArray(content)) return undefined;
  return content.map((token) => token?.logprob).filter((value) => typeof value === 'number');
}

/** '' for what is no text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
