import { createParser } from 'eventsource-parser';
import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';

/** Longest event that is waited for; a server that sends no line end is not read for ever. */
const LONGEST_EVENT = 8 * 2 ** 20;

/**
 * Data of the server-sent events in a response, as they come. Lets go of the response when the caller stops, or the
 * stream does.
 *
 * @throws MalformedAnswerError when an event is longer than 8 MB.
 */
export async function* readEvents(response: Response): AsyncGenerator<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const decoder = new TextDecoder();
  const events: string[] = [];
  let failure: Error | undefined;
  const parser = createParser({
    maxBufferSize: LONGEST_EVENT,
    onEvent: ({ data }) => events.push(data),
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') failure = new MalformedAnswerError('A stream without events.');
    },
  });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (!done) parser.feed(decoder.decode(value, { stream: true }));
      yield* events.splice(0);
      if (failure !== undefined) throw failure;
      if (done) return;
    }
  } finally {
    // Not awaited: it may wait for the server, and what it says is of no interest.
    reader.cancel().catch(() => {});
  }
}
