import * as z from 'zod/mini';
import { mergeLimits } from '../policy/merge-limits.ts';
import type { PolicyOverrides } from '../policy/policy.ts';
import { limitsSchema, weightsSchema } from '../policy/policy-schema.ts';
import type { Signals } from '../signals/signals.ts';
import { signalsSchema } from '../signals/signals-schema.ts';
import { validate } from '../validate.ts';
import type { RouteOptions } from './router.ts';
import { signalLimits } from './signal-limits.ts';

/** Route options, checked: what policies may look at, and the signals that the caller set. */
export interface CheckedOptions {
  readonly overrides: PolicyOverrides;
  readonly signals: Partial<Signals>;
  readonly cachedTokens?: RouteOptions['cachedTokens'];
  readonly novelty?: boolean | undefined;
}

const NOTHING: CheckedOptions = { overrides: {}, signals: {} };

const routeOptionsSchema = z.strictObject({
  weights: z.exactOptional(weightsSchema),
  limits: z.exactOptional(limitsSchema),
  strict: z.exactOptional(z.boolean()),
  callable: z.exactOptional(z.array(z.string())),
  signals: z.exactOptional(signalsSchema),
  cachedTokens: z.exactOptional(z.record(z.string(), z.number().check(z.nonnegative()))),
  novelty: z.exactOptional(z.boolean()),
});

/** @throws InvalidInputError naming the field. */
export function checkRouteOptions(options: RouteOptions | undefined): CheckedOptions {
  if (options === undefined) return NOTHING;
  const checked = validate<RouteOptions>(routeOptionsSchema, options, 'route options');
  const { cachedTokens, novelty, signals, ...overrides } = checked;
  if (signals === undefined) return { overrides, signals: {}, cachedTokens, novelty };
  const limits = mergeLimits(signalLimits(signals), overrides.limits);
  return { overrides: { ...overrides, limits }, signals, cachedTokens, novelty };
}
