import { parseLogRecord } from 'pointsman/log';
import { describe, expect, it } from 'vitest';
import { RECORDS } from './log-records.ts';

const [decision, outcome, feedback] = RECORDS;

describe('a log record', () => {
  it.each(RECORDS.map((record) => [record.kind, record]))(
    'of kind %s survives a line of JSON',
    (_, record) => {
      expect(parseLogRecord(JSON.parse(JSON.stringify(record)))).toEqual(record);
    },
  );

  it('may have fields that are not known yet', () => {
    expect(parseLogRecord({ ...outcome, region: 'eu' })).toEqual({ ...outcome, region: 'eu' });
  });

  it.each([
    [{ ...feedback, quality: 1.1 }, '`quality` of log record must be a number <= 1. Got 1.1.'],
    [{ ...decision, propensity: 0 }, '`propensity` of log record must be a number > 0. Got 0.'],
    [{ ...decision, promptHash: 'abc' }, '`promptHash` of log record must be'],
    [
      { ...outcome, status: 'fine' },
      '`status` of log record must be "answered" or "failed" or "left" or "refused". Got "fine".',
    ],
    [{ ...outcome, at: 'yesterday' }, '`at` of log record must be'],
    [{ ...outcome, kind: 'guess' }, '`kind` of log record must be'],
    ['nothing', 'The log record must be'],
  ])('that is wrong is refused with its field', (record, message) => {
    expect(() => parseLogRecord(record)).toThrow(message);
  });

  it('of a later version is refused with what to do', () => {
    expect(() => parseLogRecord({ ...outcome, schemaVersion: 2 })).toThrow(/schema version 2.*Update it/);
  });
});
