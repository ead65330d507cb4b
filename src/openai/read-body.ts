import { parseJson } from '../clients/parse-json.ts';
import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import { UpstreamError } from '../errors/upstream-error.ts';
import { letTimersRun } from '../execution/let-timers-run.ts';
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
 * The JSON of a whole body.
 *
 * @throws MalformedAnswerError when it is none, or longer than `maxResponseBytes`.
 */
export async function readWhole(source: TextSource, endpoint: Endpoint): Promise<unknown> {
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
    return parseJson(text);
  } catch {
    // Without the parser's own error, which quotes what it read.
    const what = /^\s*[{[]/.test(text)
      ? `JSON that is not whole, ${text.length} characters: it was cut, or is none.`
      : `something else than JSON, ${text.length} characters. Check the address.`;
    throw new MalformedAnswerError(`${endpoint.shownUrl} gave ${what}`);
  }
}

/** Some end a whole answer as they end their streams. */
function withoutDone(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed.endsWith('[DONE]') ? trimmed.slice(0, trimmed.lastIndexOf('data:')) : text;
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
