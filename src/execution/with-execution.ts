import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { Request } from '../request.ts';
import { checkClients, type DecidingRouter } from './callable.ts';
import type { ClientMap } from './client.ts';
import { type ClientPool, poolParts } from './client-pool.ts';
import { execute, type RoutedOptions, type RoutedResult } from './execute.ts';
import { executeStream, type RoutedStream } from './execute-stream.ts';

/** What a router can do beside, once it has clients. */
export interface Executing<R extends Request = Request> {
  /**
   * Decides and carries out: the function `execute`.
   *
   * @param clients @default those that the router was given
   * @param options go before those that the router was given, field by field.
   * @throws InvalidInputError when there are no clients, and as the function does.
   */
  execute(
    request: R,
    clients?: ClientMap<R> | ClientPool<R>,
    options?: RoutedOptions<R>,
  ): Promise<RoutedResult>;
  /** The same in pieces: the function `executeStream`. */
  executeStream(
    request: R,
    clients?: ClientMap<R> | ClientPool<R>,
    options?: RoutedOptions<R>,
  ): Promise<RoutedStream>;
}

/**
 * The router, able to execute what it decides. All else of it is as it was, also where it swaps its artifact later.
 *
 * A function beside the router and no method of it: most of what executing needs would else be loaded, and sent to
 * browsers and edges, by everybody who only decides.
 *
 * @param clients for every request that brings none of its own. @default none
 * @param options for every request. @default {}
 * @example
 * const router = withExecution(await loadRouter('models/support', { load: pool.load }), pool, { deadlineMs: 20_000 });
 * const { answer } = await router.execute({ text: 'What is 17 * 23?' });
 */
export function withExecution<T extends DecidingRouter, R extends Request = Request>(
  router: T,
  clients?: ClientMap<R> | ClientPool<R>,
  options: RoutedOptions<R> = {},
): T & Executing<R> {
  if (clients !== undefined) checkClients(router, poolParts(clients), options.onWarning);
  const executing: Executing<R> = {
    execute: (request, own = clients, more = {}) =>
      execute(router, request, needed(own), { ...options, ...more }),
    executeStream: (request, own = clients, more = {}) =>
      executeStream(router, request, needed(own), { ...options, ...more }),
  };
  // Inherited, not copied: what the router computes when it is asked is still asked of it.
  return Object.assign(Object.create(router) as T, executing);
}

function needed<C>(clients: C | undefined): C {
  if (clients !== undefined) return clients;
  throw new InvalidInputError(
    '`clients` of execute must be clients by candidate, or a pool of them. Got nothing. Pass them here, or to `withExecution`.',
  );
}
