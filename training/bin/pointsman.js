#!/usr/bin/env node
// The command of the package `pointsman`, which comes along: whichever of the two npm links, it is the same.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = dirname(createRequire(import.meta.url).resolve('pointsman/package.json'));
const { run } = await import(pathToFileURL(join(folder, 'bin/command.js')).href);
await run(process.argv.slice(2), [import.meta.url]);
