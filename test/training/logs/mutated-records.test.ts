import { createRandom } from 'pointsman/math';
import { expect, test } from 'vitest';
import { LOG_READERS } from '../../../training/logs/index.ts';
import { BEDROCK } from './cases/bedrock.ts';
import { GEMINI } from './cases/gemini.ts';
import { LANGSMITH } from './cases/langsmith.ts';
import { LLMROUTERBENCH } from './cases/llmrouterbench.ts';
import { MLFLOW } from './cases/mlflow.ts';
import { WEAVE } from './cases/weave.ts';

const CASES = {
  mlflow: MLFLOW,
  weave: WEAVE,
  langsmith: LANGSMITH,
  bedrock: BEDROCK,
  gemini: GEMINI,
  llmrouterbench: LLMROUTERBENCH,
} as const;
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

test.each(Object.entries(CASES))(
  'a %s record with odd values anywhere becomes entries and no error',
  (format, { records }) => {
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
        const entries = [...LOG_READERS[format as keyof typeof CASES].read(odd)];
        expect(entries.length, JSON.stringify(odd)).toBeGreaterThan(0);
      }
  },
);
