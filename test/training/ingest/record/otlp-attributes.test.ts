import { expect, test } from 'vitest';
import { otlpAttributes } from '../../../../training/ingest/record/otel-span.ts';

test('a large integer in halves is read whole, though no count of tokens is as large', () => {
  const value = { intValue: { low: 1, high: 1, unsigned: false } };
  expect(otlpAttributes([{ key: 'n', value }])).toEqual({ n: 2 ** 32 + 1 });
});
