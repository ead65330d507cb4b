import type { Decision } from '../decision/decision.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { Limits } from '../policy/limits.ts';
import type { Plan } from '../policy/plan.ts';
import type { RouteOptions, Router } from './router.ts';

type MaybePromise<T> = T | Promise<T>;

/**
 * Asks the router that a plan names. Its decision counts, with the way to it before its own; `allow` and `deny`
 * are handed on as far as they name its candidates.
 *
 * @param started when deciding began, for `routerMs`.
 */
export function handOver<Result extends MaybePromise<Decision>>(
  plan: Plan,
  routers: Readonly<Record<string, Router>> | undefined,
  options: RouteOptions | undefined,
  started: number,
  ask: (router: Router, options: RouteOptions | undefined) => Result,
): Result {
  const name = plan.router ?? '';
  const router = routers?.[name];
  if (router === undefined) throw new InvalidInputError(`There is no router "${name}".`);
  const finish = (decision: Decision): Decision => ({
    ...decision,
    reasons: [...plan.reasons, ...decision.reasons],
    policyPath: [...plan.path, ...decision.policyPath],
    routerMs: performance.now() - started,
  });
  const result = ask(router, handedOn(options, router));
  return (result instanceof Promise ? result.then(finish) : finish(result)) as Result;
}

function handedOn(options: RouteOptions | undefined, { manifest }: Router): RouteOptions | undefined {
  if (options?.limits === undefined) return options;
  const names = new Set(manifest.candidates.map((candidate) => candidate.name));
  const { allow, deny, ...bounds } = options.limits;
  const limits: Limits = {
    ...bounds,
    ...(allow === undefined ? {} : { allow: allow.filter((name) => names.has(name)) }),
    ...(deny === undefined ? {} : { deny: deny.filter((name) => names.has(name)) }),
  };
  return { ...options, limits };
}
