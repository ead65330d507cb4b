import { z } from 'zod';
import type { Dial } from '../evaluate/evaluation.ts';
import { DIAL_SETTINGS } from './dial-settings.ts';

const interval = z
  .object({
    estimate: z.number().nullable(),
    low: z.number().nullable(),
    high: z.number().nullable(),
    rows: z.number(),
    groups: z.number().optional(),
  })
  // Those of earlier versions do not say.
  .transform(({ groups, ...rest }) => ({ ...rest, groups: groups ?? rest.rows }));
const weight = z.number().min(0).max(1e6);

const worth = z.object({
  quality: interval,
  costUsd: interval,
  difference: interval,
  saving: interval,
  savedShare: interval.nullable(),
  shares: z.array(z.number()),
});

const guarantee = z.object({
  maxLoss: z.number(),
  confidence: z.number(),
  rows: z.number(),
  by: z.enum(['learn-then-test', 'normal approximation']),
});

const schema: z.ZodType<Dial> = z.object({
  against: z.object({ candidate: z.string(), quality: interval, costUsd: interval }).nullable(),
  rows: z.number(),
  isEstimated: z.boolean(),
  settings: z.array(
    z.object({
      id: z.enum(DIAL_SETTINGS),
      weights: z.object({ quality: weight, cost: weight, latency: weight }).nullable(),
      worth: worth.nullable(),
      guarantee: guarantee.nullable(),
      reason: z.string().nullable(),
    }),
  ),
  inUse: z.enum(DIAL_SETTINGS).nullable(),
  isExploring: z.boolean().optional(),
  missing: z.string().nullable(),
});

/**
 * The dial in the bytes of a `metrics.json`, which comes from whoever made the artifact.
 * @returns null where there is none, as in those of earlier versions, or what is there is no dial
 */
export function readDial(metrics: Uint8Array): Dial | null {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(metrics));
    return schema.safeParse((parsed as { dial?: unknown } | null)?.dial).data ?? null;
  } catch {
    return null;
  }
}
