import { LARGEST_AMOUNTS } from 'pointsman/log';
import { z } from 'zod';
import {
  HASH_PATTERN,
  isCandidateName,
  readJson,
  readLabel,
  readNumber,
  readQuality,
  readTimestamp,
} from './outcome.ts';
import { type AmountField, FIELD_REASONS, type OutcomeField, REASONS } from './outcome-fields.ts';

const amount = (field: AmountField) =>
  z.preprocess(readNumber, z.number().min(0).max(LARGEST_AMOUNTS[field]).nullable().default(null));
const label = z.preprocess(readLabel, z.string().nullable().default(null));
const name = z.preprocess(readLabel, z.string().min(1));
const candidateName = z.preprocess(
  readLabel,
  z.string().refine((value) => isCandidateName(value)),
);

const message = z.looseObject({
  role: z.string().min(1),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() })), z.null()]).optional(),
});

/** Kept as it is; `z.record` would lose a key that is called `__proto__`. */
const anyObject = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);

/** One row per (request, candidate): what one candidate made of one request. */
export const outcomeRowSchema = z
  .object({
    requestId: name,
    /** ISO 8601 in UTC with milliseconds. Without an offset, a time is taken as UTC. */
    timestamp: z.preprocess(readTimestamp, z.iso.datetime({ offset: true }).nullable().default(null)),
    /** The prompt; or `messages`. One of them must be there, or else `promptHash`. */
    text: z.string().nullable().default(null),
    messages: z.preprocess(readJson, z.array(message).min(1).nullable().default(null)),
    /** sha256 of the prompt, in hexadecimal: what is left of a prompt whose text is not kept. */
    promptHash: z.string().regex(new RegExp(HASH_PATTERN)).nullable().default(null),
    /** The prompt's embedding, where its text is not kept. */
    embedding: z.preprocess(readJson, z.array(z.number()).min(1).nullable().default(null)),
    task: label,
    tier: label,
    candidate: candidateName,
    /** How good the answer was, 0 to 1; null when nobody said. `true` and `false` are 1 and 0. */
    quality: z.preprocess(readQuality, z.number().min(0).max(1).nullable().default(null)),
    costUsd: amount('costUsd'),
    latencyMs: amount('latencyMs'),
    inputTokens: amount('inputTokens'),
    outputTokens: amount('outputTokens'),
    /** Probability that the logging policy gave this candidate; null when it is unknown. */
    propensity: z.preprocess(readNumber, z.number().gt(0).max(1).nullable().default(null)),
    source: z.preprocess((value) => readLabel(value) ?? 'unknown', z.string()),
    metadata: z.preprocess((value) => readJson(value) ?? {}, anyObject),
  })
  .refine((row) => row.text !== null || row.messages !== null || row.promptHash !== null, {
    message: REASONS.noRequest,
  });

export type OutcomeRow = z.output<typeof outcomeRowSchema>;

/**
 * Judges one row with canonical names, as the bulk path judges each row of a file.
 * @returns the row, or the reason why it cannot be used.
 */
export function parseOutcomeRow(value: unknown): { row: OutcomeRow } | { reason: string } {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { reason: REASONS.notObject };
  const result = outcomeRowSchema.safeParse(value);
  if (result.success) return { row: result.data };
  const field = result.error.issues[0].path[0] as OutcomeField | undefined;
  return { reason: field === undefined ? REASONS.noRequest : FIELD_REASONS[field] };
}
