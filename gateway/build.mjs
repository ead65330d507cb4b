// Builds the dashboard into the package: everything that the page loads comes from the gateway itself.
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

await build({
  configFile: false,
  root: fileURLToPath(new URL('dashboard/', import.meta.url)),
  base: './',
  logLevel: 'warn',
  // Preact is small enough without a plugin.
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/dashboard',
    emptyOutDir: true,
    target: 'es2023',
    // The page's policy allows no script but files of its own.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    // The licences of what is bundled ask that their notices go along.
    license: { fileName: 'third-party-licenses.txt' },
    reportCompressedSize: false,
  },
});
