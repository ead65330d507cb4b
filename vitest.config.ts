import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

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
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/fixtures/fuzz-seed.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
  },
});
