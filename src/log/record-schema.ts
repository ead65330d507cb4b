import * as v from 'valibot';
import { InvalidInputError } from '../errors.ts';
import {
  finiteNumber,
  looseObject,
  object,
  record,
  strictObject,
  validate,
  wholeNumber,
} from '../validate.ts';
import {
  type FeedbackInput,
  LOG_SCHEMA_VERSION,
  LONGEST_TEXTS,
  type LogRecord,
  type OutcomeRecord,
} from './record.ts';

const name = v.pipe(v.string(), v.minLength(1));

/** What is written is kept within limits; what others wrote is read as it is. */
const nameUpTo = (longest: number) => v.pipe(name, v.maxLength(longest));
export const decisionIdSchema = nameUpTo(LONGEST_TEXTS.id);
export const candidateSchema = nameUpTo(LONGEST_TEXTS.candidate);
const share = v.pipe(finiteNumber, v.minValue(0), v.maxValue(1));
const amount = v.nullable(v.pipe(finiteNumber, v.minValue(0)));
const count = v.nullable(v.pipe(wholeNumber, v.minValue(0)));
const time = v.pipe(v.string(), v.check(isTime, 'a time such as "2026-01-31T12:00:00.000Z"'));
const shares = record(share);
const versioned = { schemaVersion: v.literal(LOG_SCHEMA_VERSION), at: time };

const message = looseObject({ role: v.string() });

const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const loggedAnswer = looseObject({
  hash,
  finishReason: v.exactOptional(v.string()),
  text: v.exactOptional(v.string()),
  version: v.exactOptional(v.pipe(wholeNumber, v.gtValue(0))),
  checks: v.exactOptional(v.array(finiteNumber)),
  key: v.exactOptional(hash),
});

/** What a caller says of an answer's words. */
export const saidAnswerSchema = object({
  text: v.string(),
  finishReason: v.exactOptional(v.nullable(nameUpTo(LONGEST_TEXTS.source))),
});

const outcomeFields = {
  candidate: name,
  status: v.picklist(['answered', 'failed', 'left', 'refused']),
  costUsd: amount,
  costSource: v.exactOptional(v.picklist(['reported', 'computed'])),
  latencyMs: amount,
  inputTokens: count,
  outputTokens: count,
  totalCostUsd: v.exactOptional(v.pipe(finiteNumber, v.minValue(0))),
  totalLatencyMs: v.exactOptional(v.pipe(finiteNumber, v.minValue(0))),
  error: v.exactOptional(v.string()),
  refused: v.exactOptional(record(v.string())),
};

const feedbackFields = {
  quality: v.exactOptional(share),
  candidate: v.exactOptional(name),
  source: v.exactOptional(name),
  comment: v.exactOptional(v.string()),
  rightAnswer: v.exactOptional(v.string()),
};

/** What a caller says of how a decision was carried out. */
export const outcomeSchema = strictObject({
  ...outcomeFields,
  candidate: candidateSchema,
}) satisfies v.GenericSchema<unknown, Omit<OutcomeRecord, 'schemaVersion' | 'kind' | 'id' | 'at' | 'answer'>>;

/** What a caller says of an answer. */
export const feedbackSchema = v.pipe(
  strictObject({
    quality: v.exactOptional(share),
    candidate: v.exactOptional(candidateSchema),
    source: v.exactOptional(nameUpTo(LONGEST_TEXTS.source)),
    comment: v.exactOptional(nameUpTo(LONGEST_TEXTS.comment)),
    rightAnswer: v.exactOptional(nameUpTo(LONGEST_TEXTS.rightAnswer)),
  }),
  v.check(
    ({ comment, quality, rightAnswer }) => (quality ?? comment ?? rightAnswer) !== undefined,
    'an object with `quality`, `comment` or `rightAnswer`',
  ),
) satisfies v.GenericSchema<unknown, FeedbackInput>;

/** The shape of a line. Fields of later versions that are not known yet are kept. */
export const logRecordSchema = v.variant('kind', [
  looseObject({
    ...versioned,
    kind: v.literal('decision'),
    id: name,
    artifactId: name,
    policyPath: v.array(v.string()),
    candidate: name,
    propensity: v.pipe(share, v.gtValue(0)),
    propensities: v.exactOptional(shares),
    confidence: share,
    probabilities: shares,
    predictions: v.array(
      looseObject({
        candidate: name,
        successProbability: share,
        expectedCostUsd: amount,
        expectedLatencyMs: amount,
      }),
    ),
    signals: record(v.unknown()),
    promptHash: hash,
    request: v.exactOptional(v.union([object({ text: v.string() }), object({ messages: v.array(message) })])),
    embedding: v.exactOptional(v.array(finiteNumber)),
    task: v.exactOptional(v.string()),
    tier: v.exactOptional(v.string()),
    user: v.exactOptional(v.string()),
  }),
  looseObject({
    ...versioned,
    kind: v.literal('outcome'),
    id: name,
    ...outcomeFields,
    answer: v.exactOptional(loggedAnswer),
  }),
  looseObject({ ...versioned, kind: v.literal('feedback'), id: name, ...feedbackFields }),
  looseObject({ ...versioned, kind: v.literal('dropped'), count: v.pipe(wholeNumber, v.gtValue(0)) }),
  looseObject({
    ...versioned,
    kind: v.literal('file'),
    state: v.picklist(['opened', 'closed']),
    closesAt: v.exactOptional(time),
  }),
]) satisfies v.GenericSchema<unknown, LogRecord>;

/** ISO 8601 in UTC, of a day that there is. */
function isTime(text: string): boolean {
  const isWritten = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/.test(text);
  const time = new Date(text);
  return isWritten && !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text.slice(0, 16));
}

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
