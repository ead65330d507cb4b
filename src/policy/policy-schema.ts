import * as z from 'zod/mini';
import { DEFAULT_RELAX, type Limits } from './limits.ts';
import type { PolicySpec } from './policy-spec.ts';
import type { UtilityWeights, WeightsName } from './weights.ts';

const amount = z.number().check(z.nonnegative());
const weight = z.number().check(z.nonnegative(), z.maximum(1e6));
const share = z.number().check(z.minimum(0), z.maximum(1));
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
};

/** The shape of a policy; whether the candidates that it names exist is checked when it is made. */
export const policySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('utility'), weights: z.exactOptional(weightsSchema), ...limited }),
  z.strictObject({
    kind: z.literal('classifier'),
    abstain: z.exactOptional(z.strictObject({ below: share, to: z.string() })),
    ...limited,
  }),
]) satisfies z.ZodMiniType<PolicySpec>;
