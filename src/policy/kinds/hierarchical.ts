import { InvalidInputError } from '../../errors.ts';
import { type PolicyParts, rank } from '../parts.ts';
import { printNumber } from '../plan.ts';
import type { Policy } from '../policy.ts';
import type { HierarchicalPolicySpec, RouterPolicySpec } from '../spec.ts';

/** A signal picks the domain; the domain's own policy decides. */
export function createHierarchicalPolicy(spec: HierarchicalPolicySpec, parts: PolicyParts): Policy {
  const by = spec.by ?? 'task';
  const { minConfidence = 0 } = spec;
  const domains = new Map(
    Object.entries(spec.domains).map(([name, target]) => [name, parts.make(target, `domains.${name}`)]),
  );
  const otherwise = parts.make(spec.otherwise, 'otherwise');

  return {
    spec,
    decide(context) {
      const signals = context.signals();
      const value = signals[by];
      const unsure = by === 'task' && signals.taskConfidence < minConfidence;
      const domain = unsure ? undefined : domains.get(value);
      const plan = (domain ?? otherwise).decide(context);
      const reason = unsure
        ? `The task is perhaps "${value}", but ${printNumber(signals.taskConfidence, minConfidence)} is under ${minConfidence}.`
        : `The ${by} is "${value}"${domain === undefined ? ', which has no policy of its own' : ''}.`;
      return {
        ...plan,
        reasons: [reason, ...plan.reasons],
        path: [`hierarchical:${domain === undefined ? 'otherwise' : value}`, ...plan.path],
      };
    },
  };
}

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
