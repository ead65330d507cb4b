import type { AnswerChunk, Client, ClientContext, Clock } from 'pointsman/execution';
import type { ClientAnswer } from 'pointsman/internal';

/** Answers at once. */
export const says =
  (text: string, more: Partial<ClientAnswer> = {}): Client =>
  async () => ({ text, ...more });

/** Fails at once. */
export const fails =
  (error: unknown): Client =>
  async () => {
    throw error;
  };

/** Never answers, and takes no notice of the signal. */
export const hangs: Client = () => new Promise(() => {});

/** Answers after a while, unless it is aborted. */
export const saysAfter =
  (ms: number, text: string, clock: Clock): Client =>
  (_, { signal }) =>
    new Promise((resolve, reject) => {
      const cancel = clock.after(ms, () => resolve({ text }));
      signal.addEventListener('abort', () => {
        cancel();
        reject(signal.reason);
      });
    });

/** Does one thing after the other, the last one for ever. */
export function inTurn(...clients: Client[]): Client & { readonly calls: ClientContext[] } {
  const calls: ClientContext[] = [];
  const client: Client = (request, context) => {
    calls.push(context);
    return clients[Math.min(calls.length, clients.length) - 1](request, context);
  };
  return Object.assign(client, { calls });
}

/** Streams these pieces; a number waits that long, an error is thrown. Ends as they end. */
export const streams = (clock: Clock, ...pieces: (string | number | Error | AnswerChunk)[]): Client =>
  async function* (_, { signal }) {
    for (const piece of pieces) {
      if (piece instanceof Error) throw piece;
      if (typeof piece === 'number') {
        await new Promise<void>((resolve, reject) => {
          const cancel = clock.after(piece, resolve);
          signal.addEventListener('abort', () => {
            cancel();
            reject(signal.reason);
          });
        });
      } else yield typeof piece === 'string' ? { text: piece } : piece;
    }
  };

export const DONE: AnswerChunk = { finish: { reason: 'stop', usage: { inputTokens: 10, outputTokens: 5 } } };
