import type { ServerResponse } from 'node:http';

/** A stream in the words of its protocol, read one piece after the other. */
export interface TextPieces {
  /** Null at the end. @throws what broke it */
  next(): Promise<string | null>;
  /** The last words of one that broke. */
  broken(error: unknown): string;
  /** Nobody reads it any more. */
  leave(): Promise<void>;
}

/**
 * To the connection itself: by a `ReadableStream`, headers would be sent apart, and each piece later. Only what is asked for is read, so that a
 * slow reader slows the upstream down.
 */
export async function sendPieces(
  { broken, leave, next }: TextPieces,
  outgoing: ServerResponse,
): Promise<void> {
  let isOver = false;
  let goOn = () => {};
  const left = () => void leave().catch(() => {});
  outgoing.on('drain', () => goOn());
  // Of a connection that is gone; `close` tells of it too.
  outgoing.on('error', () => {});
  outgoing.on('close', () => {
    goOn();
    if (!isOver) left();
  });
  // It may be gone since before anybody listened.
  if (outgoing.destroyed) left();
  try {
    for (let text = await next(); text !== null && !outgoing.destroyed; text = await next()) {
      if (outgoing.write(text) || outgoing.destroyed) continue;
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
    }
    if (outgoing.destroyed) return;
    isOver = true;
    outgoing.end();
  } catch (error) {
    const last = broken(error);
    isOver = true;
    if (outgoing.destroyed) return;
    // After what was written, which waits where another answer of the connection is before it. What ends as if it were whole
    // would be taken for whole.
    outgoing.write(last, () => outgoing.socket?.destroySoon());
  }
}

/** The same where there is no connection to write to. */
export function piecesBody({ broken, leave, next }: TextPieces): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let failure: { readonly error: unknown } | undefined;
  return new ReadableStream(
    {
      async pull(controller) {
        if (failure !== undefined) return controller.error(failure.error);
        try {
          const text = await next();
          if (text === null) controller.close();
          else controller.enqueue(encoder.encode(text));
        } catch (error) {
          failure = { error };
          controller.enqueue(encoder.encode(broken(error)));
        }
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  );
}
