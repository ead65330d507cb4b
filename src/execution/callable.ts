import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { RouteOptions } from '../router/router.ts';
import type { poolParts } from './client-pool.ts';
import type { DecidingRouter } from './execute.ts';

type Pool = ReturnType<typeof poolParts>;

/** Told, once for a pool and candidate, that a candidate of the router has no client. */
export type OnWarning = (warning: string) => void;

/**
 * Options under which a router chooses only whom there is a client for. It is asked of the router as it is now: a version
 * that it has gone over to meanwhile may have candidates that nobody has given a client for yet.
 */
export function callableOnly(
  router: DecidingRouter,
  pool: Pool,
  route: RouteOptions | undefined,
  onWarning: OnWarning | undefined,
): RouteOptions | undefined {
  const missing = withoutClient(router, pool, onWarning);
  if (missing.length === 0) return route;
  const names = pool.names();
  const asked = route?.callable;
  return { ...route, callable: asked === undefined ? names : names.filter((name) => asked.includes(name)) };
}

/**
 * Looks before the first request.
 *
 * @throws InvalidInputError when there is no client for any candidate.
 */
export function checkClients(router: DecidingRouter, pool: Pool, onWarning: OnWarning | undefined): void {
  const inUse = candidatesInUse(router);
  const missing = withoutClient(router, pool, onWarning);
  if (inUse.length === 0 || missing.length < inUse.length) return;
  throw new InvalidInputError(
    `\`clients\` of execute must have a client for one candidate of the router at least: ${inUse.join(', ')}. Got ` +
      `${pool.names().join(', ') || 'none'}. Give clients under the names of the candidates.`,
  );
}

function withoutClient(router: DecidingRouter, pool: Pool, onWarning: OnWarning | undefined): string[] {
  const missing = candidatesInUse(router).filter((name) => pool.clientOf(name) === undefined);
  for (const name of missing) {
    if (onWarning === undefined || pool.warned.has(name)) continue;
    pool.warned.add(name);
    onWarning(`${name} has no client, so it is out of choice. Give a client for it, or retire it.`);
  }
  return missing;
}

function candidatesInUse({ manifest }: DecidingRouter): string[] {
  return manifest.candidates.filter(({ retired }) => retired !== true).map(({ name }) => name);
}
