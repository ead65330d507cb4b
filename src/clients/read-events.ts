import type { Endpoint } from '../openai/endpoint.ts';
import { type TextSource, tooLong } from '../openai/read-body.ts';

/** What a server sent at once. */
export interface ServerEvent {
  /** '' where the server gave none. */
  readonly name: string;
  readonly data: string;
  /** Whether the empty line behind it is missing: the end of the stream may have cut it. */
  readonly unended: boolean;
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
  let size = 0;
  let name = '';
  let afterReturn = false;

  const dispatch = (unended: boolean) => {
    if (lines.length > 0) ready.push({ name, data: lines.join('\n'), unended });
    lines = [];
    size = 0;
    name = '';
  };
  const takeLine = (line: string) => {
    if (line === '') return dispatch(false);
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
