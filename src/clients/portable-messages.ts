import type { Message } from '../request.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Where what a provider signed, encrypted or keeps stands in a message, and whose endpoint wants it back. */
const SIGNED: Readonly<Record<string, RegExp | null>> = {
  // OpenRouter.
  reasoning_details: /(^|\.)openrouter\.ai$/,
  // Gemini's compatible endpoints, which refuse their own calls without it.
  extra_content: /(^|\.)googleapis\.com$/,
  thought_signature: /(^|\.)googleapis\.com$/,
  // LiteLLM, of whichever provider it asked.
  thinking_blocks: null,
  provider_specific_fields: null,
  // GitHub Copilot.
  reasoning_opaque: null,
  encrypted_content: null,
  signature: null,
};

/** Thoughts in plain words; they go with what was signed of them. */
const THOUGHTS = new Set(['reasoning_content', 'reasoning', 'reasoning_text', 'thinking']);

/**
 * Messages as an endpoint may read them that may not be the one which answered before. What another provider signed is
 * left out: it would be refused. Plain `reasoning_content`, which some endpoints want back, stays.
 *
 * @param host of the endpoint.
 */
export function portableMessages(messages: readonly Message[], host: string): readonly Message[] {
  return messages.flatMap((message) => {
    if (message?.role !== 'assistant') return [message];
    const kept = withoutSigned(message as unknown as Fields, host);
    const { content, tool_calls: calls } = kept;
    const parts = Array.isArray(content) ? content.filter((part) => !isSignedThought(part, host)) : content;
    const isEmpty = Array.isArray(parts) && parts.length === 0 && !Array.isArray(calls);
    // A turn of signed thoughts alone would be an empty message, which endpoints refuse.
    if (isEmpty && (content as readonly unknown[]).length > 0) return [];
    const portable = {
      ...kept,
      ...(content === undefined ? {} : { content: parts }),
      ...(Array.isArray(calls) ? { tool_calls: calls.map((call) => portableCall(call, host)) } : {}),
    };
    return [portable as unknown as Message];
  });
}

function withoutSigned(fields: Fields, host: string): Fields {
  const isForeign = (name: string) => Object.hasOwn(SIGNED, name) && SIGNED[name]?.test(host) !== true;
  const hasForeign = Object.keys(fields).some(isForeign);
  if (!hasForeign) return fields;
  return Object.fromEntries(
    Object.entries(fields).filter(([name]) => !isForeign(name) && !THOUGHTS.has(name)),
  );
}

function isSignedThought(part: unknown, host: string): boolean {
  if (typeof part !== 'object' || part === null) return false;
  const { type } = part as Fields;
  if (type === 'redacted_thinking') return true;
  return /^(thinking|reasoning)/.test(String(type)) && withoutSigned(part as Fields, host) !== part;
}

function portableCall(call: unknown, host: string): unknown {
  if (typeof call !== 'object' || call === null) return call;
  const kept = withoutSigned(call as Fields, host);
  const asked = kept.function;
  if (typeof asked !== 'object' || asked === null) return kept;
  return { ...kept, function: withoutSigned(asked as Fields, host) };
}
