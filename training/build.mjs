// Puts the static embedder's table beside the built code, where the packed package looks for it.
import { copyFile, mkdir } from 'node:fs/promises';

const from = new URL('../models/static-en/', import.meta.url);
const to = new URL('dist/static-en/', import.meta.url);

await mkdir(to, { recursive: true });
for (const name of ['static.bin', 'CARD.md']) await copyFile(new URL(name, from), new URL(name, to));
