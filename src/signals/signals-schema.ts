import * as z from 'zod/mini';
import { MODALITIES } from '../candidate/candidate.ts';
import type { Signals } from './signals.ts';

const amount = z.number().check(z.nonnegative());
const share = z.number().check(z.minimum(0), z.maximum(1));
const count = z.int().check(z.nonnegative());
const word = z.string().check(z.maxLength(200));

/** The shape of what a caller may set. */
export const signalsSchema = z.strictObject({
  task: z.exactOptional(word),
  taskConfidence: z.exactOptional(share),
  complexity: z.exactOptional(share),
  tokens: z.exactOptional(count),
  language: z.exactOptional(word),
  codeShare: z.exactOptional(share),
  mathsShare: z.exactOptional(share),
  modalities: z.exactOptional(z.array(z.enum(MODALITIES)).check(z.maxLength(MODALITIES.length))),
  tools: z.exactOptional(count),
  structured: z.exactOptional(z.boolean()),
  turns: z.exactOptional(count),
  quality: z.exactOptional(z.enum(['draft', 'standard', 'high', 'production'])),
  latencyBudgetMs: z.exactOptional(z.nullable(amount)),
  costBudgetUsd: z.exactOptional(z.nullable(amount)),
  tier: z.exactOptional(word),
  load: z.exactOptional(
    z.record(z.string(), z.strictObject({ inFlight: count, recentLatencyMs: z.nullable(amount) })),
  ),
}) satisfies z.ZodMiniType<Partial<Signals>>;
