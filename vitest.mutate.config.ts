import { defineConfig } from 'vitest/config';
import { entryAliases } from './test/package/entry-sources.ts';

/** Of all of them, those of one folder: a mutant is tried sooner, and what another folder's tests would notice survives. */
const { MUTATION_TESTS = '' } = process.env;

/** The tests that `npm run mutate` puts to mutants: those of the folders that are mutated, none that trains a router. */
export default defineConfig({
  resolve: { alias: entryAliases() },
  test: {
    globalSetup: ['test/fixtures/run-folder.ts'],
    setupFiles: ['test/fixtures/fuzz-seed.ts'],
    include: [
      'test/src/policy/**/*.test.ts',
      'test/src/calibrator.test.ts',
      'test/training/learners/*.test.ts',
      'test/training/calibrate/*.test.ts',
      'test/training/train/calibrate-heads.test.ts',
      'test/training/retrain/gate/*.test.ts',
    ].filter((pattern) => pattern.startsWith(MUTATION_TESTS)),
    testTimeout: 60_000,
    // Sources are loaded anew for each mutant: schemas that are made once would keep what the first run made.
    isolate: true,
  },
});
