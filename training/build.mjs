// Puts beside the built code what ships with it: the static embedder's table, and the documentation.
import { cp, mkdir, rm } from 'node:fs/promises';

const folder = (path) => new URL(path, import.meta.url);

await mkdir(folder('dist/static-en/'), { recursive: true });
for (const name of ['static.bin', 'CARD.md'])
  await cp(folder(`../models/static-en/${name}`), folder(`dist/static-en/${name}`));

await rm(folder('docs/'), { recursive: true, force: true });
await cp(folder('../docs/'), folder('docs/'), { recursive: true });
