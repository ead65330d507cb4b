import * as z from 'zod/mini';
import { DEFAULT_RELAX, type Limits } from './limits.ts';
import type { AcceptTest } from './plan.ts';
import type { PolicySpec, PolicyTarget } from './spec.ts';
import type { UtilityWeights, WeightsName } from './weights.ts';

const amount = z.number().check(z.nonnegative());
const weight = z.number().check(z.nonnegative(), z.maximum(1e6));
const share = z.number().check(z.minimum(0), z.maximum(1));
const name = z.string().check(z.minLength(1), z.maxLength(200));
const names = z.array(z.string());

export const limitsSchema = z.strictObject({
  allow: z.exactOptional(names),
  deny: z.exactOptional(names),
  maxCostUsd: z.exactOptional(amount),
  maxLatencyMs: z.exactOptional(amount),
  minSuccessProbability: z.exactOptional(share),
}) satisfies z.ZodMiniType<Limits>;

export const weightsSchema = z.union([
  z.enum(['best', 'balanced', 'cheapest']),
  z.strictObject({ quality: weight, cost: weight, latency: weight }),
]) satisfies z.ZodMiniType<WeightsName | UtilityWeights>;

const limited = {
  limits: z.exactOptional(limitsSchema),
  relax: z.exactOptional(z.array(z.enum(DEFAULT_RELAX as [...typeof DEFAULT_RELAX]))),
  strict: z.exactOptional(z.boolean()),
};

const accept: z.ZodMiniType<AcceptTest> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('logprob'), min: z.number().check(z.maximum(0)) }),
  z.strictObject({
    kind: z.literal('agreement'),
    samples: z.int().check(z.minimum(2), z.maximum(100)),
    min: share,
  }),
  z.strictObject({ kind: z.literal('verifier'), verifier: name, min: z.number() }),
  z.strictObject({ kind: z.literal('json'), schema: z.exactOptional(z.record(z.string(), z.unknown())) }),
  z.strictObject({
    kind: z.literal('all'),
    tests: z.array(z.lazy(() => accept)).check(z.minLength(1), z.maxLength(20)),
  }),
]);

const combine = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('majority') }),
  z.strictObject({ kind: z.literal('weighted') }),
  z.strictObject({ kind: z.literal('best'), scorer: name }),
  z.strictObject({ kind: z.literal('judge'), judge: name }),
]);

const target: z.ZodMiniType<PolicyTarget> = z.union([z.string(), z.lazy(() => policySchema)]);
const many = <T extends z.core.$ZodType>(item: T, least: number) =>
  z.array(item).check(z.minLength(least), z.maxLength(1000));

const explore = z.discriminatedUnion('method', [
  z.strictObject({ ...exploring('epsilon-greedy'), epsilon: share }),
  z.strictObject({ ...exploring('softmax'), temperature: z.number().check(z.positive()) }),
  z.strictObject({
    ...exploring('thompson'),
    observations: z.exactOptional(z.number().check(z.positive())),
  }),
]);

function exploring<Method extends string>(method: Method) {
  return {
    kind: z.literal('explore'),
    method: z.literal(method),
    policy: z.lazy(() => policySchema),
    ...limited,
  };
}

/** The shape of a policy; whether what it names exists is checked when it is made. */
export const policySchema: z.ZodMiniType<PolicySpec> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('utility'), weights: z.exactOptional(weightsSchema), ...limited }),
  z.strictObject({
    kind: z.literal('classifier'),
    abstain: z.exactOptional(
      z.strictObject({
        to: z.string(),
        below: z.exactOptional(share),
        outOfDistribution: z.exactOptional(z.boolean()),
      }),
    ),
    ...limited,
  }),
  z.strictObject({
    kind: z.literal('rules'),
    rules: many(
      z.strictObject({
        name: z.exactOptional(name),
        when: z.string().check(z.minLength(1), z.maxLength(10_000)),
        then: target,
      }),
      1,
    ),
    otherwise: target,
    ...limited,
  }),
  z.strictObject({
    kind: z.literal('threshold'),
    strong: z.string(),
    weak: z.string(),
    threshold: z.number().check(z.minimum(-1), z.maximum(1)),
    ...limited,
  }),
  z.strictObject({
    kind: z.literal('cascade'),
    steps: many(
      z.strictObject({ use: target, minSuccess: z.exactOptional(share), accept: z.exactOptional(accept) }),
      2,
    ),
    ...limited,
  }),
  z.strictObject({
    kind: z.literal('ensemble'),
    members: z.union([z.int().check(z.minimum(2), z.maximum(1000)), many(target, 2)]),
    combine,
    ...limited,
  }),
  z.strictObject({
    kind: z.literal('speculative'),
    fast: target,
    slow: target,
    delayMs: z.exactOptional(amount),
    accept: z.exactOptional(accept),
    ...limited,
  }),
  z.strictObject({
    kind: z.literal('hierarchical'),
    by: z.exactOptional(z.enum(['task', 'language', 'tier', 'quality'])),
    domains: z.record(z.string(), target),
    otherwise: target,
    minConfidence: z.exactOptional(share),
    ...limited,
  }),
  z.strictObject({ kind: z.literal('router'), router: name, ...limited }),
  z.strictObject({
    kind: z.literal('tools'),
    tool: name,
    before: z.exactOptional(target),
    after: z.exactOptional(target),
    otherwise: target,
    ...limited,
  }),
  explore,
]);
