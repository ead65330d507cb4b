import * as v from 'valibot';
import { InvalidInputError } from '../../errors.ts';
import { strictObject } from '../../validate.ts';

import type { CompileExpression, Expression, Policy, PolicyKind, PolicyParts } from '../policy.ts';
import { limited, many, name, type RulesPolicySpec } from '../spec.ts';

export const rules = {
  shape: ({ target }) =>
    strictObject({
      kind: v.literal('rules'),
      rules: many(
        strictObject({
          name: v.exactOptional(name),
          when: v.pipe(v.string(), v.minLength(1), v.maxLength(10_000)),
          then: target,
        }),
        1,
      ),
      otherwise: target,
      ...limited,
    }),
  create: createRulesPolicy,
  handsOn: true,
  hasExpressions: true,
} satisfies PolicyKind<RulesPolicySpec>;

/** The first rule that holds decides. A rule that cannot be evaluated for a request is passed over, and says so. */
function createRulesPolicy(spec: RulesPolicySpec, parts: PolicyParts): Policy {
  const rules = spec.rules.map((rule, i) => {
    const name = rule.name ?? String(i + 1);
    return {
      name,
      when: rule.when,
      expression: compileRule(rule.when, name, parts),
      target: parts.make(rule.then, `rules[${i}].then`),
    };
  });
  const otherwise = parts.make(spec.otherwise, 'otherwise');

  return {
    spec,
    decide(context) {
      const passedOver: string[] = [];
      const signals = context.signals();
      for (const { name, when, expression, target } of rules) {
        try {
          if (!expression.evaluate(signals, context.predictions, context.novelty)) continue;
        } catch (error) {
          passedOver.push(`Rule "${name}" was passed over: ${firstLine(error)}.`);
          continue;
        }
        const plan = target.decide(context);
        return {
          ...plan,
          reasons: [`Rule "${name}" holds: ${when}.`, ...plan.reasons, ...passedOver],
          path: [`rules:${name}`, ...plan.path],
        };
      }
      const plan = otherwise.decide(context);
      return {
        ...plan,
        reasons: ['No rule holds.', ...plan.reasons, ...passedOver],
        path: ['rules:otherwise', ...plan.path],
      };
    },
  };
}

/** Steps that all rules of a policy may take for a request: some tens of milliseconds at the very most. */
const MOST_STEPS = 1_000_000;

/**
 * Compiles as `compile` does, as long as all that it compiles stays within the steps of one policy: those inside others
 * count, since all of them may be asked for one request.
 */
export function withinSteps(compile: CompileExpression): CompileExpression {
  let steps = 0;
  return (expression, candidates) => {
    const compiled = compile(expression, candidates);
    steps += compiled.maxSteps ?? 0;
    if (steps <= MOST_STEPS) return compiled;
    throw new InvalidInputError(
      `All rules of a policy, with those of the policies inside it, must take at most ${MOST_STEPS} steps together for ` +
        `any request. Up to this one they could take ${steps}. Use fewer rules, or simpler ones.`,
    );
  };
}

function compileRule(
  when: string,
  name: string,
  { options: { compile }, candidates }: PolicyParts,
): Expression {
  if (compile === undefined) {
    throw new InvalidInputError(
      'A policy of kind "rules" needs a compiler for its expressions. Pass { compile: await loadCel() } of ' +
        '"pointsman"; `loadRouter`, and `readArtifact` of an artifact with rules, do so by themselves.',
    );
  }
  try {
    return compile(
      when,
      candidates.map((candidate) => candidate.name),
    );
  } catch (cause) {
    if (!(cause instanceof InvalidInputError)) throw cause;
    throw new InvalidInputError(`\`when\` of rule "${name}" cannot be used. ${cause.message}`, { cause });
  }
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split('\n', 1)[0].replace(/\.$/, '');
}
