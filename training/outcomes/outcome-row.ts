import { z } from 'zod';

const text = z.string();
const amount = z.number().nonnegative().finite();

const message = z.looseObject({
  role: z.string().min(1),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() })), z.null()]).optional(),
});

/** One row per (request, candidate): what one candidate made of one request. */
export const outcomeRowSchema = z
  .object({
    requestId: text.min(1),
    timestamp: z.iso.datetime({ offset: true, local: true }).nullable().default(null),
    /** The prompt; or `messages`. One of them must be there. */
    text: text.nullable().default(null),
    messages: z.array(message).min(1).nullable().default(null),
    task: text.min(1).nullable().default(null),
    tier: text.min(1).nullable().default(null),
    candidate: text.min(1),
    /** How good the answer was, 0 to 1; null when nobody said. */
    quality: z.number().min(0).max(1).nullable().default(null),
    costUsd: amount.nullable().default(null),
    latencyMs: amount.nullable().default(null),
    inputTokens: amount.nullable().default(null),
    outputTokens: amount.nullable().default(null),
    /** Probability that the logging policy gave this candidate; null when it is unknown. */
    propensity: z.number().gt(0).max(1).nullable().default(null),
    source: text.default('unknown'),
    metadata: z.record(text, z.unknown()).default({}),
  })
  .refine((row) => row.text !== null || row.messages !== null, {
    message: '`text` or `messages` must be given',
  });

export type OutcomeRow = z.output<typeof outcomeRowSchema>;
