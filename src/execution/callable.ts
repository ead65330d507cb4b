import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { RouteOptions, Router } from '../router/router.ts';
import type { poolParts } from './client-pool.ts';
import type { Prices } from './price.ts';

type Pool = ReturnType<typeof poolParts>;

/** Told, once for a pool and candidate, that a candidate of the router has no client. */
export type OnWarning = (warning: string) => void;

/**
 * Options under which a router chooses only whom there is a client for, and a sentence for each candidate that has none. It
 * is asked of the router as it is now: a version that it has gone over to meanwhile may have candidates that nobody has
 * given a client for yet.
 */
export function callableOnly(
  router: DecidingRouter,
  pool: Pool,
  route: RouteOptions | undefined,
  onWarning: OnWarning | undefined,
): { readonly route: RouteOptions | undefined; readonly warnings: readonly string[] } {
  const missing = withoutClient(router, pool, onWarning);
  if (missing.length === 0) return { route, warnings: [] };
  const names = pool.names();
  const asked = route?.callable;
  const callable = asked === undefined ? names : names.filter((name) => asked.includes(name));
  return { route: { ...route, callable }, warnings: missing.map(warningOf) };
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
    onWarning(warningOf(name));
  }
  return missing;
}

function warningOf(name: string): string {
  return `${name} has no client, so it is out of choice. Give a client for it, or retire it.`;
}

function candidatesInUse({ manifest }: DecidingRouter): string[] {
  return manifest.candidates.filter(({ retired }) => retired !== true).map(({ name }) => name);
}

/** What an execution needs of a router. */
export type DecidingRouter = Pick<Router, 'route'> & {
  readonly manifest: { readonly candidates: readonly (Prices[number] & { readonly retired?: boolean })[] };
  /** Told how decisions were carried out. @default nobody is */
  readonly log?: Router['log'];
};
