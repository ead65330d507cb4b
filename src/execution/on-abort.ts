/**
 * Calls `then` when the signal aborts, once.
 *
 * However many wait for one signal, it has one listener: a signal that every request of a server shares would have
 * one a request, and the platform warns of a leak from the eleventh on. It has none when nobody waits.
 *
 * @param signal not aborted yet.
 * @returns stops waiting.
 */
export function onAbort(signal: AbortSignal, then: () => void): () => void {
  const relay = relays.get(signal) ?? createRelay(signal);
  // Of its own, so that the same function may wait twice.
  const waiting = { then };
  relay.add(waiting);
  return () => relay.remove(waiting);
}

interface Relay {
  add(waiting: Waiting): void;
  remove(waiting: Waiting): void;
}

interface Waiting {
  readonly then: () => void;
}

/** Held only as long as the signals are. */
const relays = new WeakMap<AbortSignal, Relay>();

function createRelay(signal: AbortSignal): Relay {
  const everybody = new Set<Waiting>();
  const tell = () => {
    for (const waiting of everybody) {
      everybody.delete(waiting);
      waiting.then();
    }
  };
  const relay: Relay = {
    add(waiting) {
      if (everybody.size === 0) signal.addEventListener('abort', tell, { once: true });
      everybody.add(waiting);
    },
    remove(waiting) {
      if (everybody.delete(waiting) && everybody.size === 0) signal.removeEventListener('abort', tell);
    },
  };
  relays.set(signal, relay);
  return relay;
}
