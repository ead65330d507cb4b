import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createAdaptorServer, type HttpBindings } from '@hono/node-server';
import { InvalidInputError } from 'pointsman';
import type { Gateway } from './create-gateway.ts';

/** A gateway that listens. */
export interface RunningServer {
  /** Such as `http://127.0.0.1:8800`. */
  readonly url: string;
  /**
   * Takes no new requests, waits for those under way, and closes the gateway.
   *
   * @param graceMs after which connections are cut. @default 30000
   */
  close(graceMs?: number): Promise<void>;
}

interface ServeOptions {
  /** Milliseconds beyond the longest deadline, for clients that take nothing of what is sent to them: their connections are cut then. @default 60000 */
  readonly stalledMs?: number;
}

/** Milliseconds between two looks for connections that have become idle, while it closes. */
const LOOK_MS = 50;

/** Longer timers fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** For an answer that waits behind another of its connection: Node does not tell it when that is gone. */
function closeWith(socket: Socket, outgoing: ServerResponse): void {
  const gone = () => void outgoing.destroy().emit('close');
  // As many as a client sends at once.
  socket.setMaxListeners(0).once('close', gone);
  outgoing.once('socket', () => socket.off('close', gone));
}

/**
 * Lets a gateway listen at the address of its configuration: on this machine alone, unless that says otherwise. The
 * global `Request` and `Response` become those of `@hono/node-server`, which make a fraction of the work.
 *
 * @throws InvalidInputError when the address cannot be listened at.
 * @example
 * const server = await serve(await createGateway(config));
 */
export async function serve(
  gateway: Gateway,
  { stalledMs = 60_000 }: ServeOptions = {},
): Promise<RunningServer> {
  const { host, port } = gateway.config.listen;
  const server = createAdaptorServer({
    fetch(request, env) {
      const { incoming, outgoing } = env as HttpBindings;
      if (outgoing.socket === null) closeWith(incoming.socket, outgoing);
      return gateway.fetch(request, env);
    },
  }) as Server;
  // While a model thinks nothing comes and goes, but only until the deadline.
  server.timeout = Math.min(gateway.config.execution.deadlineMs + stalledMs, LONGEST_TIMER_MS);
  // Longer than load balancers keep theirs, so that none is closed just as a request comes.
  server.keepAliveTimeout = 75_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      reject(
        new InvalidInputError(
          `${host}:${port} cannot be listened at (${code}). Give another \`listen.port\`.`,
        ),
      );
    });
    server.listen(port, host, resolve);
  });
  const { address, family, port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`,
    async close(graceMs = 30_000) {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      gateway.leave();
      // Those under way become idle one after the other.
      const looking = setInterval(() => server.closeIdleConnections(), LOOK_MS);
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      server.closeIdleConnections();
      await closed;
      clearInterval(looking);
      clearTimeout(timer);
      await gateway.close();
    },
  };
}
