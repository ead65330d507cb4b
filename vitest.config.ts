import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** `npm run test:long` runs what is long and rare (`*.long.test.ts`); `npm test` runs all the rest. */
const long = process.env.POINTSMAN_LONG_TESTS === '1';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Tests run on the sources; `test/package` alone looks at what is packed. */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^pointsman$/, replacement: `${root}src/index.ts` },
      { find: /^pointsman\/(.+)$/, replacement: `${root}src/$1/index.ts` },
      { find: /^@pointsman\/training\/(.+)$/, replacement: `${root}training/$1/index.ts` },
      { find: /^@pointsman\/training$/, replacement: `${root}training/index.ts` },
    ],
  },
  test: {
    include: long ? ['test/**/*.long.test.ts'] : ['test/**/*.test.ts'],
    exclude: long ? ['**/node_modules/**'] : ['**/node_modules/**', '**/*.long.test.ts'],
    passWithNoTests: long,
    setupFiles: ['test/fixtures/fuzz-seed.ts'],
    testTimeout: long ? 900_000 : 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
  },
});
