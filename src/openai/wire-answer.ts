import { MalformedAnswerError } from '../errors.ts';
import type { AnswerChunk, ClientAnswer } from '../execution/answer.ts';
import { isObject, readModel, saidError } from './completion-parts.ts';
import type { Endpoint, Wire, WireStream } from './endpoint.ts';
import { DONE, type EventReader, openEvents, parsed, type TextSource, tooLong } from './read-body.ts';

/**
 * A whole answer of another API than chat completions.
 *
 * @throws MalformedAnswerError when it is none, or does not say that it is finished.
 * @throws UpstreamError for an error in the place of it.
 */
export function readWireAnswer(body: unknown, endpoint: Endpoint, wire: Wire): ClientAnswer {
  const answer = bodyOf(body, endpoint);
  const error = wire.errorIn(answer);
  if (error !== undefined) throw saidError(error, endpoint);
  const { model, ...read } = wire.readWhole(answer);
  return { ...read, ...readModel({ model }, endpoint), raw: body };
}

/**
 * The same in events. The last chunk has `finish` when an event has said that the answer is whole; what goes wrong behind
 * that takes nothing from it, and a connection that stays open then is waited for no longer than `finishGraceMs`.
 *
 * @throws MalformedAnswerError when an event is no JSON object.
 * @throws UpstreamError when the endpoint sends an error, or the connection is lost.
 */
export async function* readWireStream(
  text: TextSource,
  endpoint: Endpoint,
  stream: WireStream,
  errorIn: Wire['errorIn'],
): AsyncGenerator<AnswerChunk> {
  const events = openEvents(text, endpoint);
  try {
    yield* readEvents(events, endpoint, stream, errorIn);
  } catch (error) {
    if (stream.finish() === undefined) throw error;
  } finally {
    events.cancel();
  }
  const finish = stream.finish();
  if (finish === undefined) return;
  const { model, ...rest } = finish;
  yield { finish: { ...rest, ...readModel({ model }, endpoint) } };
}

async function* readEvents(
  events: EventReader,
  endpoint: Endpoint,
  stream: WireStream,
  errorIn: Wire['errorIn'],
): AsyncGenerator<AnswerChunk> {
  let hasContent = false;
  let silent = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (let event = await events.next(); event !== null; event = await events.next()) {
      const { data, name, source, unended } = event;
      const body = parsed(data);
      // Cut by the end of the stream, of which the caller learns by the finish that is missing.
      if (body === undefined && unended) return;
      if (name === 'error') throw saidError(body ?? data, endpoint);
      if (data.trim() === DONE) return;
      const said = bodyOf(body, endpoint);
      const error = errorIn(said);
      if (error !== undefined) throw saidError(error, endpoint);
      const chunks = stream.read(said).filter(saysSomething);
      hasContent ||= chunks.length > 0;
      // With the first piece that is read of it; as a piece of its own where there is none.
      for (const [i, chunk] of (chunks.length === 0 && source !== '' ? [{}] : chunks).entries())
        yield i === 0 && source !== '' ? { ...chunk, raw: source } : chunk;
      if (stream.isOver) return;
      if (stream.finish() !== undefined) timer ??= setTimeout(events.cancel, endpoint.finishGraceMs);
      // Until something is said, whoever passes them on holds them back.
      if (!hasContent) silent += source.length;
      if (silent > endpoint.maxResponseBytes) throw tooLong(endpoint);
    }
  } finally {
    clearTimeout(timer);
  }
}

function saysSomething({ reasoning = '', text = '', toolCall }: AnswerChunk): boolean {
  return text !== '' || reasoning !== '' || toolCall !== undefined;
}

function bodyOf(body: unknown, { shownUrl }: Endpoint): Record<string, unknown> {
  if (isObject(body)) return body;
  throw new MalformedAnswerError(
    `${shownUrl} gave something else than a JSON object in the place of an answer. Check which protocol it speaks.`,
  );
}
