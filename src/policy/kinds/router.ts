import * as v from 'valibot';
import { InvalidInputError } from '../../errors.ts';
import { strictObject } from '../../validate.ts';

import type { Plan } from '../plan.ts';
import { type Policy, type PolicyKind, type PolicyOverrides, type PolicyParts, rank } from '../policy.ts';
import { type Limits, limited, name, type RouterPolicySpec } from '../spec.ts';

export const router = {
  shape: () => strictObject({ kind: v.literal('router'), router: name, ...limited }),
  create: createRouterPolicy,
  misplaced: 'hand over to another router there: its answer would be one of several',
} satisfies PolicyKind<RouterPolicySpec>;

/** Hands over to another router. What stands in the plan beside its name is what this router would do without it. */
function createRouterPolicy(spec: RouterPolicySpec, { calls, filter, options }: PolicyParts): Policy {
  if (options.routers?.includes(spec.router) !== true) {
    throw new InvalidInputError(
      `\`router\` of policy must name one of the routers given. Got "${spec.router}". Pass it: ` +
        `{ routers: { ${JSON.stringify(spec.router)}: await loadRouter('...') } }.`,
    );
  }
  return {
    spec,
    decide(context) {
      const remaining = filter(context);
      const utilities = context.predictions.success.slice();
      const order = rank(remaining.left, utilities, context.predictions);
      return {
        step: calls[order[0]],
        order,
        reserve: remaining.reserve,
        utilities,
        removed: remaining.removed,
        reasons: [`The router "${spec.router}" decides.`],
        path: [`router:${spec.router}`],
        propensity: 1,
        changes: [],
        router: spec.router,
      };
    },
  };
}

/** What is looked at of another router, and of its decision. */
interface OtherRouter {
  readonly manifest: { readonly candidates: readonly { readonly name: string }[] };
}
interface OthersDecision {
  readonly reasons: readonly string[];
  readonly policyPath: readonly string[];
  readonly routerMs: number;
}

type MaybePromise<T> = T | Promise<T>;

/** Names of the routers that a request went through, the first one first, by the options that were handed on. */
const handedOverBy = new WeakMap<object, readonly string[]>();

/** A request that went through so many routers is in a circle. */
const MOST_ROUTERS = 16;

/**
 * Asks the router that a plan names. Its decision counts, with the way to it before its own; `allow` and `deny`
 * are handed on as far as they name its candidates.
 *
 * @param started when deciding began, for `routerMs`.
 * @throws InvalidInputError when there is no such router, or routers hand over to one another without end.
 */
export function handOver<
  Router extends OtherRouter,
  Options extends PolicyOverrides,
  Result extends MaybePromise<OthersDecision>,
>(
  plan: Plan,
  routers: Readonly<Record<string, Router>> | undefined,
  options: Options | undefined,
  started: number,
  ask: (router: Router, options: Options) => Result,
): Result {
  const name = plan.router ?? '';
  const router = routers?.[name];
  if (router === undefined) throw new InvalidInputError(`There is no router "${name}".`);
  const passed = [...(options === undefined ? [] : (handedOverBy.get(options) ?? [])), name];
  if (passed.length > MOST_ROUTERS) {
    throw new InvalidInputError(
      '`router` of policy must not lead back to where the request came from. It went from router to router: ' +
        `${passed.slice(0, 6).join(', ')}, and so on. Let one of them decide for itself.`,
    );
  }
  const handed = handedOn(options, router);
  handedOverBy.set(handed, passed);
  const finish = <D extends OthersDecision>(decision: D): D => ({
    ...decision,
    reasons: [...plan.reasons, ...decision.reasons],
    policyPath: [...plan.path, ...decision.policyPath],
    routerMs: performance.now() - started,
  });
  const result = ask(router, handed);
  return (result instanceof Promise ? result.then(finish) : finish(result)) as Result;
}

/** A copy, with `allow` and `deny` as far as they name candidates of the router. */
function handedOn<Options extends PolicyOverrides>(
  options: Options | undefined,
  { manifest }: OtherRouter,
): Options {
  if (options?.limits === undefined) return { ...options } as Options;
  const names = new Set(manifest.candidates.map((candidate) => candidate.name));
  const { allow, deny, ...bounds } = options.limits;
  const limits: Limits = {
    ...bounds,
    ...(allow && { allow: allow.filter((name) => names.has(name)) }),
    ...(deny && { deny: deny.filter((name) => names.has(name)) }),
  };
  return { ...options, limits };
}
