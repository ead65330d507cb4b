import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import type { ToolCall, ToolCallPiece } from '../execution/answer.ts';
import { isObject, type Message } from '../openai/completion-parts.ts';
import type { Endpoint } from '../openai/endpoint.ts';

/**
 * The calls of a whole message.
 *
 * @throws MalformedAnswerError when one names no function.
 */
export function readToolCalls(message: Message, endpoint: Endpoint): ToolCall[] {
  return writtenCalls(message, endpoint).map(({ id, name, written }) => {
    if (name === '') {
      throw new MalformedAnswerError(`${endpoint.shownUrl} gave a tool call that names no function.`);
    }
    return { id, name, arguments: written };
  });
}

/** Tells which call each piece of a stream belongs to. */
export interface ToolCallReader {
  read(delta: Message): ToolCallPiece[];
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

function writtenCalls({ tool_calls: calls, function_call: old }: Message, endpoint: Endpoint): WrittenCall[] {
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
