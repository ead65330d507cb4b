import { MalformedAnswerError, UpstreamError } from '../errors.ts';
import {
  type FinishReason,
  finishReasonOf,
  soundUsage,
  type ToolCall,
  type ToolCallPiece,
  type Usage,
} from '../execution/answer.ts';
import { isPassing, readSaidError } from '../execution/said-error.ts';
import type { Endpoint } from './endpoint.ts';

/** What is read of a completion or of a chunk; all of it comes from outside, so all of it may be anything. */
interface Completion {
  readonly model?: unknown;
  readonly choices?: unknown;
  readonly usage?: unknown;
  readonly x_groq?: unknown;
}

export interface CompletionChoice {
  readonly index?: unknown;
  readonly message?: unknown;
  readonly delta?: unknown;
  readonly finish_reason?: unknown;
  readonly error?: unknown;
  readonly usage?: unknown;
  readonly logprobs?: unknown;
}

export interface CompletionMessage {
  readonly content?: unknown;
  readonly refusal?: unknown;
  /** As several open-weight servers call it. */
  readonly reasoning_content?: unknown;
  readonly reasoning?: unknown;
  readonly reasoning_text?: unknown;
  readonly thinking?: unknown;
  readonly tool_calls?: unknown;
  readonly function_call?: unknown;
  readonly audio?: unknown;
  readonly images?: unknown;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * A completion, or a chunk of one.
 *
 * @throws MalformedAnswerError when it is none.
 * @throws UpstreamError for an error in the place of it.
 */
export function asCompletion(body: unknown, endpoint: Endpoint): Completion {
  // Gemini puts its errors into a list.
  const completion = Array.isArray(body) && body.length === 1 ? body[0] : body;
  if (!isObject(completion)) {
    const got = Array.isArray(completion) ? 'a list' : completion === null ? 'null' : typeof completion;
    throw new MalformedAnswerError(`${endpoint.shownUrl} gave ${got} in the place of an answer.`);
  }
  const { error, choices } = completion;
  const hasChoices = Array.isArray(choices) && choices.length > 0;
  // Some write an empty error beside a good answer.
  if (error !== undefined && error !== null && !(hasChoices && isBlank(error))) {
    throw saidError(completion, endpoint);
  }
  if (!hasChoices && saysError(completion)) throw saidError(completion, endpoint);
  return completion;
}

/** Errors without an `error`: of vLLM, of FastAPI, of gateways. */
function saysError(body: Record<string, unknown>): boolean {
  if (body.object === 'error' || body.type === 'error') return true;
  if (!isBlank(body.detail) || !isBlank(body.errors)) return true;
  return typeof body.message === 'string' && readSaidError(body).status !== null;
}

/** Whether an error says nothing; one that is made to be deep says something. */
function isBlank(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return !value;
  return depth < 4 && Object.values(value).every((inner) => isBlank(inner, depth + 1));
}

/** What an upstream says that went wrong, in an answer with a good status. */
export function saidError(error: unknown, endpoint: Endpoint): UpstreamError {
  const said = readSaidError(error);
  const words = endpoint.quote(said.message === '' ? written(error) : said.message);
  const retryable = isPassing(said);
  return new UpstreamError(`${endpoint.shownUrl} gave an error: ${words}`, {
    said: words,
    ...(said.status === null ? {} : { status: said.status }),
    ...(retryable === null ? {} : { retryable }),
  });
}

function written(error: unknown): string {
  try {
    return JSON.stringify(error).slice(0, 1000);
  } catch {
    return 'one that is too deep to be written down.';
  }
}

/** The choice that is the answer: others were asked for by `n`, and are somebody else's. */
export function firstChoice({ choices }: Completion): CompletionChoice | undefined {
  if (!Array.isArray(choices)) return undefined;
  return choices.filter(isObject).find(({ index }) => index == null || Number(index) === 0);
}

/**
 * Undefined as long as it is not finished.
 *
 * @throws UpstreamError when it ended without being whole.
 */
export function readFinish(choice: CompletionChoice, endpoint: Endpoint): FinishReason | undefined {
  const { finish_reason: word, error } = choice;
  const reason = finishReasonOf(word);
  if (reason === undefined || !(error == null || isBlank(error))) {
    if (error != null && !isBlank(error)) throw saidError({ error }, endpoint);
    throw new UpstreamError(
      `${endpoint.shownUrl} ended its answer with "${endpoint.quote(String(word))}", which does not say that it is whole.`,
    );
  }
  return reason ?? undefined;
}

/** Where endpoints put it: beside the choices, within one (Moonshot), or within a field of their own (Groq). */
export function readUsage(
  { usage, x_groq: groq }: Completion,
  choice: CompletionChoice | undefined,
): Usage | undefined {
  for (const given of [usage, choice?.usage, isObject(groq) ? groq.usage : undefined]) {
    if (!isObject(given)) continue;
    const input = given.prompt_tokens ?? given.input_tokens;
    const output =
      given.completion_tokens ?? given.output_tokens ?? Number(given.total_tokens) - Number(input);
    const usage = soundUsage({
      inputTokens: input as number,
      outputTokens: output as number,
      cachedInputTokens: partOf(given, ['prompt', 'input'], 'cached_tokens'),
      reasoningTokens: partOf(given, ['completion', 'output'], 'reasoning_tokens'),
    });
    if (usage !== null) return usage;
  }
  return undefined;
}

/** Some name what is read prompt, some input; 0 where nothing is said. */
function partOf(usage: Record<string, unknown>, names: readonly string[], part: string): number {
  const details = names.map((name) => usage[`${name}_tokens_details`]).find(isObject);
  return Number(details?.[part] ?? 0);
}

/** Undefined where there are none. */
export function readLogprobs({ logprobs }: CompletionChoice): number[] | undefined {
  const content = isObject(logprobs) ? logprobs.content : undefined;
  if (!Array.isArray(content) || content.length === 0) return undefined;
  // NaN for a token whose probability is not told: a mean over the others would be too good.
  return content.map((token) =>
    isObject(token) && typeof token.logprob === 'number' ? token.logprob : Number.NaN,
  );
}

/** What an endpoint calls its model. */
export function readModel({ model }: Completion, endpoint: Endpoint): { readonly model?: string } {
  return typeof model === 'string' && model !== '' ? { model: endpoint.quote(model) } : {};
}

/**
 * The calls of a whole message.
 *
 * @throws MalformedAnswerError when one names no function.
 */
export function readToolCalls(message: CompletionMessage, endpoint: Endpoint): ToolCall[] {
  return writtenCalls(message, endpoint).map(({ id, name, written }) => {
    if (name === '') {
      throw new MalformedAnswerError(`${endpoint.shownUrl} gave a tool call that names no function.`);
    }
    return { id, name, arguments: written };
  });
}

/** Tells which call each piece of a stream belongs to. */
export interface ToolCallReader {
  read(delta: CompletionMessage): ToolCallPiece[];
}

interface OpenCall {
  readonly index: number;
  id: string;
  name: string;
  readonly json: JsonEnd;
}

/**
 * By the API, pieces of one call have one index. Compatible endpoints of Gemini and Ollama give 0 to all of them, others
 * none at all; their calls come whole, or one after the other. So a piece begins another call when it names a function
 * under another id than the call under way has, or names one again after a whole JSON object came. An id alone
 * begins none: vLLM and others have drawn a new one for each piece.
 */
export function createToolCallReader(endpoint: Endpoint): ToolCallReader {
  const open = new Map<number, OpenCall>();
  let count = 0;
  return {
    read(delta) {
      const pieces: ToolCallPiece[] = [];
      for (const [position, piece] of writtenCalls(delta, endpoint).entries()) {
        const slot = piece.index ?? position;
        let call = open.get(slot);
        if (call === undefined || beginsAnother(piece, call)) {
          call = { index: count++, id: '', name: '', json: createJsonEnd() };
          open.set(slot, call);
        }
        // LiteLLM repeats each call as a whole when it has ended.
        if (piece.id !== '' && piece.id === call.id && piece.name !== '' && call.json.reached) continue;
        call.json.feed(piece.written);
        pieces.push({
          index: call.index,
          ...(call.id === '' && piece.id !== '' ? { id: piece.id } : {}),
          ...(call.name === '' && piece.name !== '' ? { name: piece.name } : {}),
          ...(piece.written === '' ? {} : { arguments: piece.written }),
        });
        call.id ||= piece.id;
        call.name ||= piece.name;
      }
      return pieces;
    },
  };
}

function beginsAnother({ id, name, written }: WrittenCall, current: OpenCall): boolean {
  if (name === '' || current.name === '') return false;
  if (id !== '' && current.id !== '') return id !== current.id;
  return name !== current.name || (current.json.reached && written !== '');
}

/** What is written of a call: all of it, or a piece. */
interface WrittenCall {
  readonly index: number | undefined;
  readonly id: string;
  readonly name: string;
  /** Of its arguments. */
  readonly written: string;
}

function writtenCalls(
  { tool_calls: calls, function_call: old }: CompletionMessage,
  endpoint: Endpoint,
): WrittenCall[] {
  const list = Array.isArray(calls) && calls.length > 0 ? calls : [calls, old];
  return list
    .filter(isObject)
    .map((call) => writtenCall(call, endpoint))
    .filter(({ id, name, written }) => id !== '' || name !== '' || written !== '');
}

/** A function, or a custom tool whose input is plain text; some give its fields without either around them. */
function writtenCall(call: Record<string, unknown>, endpoint: Endpoint): WrittenCall {
  const asked = [call.function, call.custom].find(isObject) ?? call;
  const index = call.index == null || call.index === '' ? Number.NaN : Number(call.index);
  return {
    index: Number.isInteger(index) ? index : undefined,
    id: textOf(call.id ?? call.call_id),
    name: textOf(asked.name),
    written: argumentsOf(asked.arguments ?? asked.input ?? asked.parameters, endpoint),
  };
}

/** JSON already, or what is to become it: llama.cpp and others have given objects. */
function argumentsOf(given: unknown, { shownUrl }: Endpoint): string {
  if (given === undefined || given === null) return '';
  if (typeof given === 'string') return given;
  try {
    return JSON.stringify(given);
  } catch (cause) {
    throw new MalformedAnswerError(`${shownUrl} gave arguments of a tool call that cannot be written down.`, {
      cause,
    });
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Finds the end of an object in JSON that comes in pieces, looking at each character once. */
interface JsonEnd {
  readonly reached: boolean;
  feed(piece: string): void;
}

function createJsonEnd(): JsonEnd {
  let depth = 0;
  let inString = false;
  let isEscaped = false;
  let reached = false;
  return {
    get reached() {
      return reached;
    },
    feed(piece) {
      for (const letter of piece) {
        if (isEscaped) isEscaped = false;
        else if (inString) {
          isEscaped = letter === '\\';
          inString = letter !== '"';
        } else if (letter === '"') inString = true;
        else if (letter === '{' || letter === '[') depth++;
        else if (letter === '}' || letter === ']') reached = --depth === 0;
      }
    },
  };
}
