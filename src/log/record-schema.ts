import * as z from 'zod/mini';
import { InvalidInputError } from '../errors.ts';
import { validate } from '../validate.ts';
import {
  type FeedbackInput,
  LOG_SCHEMA_VERSION,
  LONGEST_TEXTS,
  type LogRecord,
  type OutcomeRecord,
} from './record.ts';

const name = z.string().check(z.minLength(1));

/** What is written is kept within limits; what others wrote is read as it is. */
const nameUpTo = (longest: number) => name.check(z.maxLength(longest));
export const decisionIdSchema = nameUpTo(LONGEST_TEXTS.id);
export const candidateSchema = nameUpTo(LONGEST_TEXTS.candidate);
const share = z.number().check(z.minimum(0), z.maximum(1));
const amount = z.nullable(z.number().check(z.nonnegative()));
const count = z.nullable(z.int().check(z.nonnegative()));
const time = z.iso.datetime();
const shares = z.record(z.string(), share);
const versioned = { schemaVersion: z.literal(LOG_SCHEMA_VERSION), at: time };

const message = z.looseObject({ role: z.string() });

const outcomeFields = {
  candidate: name,
  status: z.enum(['answered', 'failed']),
  costUsd: amount,
  costSource: z.exactOptional(z.enum(['reported', 'computed'])),
  latencyMs: amount,
  inputTokens: count,
  outputTokens: count,
  totalCostUsd: z.exactOptional(z.number().check(z.nonnegative())),
  totalLatencyMs: z.exactOptional(z.number().check(z.nonnegative())),
  error: z.exactOptional(z.string()),
  refused: z.exactOptional(z.record(z.string(), z.string())),
};

const feedbackFields = {
  quality: share,
  candidate: z.exactOptional(name),
  source: z.exactOptional(name),
};

/** What a caller says of how a decision was carried out. */
export const outcomeSchema = z.strictObject({
  ...outcomeFields,
  candidate: candidateSchema,
}) as unknown as z.ZodMiniType<Omit<OutcomeRecord, 'schemaVersion' | 'kind' | 'id' | 'at'>>;

/** What a caller says of an answer. */
export const feedbackSchema = z.strictObject({
  quality: share,
  candidate: z.exactOptional(candidateSchema),
  source: z.exactOptional(nameUpTo(LONGEST_TEXTS.source)),
}) satisfies z.ZodMiniType<FeedbackInput>;

/** The shape of a line. Fields of later versions that are not known yet are kept. */
const logRecordSchema = z.discriminatedUnion('kind', [
  z.looseObject({
    ...versioned,
    kind: z.literal('decision'),
    id: name,
    artifactId: name,
    policyPath: z.array(z.string()),
    candidate: name,
    propensity: share.check(z.positive()),
    propensities: z.exactOptional(shares),
    confidence: share,
    probabilities: shares,
    predictions: z.array(
      z.looseObject({
        candidate: name,
        successProbability: share,
        expectedCostUsd: amount,
        expectedLatencyMs: amount,
      }),
    ),
    signals: z.record(z.string(), z.unknown()),
    promptHash: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
    request: z.exactOptional(
      z.union([z.object({ text: z.string() }), z.object({ messages: z.array(message) })]),
    ),
    embedding: z.exactOptional(z.array(z.number())),
    task: z.exactOptional(z.string()),
    tier: z.exactOptional(z.string()),
  }),
  z.looseObject({ ...versioned, kind: z.literal('outcome'), id: name, ...outcomeFields }),
  z.looseObject({ ...versioned, kind: z.literal('feedback'), id: name, ...feedbackFields }),
  z.looseObject({ ...versioned, kind: z.literal('dropped'), count: z.int().check(z.positive()) }),
  z.looseObject({
    ...versioned,
    kind: z.literal('file'),
    state: z.enum(['opened', 'closed']),
    closesAt: z.exactOptional(time),
  }),
]) as unknown as z.ZodMiniType<LogRecord>;

/**
 * Checks one record of a decision log.
 *
 * @param value the line, parsed.
 * @throws InvalidInputError naming the field that is wrong, or the version when it is a newer one.
 */
export function parseLogRecord(value: unknown): LogRecord {
  const version = (value as { schemaVersion?: unknown } | null)?.schemaVersion;
  if (typeof version === 'number' && version > LOG_SCHEMA_VERSION) {
    throw new InvalidInputError(
      `The log record has schema version ${version}; this version of pointsman reads up to ` +
        `${LOG_SCHEMA_VERSION}. Update it: npm install pointsman@latest.`,
    );
  }
  return validate(logRecordSchema, value, 'log record');
}
