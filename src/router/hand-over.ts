import type { Decision } from '../decision/decision.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { Limits } from '../policy/limits.ts';
import type { Plan } from '../policy/plan.ts';
import type { RouteOptions, Router } from './router.ts';

type MaybePromise<T> = T | Promise<T>;

/** Names of the routers that handed a request over, outermost first, by the options that they handed on. */
const handedOverBy = new WeakMap<RouteOptions, readonly string[]>();

/** A request that went through so many routers is in a circle: routers that know one another are not looked at before. */
const MOST_ROUTERS = 16;

/**
 * Asks the router that a plan names. Its decision counts, with the way to it before its own; `allow` and `deny`
 * are handed on as far as they name its candidates.
 *
 * @param started when deciding began, for `routerMs`.
 * @throws InvalidInputError when there is no such router, or routers hand over to one another without end.
 */
export function handOver<Result extends MaybePromise<Decision>>(
  plan: Plan,
  routers: Readonly<Record<string, Router>> | undefined,
  options: RouteOptions | undefined,
  started: number,
  ask: (router: Router, options: RouteOptions) => Result,
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
  const passed = [...(options === undefined ? [] : (handedOverBy.get(options) ?? [])), name];
  if (passed.length > MOST_ROUTERS) {
    throw new InvalidInputError(
      `\`router\` of policy must not lead back to where the request came from. It went from router to router: ` +
        `${passed.slice(0, 6).join(', ')}, and so on. Let one of them decide for itself.`,
    );
  }
  const handed = handedOn(options, router);
  handedOverBy.set(handed, passed);
  const result = ask(router, handed);
  return (result instanceof Promise ? result.then(finish) : finish(result)) as Result;
}

/** A copy, with `allow` and `deny` as far as they name candidates of the router. */
function handedOn(options: RouteOptions | undefined, { manifest }: Router): RouteOptions {
  if (options?.limits === undefined) return { ...options };
  const names = new Set(manifest.candidates.map((candidate) => candidate.name));
  const { allow, deny, ...bounds } = options.limits;
  const limits: Limits = {
    ...bounds,
    ...(allow === undefined ? {} : { allow: allow.filter((name) => names.has(name)) }),
    ...(deny === undefined ? {} : { deny: deny.filter((name) => names.has(name)) }),
  };
  return { ...options, limits };
}
