import { createRandom } from 'pointsman/math';
import { expect, test } from 'vitest';
import { LOG_READERS } from '../../../training/logs/index.ts';
import { LOG_CASES } from './cases/index.ts';

const ODD: readonly unknown[] = [
  null,
  '',
  'x',
  '{"a',
  '[]',
  '{}',
  0,
  -1,
  1e300,
  true,
  [],
  {},
  [null],
  [[]],
  'constructor',
];
const ROUNDS = 60;

/** The formats without a fixture file of their own; `mutated-logs.test.ts` changes the records of all. */
const FORMATS = ['mlflow', 'weave', 'langsmith', 'bedrock', 'gemini', 'llmrouterbench'] as const;

test.each(FORMATS)('a %s record with odd values anywhere becomes entries and no error', (format) => {
  const { records } = LOG_CASES[format]!;
  const random = createRandom(7);
  const mutated = (value: unknown): unknown => {
    if (random.next() < 0.06) return ODD[random.integer(ODD.length)];
    if (Array.isArray(value)) return value.map(mutated);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mutated(inner)]));
  };
  for (let round = 0; round < ROUNDS; round++)
    for (const { record } of records) {
      const odd = Object.fromEntries(Object.entries(record).map(([name, value]) => [name, mutated(value)]));
      const entries = [...LOG_READERS[format].read(odd)];
      expect(entries.length, JSON.stringify(odd)).toBeGreaterThan(0);
    }
});
