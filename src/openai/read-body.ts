import { MalformedAnswerError, UpstreamError } from '../errors.ts';
import { letTimersRun } from '../execution/async.ts';
import type { Endpoint } from './endpoint.ts';

/** The text of a response as it comes. */
export interface TextSource {
  /** Bytes so far, decompressed. */
  readonly bytes: number;
  /**
   * The next piece, never ''; null at the end.
   *
   * @throws UpstreamError when the connection is lost.
   */
  next(): Promise<string | null>;
  /** Lets go of the response, though a piece is being waited for. */
  cancel(): void;
}

/** UTF-16 units that are handed on at a time, so that timers have their turn in between. */
const SLICE = 8192;
const LONGEST_STRETCH_MS = 10;

function openText(response: Response, endpoint: Endpoint): TextSource {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let bytes = 0;
  let waiting = '';
  let ended = reader === undefined;
  const read = async () => {
    try {
      const { done, value } = await (reader as NonNullable<typeof reader>).read();
      ended = done;
      bytes += value?.byteLength ?? 0;
      waiting = decoder.decode(value, { stream: !done });
    } catch (error) {
      throw new UpstreamError(`The connection to ${endpoint.shownUrl} was lost.`, {
        cause: endpoint.cleaned(error),
      });
    }
  };
  return {
    get bytes() {
      return bytes;
    },
    async next() {
      await letTimersRun(LONGEST_STRETCH_MS);
      while (waiting === '' && !ended) await read();
      const piece = waiting.slice(0, SLICE);
      waiting = waiting.slice(SLICE);
      return piece === '' ? null : piece;
    },
    cancel() {
      waiting = '';
      ended = true;
      // Not awaited: it may wait for the server, and what it says is of no interest.
      reader?.cancel().catch(() => {});
    },
  };
}

/** A response of which enough was read to tell what it is. */
interface Body {
  readonly kind: 'events' | 'whole';
  readonly text: TextSource;
}

/** Long enough for the longest field of an event, and its colon. */
const TELLING = 6;
const EVENT_FIELD = /^(:|(data|event|id|retry)[:\r\n])/;

/**
 * Tells events from a whole body by how it begins, whatever its content type: gateways send either under any name, and
 * either when the other was asked for.
 */
export async function openBody(response: Response, endpoint: Endpoint): Promise<Body> {
  const rest = openText(response, endpoint);
  let head = '';
  while (head.length < TELLING) {
    const piece = await rest.next();
    if (piece === null) break;
    head = (head + piece).trimStart();
  }
  const isNamedEvents = /event-stream/i.test(response.headers.get('content-type') ?? '');
  const isEvents = EVENT_FIELD.test(head) || (isNamedEvents && !/^[{[<]/.test(head));
  const text: TextSource = {
    get bytes() {
      return rest.bytes;
    },
    async next() {
      if (head === '') return rest.next();
      const first = head;
      head = '';
      return first;
    },
    cancel: rest.cancel,
  };
  return { kind: isEvents ? 'events' : 'whole', text };
}

/**
 * The JSON of a whole body, and its text: the same JSON, as it was written where that is sound.
 *
 * @throws MalformedAnswerError when it is none, or longer than `maxResponseBytes`.
 */
export async function readWhole(
  source: TextSource,
  endpoint: Endpoint,
): Promise<{ readonly body: unknown; readonly text: string }> {
  const pieces: string[] = [];
  try {
    for (let piece = await source.next(); piece !== null; piece = await source.next()) {
      if (source.bytes > endpoint.maxResponseBytes) throw tooLong(endpoint);
      pieces.push(piece);
    }
  } finally {
    source.cancel();
  }
  const text = withoutDone(pieces.join(''));
  try {
    return { body: JSON.parse(text), text };
  } catch {
    // It may be sound but for its numbers.
  }
  try {
    const body = parseBody(text);
    return { body, text: JSON.stringify(body) };
  } catch {
    // Without the parser's own error, which quotes what it read.
    const what = /^\s*[{[]/.test(text)
      ? `JSON that is not whole, ${text.length} characters: it was cut, or is none.`
      : `something else than JSON, ${text.length} characters. Check the address.`;
    throw new MalformedAnswerError(`${endpoint.shownUrl} gave ${what}`);
  }
}

/** The last event of a stream. */
export const DONE = '[DONE]';

/** Some end a whole answer as they end their streams. */
function withoutDone(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed.endsWith(DONE) ? trimmed.slice(0, trimmed.lastIndexOf('data:')) : text;
}

export function tooLong({ shownUrl, maxResponseBytes }: Endpoint): MalformedAnswerError {
  return new MalformedAnswerError(
    `${shownUrl} gave more than ${maxResponseBytes} bytes, and was not read to its end. If answers may be that long, ` +
      'raise `maxResponseBytes` of the client.',
  );
}

/** What stands at the beginning of a response: no more than so many characters, waited for no longer than so many milliseconds. */
export async function readBeginning(
  response: Response,
  endpoint: Endpoint,
  characters: number,
  ms: number,
): Promise<string> {
  const source = openText(response, endpoint);
  const timer = setTimeout(source.cancel, ms);
  let text = '';
  try {
    for (let piece = await source.next(); piece !== null; piece = await source.next()) {
      text += piece;
      if (text.length >= characters) break;
    }
  } catch {
    // A refusal whose words do not come through is a refusal all the same.
  } finally {
    clearTimeout(timer);
    source.cancel();
  }
  return text;
}

/**
 * JSON as servers write it: where a number could not be told, Python's writes `NaN` or `Infinity`, which is no JSON and
 * is read as null.
 *
 * @throws SyntaxError when it is no JSON beside that.
 */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
    return JSON.parse(withNull(text));
  }
}

/** The same; undefined for what is no JSON. */
export function parsed(text: string): unknown {
  try {
    return parseBody(text);
  } catch {
    return undefined;
  }
}

const UNKNOWN = ['NaN', 'Infinity', '-Infinity'];

/** By hand: an expression for strings and words takes the square of a hostile text's length. */
function withNull(text: string): string {
  const parts: string[] = [];
  let from = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (inString && letter === '\\') i++;
    else if (letter === '"') inString = !inString;
    else if (!inString && (letter === 'N' || letter === 'I' || letter === '-')) {
      const word = UNKNOWN.find((unknown) => text.startsWith(unknown, i));
      if (word === undefined) continue;
      parts.push(text.slice(from, i), 'null');
      from = i + word.length;
      i = from - 1;
    }
  }
  return parts.join('') + text.slice(from);
}

/** What a server sent at once. */
export interface ServerEvent {
  /** '' where the server gave none. */
  readonly name: string;
  readonly data: string;
  /** Whether the empty line behind it is missing: the end of the stream may have cut it. */
  readonly unended: boolean;
  /** All its lines and the empty one, where `rawText` asks for them; '' else. Lines end in LF. */
  readonly source: string;
}

export interface EventReader {
  /**
   * The next event that has data; null at the end.
   *
   * @throws MalformedAnswerError when an event is longer than `maxResponseBytes`.
   */
  next(): Promise<ServerEvent | null>;
  /** Lets go of the response, though an event is being waited for. */
  cancel(): void;
}

/**
 * Events of a stream (WHATWG HTML §9.2.6), in time that grows with its length, whatever it holds: an upstream may send
 * nothing but empty lines, or lines that mean nothing. Of the last event the empty line may be missing, which the
 * standard would drop and proxies do lose.
 */
export function openEvents(text: TextSource, endpoint: Endpoint): EventReader {
  const ready: ServerEvent[] = [];
  let begunLine = '';
  let lines: string[] = [];
  let source: string[] = [];
  let size = 0;
  let name = '';
  let afterReturn = false;

  const dispatch = (unended: boolean) => {
    if (lines.length > 0) {
      const sent = endpoint.rawText ? `${source.join('\n')}\n\n` : '';
      ready.push({ name, data: lines.join('\n'), unended, source: sent });
    }
    lines = [];
    source = [];
    size = 0;
    name = '';
  };
  const takeLine = (line: string) => {
    if (line === '') return dispatch(false);
    if (endpoint.rawText) {
      source.push(line);
      size += line.length + 1;
    }
    const data = fieldOf(line, 'data');
    if (data !== undefined) {
      lines.push(data);
      size += data.length + 1;
    } else name = fieldOf(line, 'event') ?? name;
  };
  const takePiece = (piece: string) => {
    const plain = withLineFeeds(piece, afterReturn);
    afterReturn = piece.endsWith('\r');
    let start = 0;
    for (let end = plain.indexOf('\n'); end !== -1; end = plain.indexOf('\n', start)) {
      takeLine(begunLine + plain.slice(start, end));
      begunLine = '';
      start = end + 1;
    }
    begunLine += plain.slice(start);
    if (begunLine.length + size > endpoint.maxResponseBytes) throw tooLong(endpoint);
  };
  return {
    async next() {
      while (ready.length === 0) {
        const piece = await text.next();
        if (piece !== null) takePiece(piece);
        else if (begunLine === '' && lines.length === 0) return null;
        else {
          if (begunLine !== '') takeLine(begunLine);
          begunLine = '';
          dispatch(true);
        }
      }
      return ready.shift() as ServerEvent;
    },
    cancel: text.cancel,
  };
}

/** What stands behind a field's colon; undefined when the line has another field. */
function fieldOf(line: string, field: string): string | undefined {
  if (!line.startsWith(field)) return undefined;
  if (line.length === field.length) return '';
  if (line[field.length] !== ':') return undefined;
  return line.slice(field.length + (line[field.length + 1] === ' ' ? 2 : 1));
}

/** Lines end in CR, LF or both; the two of a pair may come in two pieces. */
function withLineFeeds(piece: string, afterReturn: boolean): string {
  const rest = afterReturn && piece.startsWith('\n') ? piece.slice(1) : piece;
  return rest.includes('\r') ? rest.replace(/\r\n?/g, '\n') : rest;
}
