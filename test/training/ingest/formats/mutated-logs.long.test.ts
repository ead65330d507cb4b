import { test } from 'vitest';
import { logFixture } from './log-fixture.ts';
import { MUTATED_FORMATS, readMutated } from './mutated-logs.ts';

const ROWS = 20_000;
/** Records of one file. */
const FILE = 1000;
const fixture = logFixture();
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000);

test.each(MUTATED_FORMATS)(
  `each record of %s among ${ROWS} that are changed at random becomes a row or is counted`,
  async (format) => {
    const files = Math.ceil(ROWS / MUTATED_FORMATS.length / FILE);
    for (let i = 0; i < files; i++) await readMutated(fixture, format, FILE, seed + i);
  },
);
