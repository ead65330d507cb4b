import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { validate } from '../validate.ts';
import { LOG_SCHEMA_VERSION, type LogRecord } from './record.ts';
import { logRecordSchema } from './record-schema.ts';

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
