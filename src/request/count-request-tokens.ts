import type { Request } from '../request.ts';
import { estimateTokens } from '../tokens.ts';
import { overStretches } from './over-stretches.ts';

/** Length of a text in tokens. Must not throw. */
export type TokenCounter = (text: string) => number;

/** More than this many UTF-16 units are not given to a counter: it counts stretches of a longer request. */
const MOST_COUNTED_UNITS = 131_072;
const COUNTED_STRETCH_UNITS = 4096;

/**
 * Tokens of all that a model reads of a request: every message's text, calls of tools with their arguments, results of
 * tools, text documents, definitions of tools, the schema asked for. Encoded bytes, addresses and ids are left out, and so
 * are images, sounds and files, which every model counts in its own way. Linear in the length of the request.
 *
 * @param count of a text. @default estimateTokens
 * @returns a whole number; 0 where there is nothing to read.
 */
export function countRequestTokens(request: Request, count: TokenCounter = estimateTokens): number {
  const texts: string[] = [];
  if (Array.isArray(request.messages)) collect(request.messages, texts, 0);
  else if (typeof request.text === 'string') texts.push(request.text);
  if (Array.isArray(request.tools)) for (const tool of request.tools) collectJson(tool, texts);
  collectJson((request.responseFormat as { readonly json_schema?: unknown } | undefined)?.json_schema, texts);

  let units = 0;
  for (const text of texts) units += text.length;
  if (count !== estimateTokens && units > MOST_COUNTED_UNITS) {
    return Math.ceil(overStretches(texts.join('\n'), MOST_COUNTED_UNITS, COUNTED_STRETCH_UNITS, count));
  }
  let tokens = 0;
  for (const text of texts) tokens += count(text);
  return Math.ceil(tokens);
}

/** Fields of messages and their parts that a model reads, by the names of all the dialects of chat APIs. */
const READ_FIELDS =
  'content text tool_calls function_call function custom name toolName reasoning_content reasoning thinking summary refusal title context parts source functionCall functionResponse'.split(
    ' ',
  );

/** Fields that hold data: text as it is, anything else as JSON. */
const DATA_FIELDS = 'arguments args input output result response'.split(' ');

/** Nothing that a provider takes is nested deeper; and no nesting may end the process. */
const DEEPEST = 100;

function collect(value: unknown, texts: string[], depth: number): void {
  if (typeof value === 'string') texts.push(value);
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return;
  if (Array.isArray(value)) {
    for (const item of value) collect(item, texts, depth + 1);
    return;
  }
  const part = value as Readonly<Record<string, unknown>>;
  for (const field of READ_FIELDS) collect(part[field], texts, depth + 1);
  for (const field of DATA_FIELDS) collectJson(part[field], texts);
  // A document in plain text; other data are encoded bytes.
  if (part.type === 'text' && typeof part.data === 'string') texts.push(part.data);
}

/** Text as it is. What has no JSON cannot be sent. */
function collectJson(value: unknown, texts: string[]): void {
  try {
    if (value !== undefined) texts.push(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  } catch {}
}
