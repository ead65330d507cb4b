/**
 * `npm run mutate`: whether the tests notice that learning, calibration, policies and the gate of retraining are changed.
 * Not part of the gate, as it takes hours; bench/mutation.md has the last result.
 */

// The same of the same commit: property tests draw other values each time otherwise.
process.env.FUZZ_SEED ??= '1';

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutate.config.ts', related: true },
  coverageAnalysis: 'perTest',
  mutate: [
    'src/policy/**/*.ts',
    'src/calibrator.ts',
    'training/learners/*.ts',
    'training/calibrate/*.ts',
    'training/retrain/gate/*.ts',
  ],
  // Names and messages: tests of sentences look at those, and types at most of the names.
  mutator: { excludedMutations: ['StringLiteral'] },
  // What runs once when a file is loaded would need a process of its own for each mutant.
  ignoreStatic: true,
  // Stryker rewrites the paths in this with the compiler's JavaScript API, which TypeScript 7 has not; nothing here needs it.
  tsconfigFile: 'none',
  ignorePatterns: [
    '/bench/cache',
    '/bench/results',
    '/models',
    '/notebooks',
    '/coverage',
    'dist',
    '.pointsman',
  ],
  concurrency: 2,
  timeoutMS: 10_000,
  timeoutFactor: 2,
  tempDirName: 'coverage/stryker-sandbox',
  reporters: ['progress', 'clear-text', 'html', 'json'],
  clearTextReporter: { reportTests: false, logTests: false },
  htmlReporter: { fileName: 'coverage/mutation/report.html' },
  jsonReporter: { fileName: 'coverage/mutation/report.json' },
  incrementalFile: 'coverage/mutation/incremental.json',
  thresholds: { high: 90, low: 80, break: 80 },
};
