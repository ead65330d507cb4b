import { InvalidInputError } from '../errors/invalid-input-error.ts';
import type { PolicyParts } from './parts.ts';
import type { Policy } from './policy.ts';
import { rank } from './rank.ts';
import type { RouterPolicySpec } from './spec.ts';

/** Hands over to another router. What stands in the plan beside its name is what this router would do without it. */
export function createRouterPolicy(spec: RouterPolicySpec, { calls, filter, options }: PolicyParts): Policy {
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
