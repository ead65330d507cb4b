import { test } from 'vitest';
import { logFixture } from './log-fixture.ts';
import { MUTATED_FORMATS, readMutated } from './mutated-logs.ts';

const ROWS = 200;
const fixture = logFixture();
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);

test.each(MUTATED_FORMATS)(
  'each record of a %s log that is changed at random becomes a row or is counted',
  (format) => readMutated(fixture, format, ROWS, seed),
);
