import { createRandom } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { LOG_READERS, type LogFormat, mapLogBlock } from '../../../../training/ingest/formats/log-formats.ts';
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

const NESTED = `${'['.repeat(200)}${']'.repeat(200)}`;
const MAPPINGS = { plainly: {}, 'as the quality': { quality: 'x' }, 'as the prompt': { messages: 'x' } };

describe.each(Object.keys(LOG_CASES) as Exclude<LogFormat, 'table'>[])(
  'text nested too deep in a %s record',
  (format) => {
    test.each(Object.entries(MAPPINGS))('read %s becomes entries and no error', (_, map) => {
      for (const { record } of LOG_CASES[format]!.records)
        for (const name of [...Object.keys(record), 'x']) {
          const line = JSON.stringify({ ...record, [name]: NESTED });
          const mapping = { map, score: undefined, failureQuality: null, answers: true };
          const block = mapLogBlock({ bytes: Buffer.from(line), firstLine: 1 }, LOG_READERS[format], mapping);
          const { rows, outcomes, scores, prompts, openCalls } = block;
          const entries = [rows, outcomes, scores, prompts, openCalls].flat();
          expect(entries.length, line).toBeGreaterThan(0);
        }
    });
  },
);
