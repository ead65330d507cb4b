import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));

/**
 * Tests run on the sources; `test/package` alone looks at what is packed. `npm run test:long` (`--mode long`) runs what is
 * long and rare (`*.long.test.ts`), `npm test` all the rest.
 */
export default defineConfig(({ mode }) => ({
  resolve: {
    alias: [
      { find: /^pointsman$/, replacement: `${root}src/index.ts` },
      { find: /^pointsman\/(.+)$/, replacement: `${root}src/$1/index.ts` },
      { find: /^@pointsman\/training\/(.+)$/, replacement: `${root}training/$1/index.ts` },
      { find: /^@pointsman\/training$/, replacement: `${root}training/index.ts` },
    ],
  },
  test: {
    include: mode === 'long' ? ['test/**/*.long.test.ts'] : ['test/**/*.test.ts'],
    exclude: mode === 'long' ? ['**/node_modules/**'] : ['**/node_modules/**', '**/*.long.test.ts'],
    passWithNoTests: mode === 'long',
    setupFiles: ['test/fixtures/fuzz-seed.ts'],
    testTimeout: mode === 'long' ? 900_000 : 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Every core; what is long is measured too, and has the machine to itself.
    maxWorkers: mode === 'long' ? 1 : '100%',
  },
}));
