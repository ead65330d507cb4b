import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../architecture/source-files.ts';

test('the glossary defines each word once, in alphabetical order', () => {
  const text = readFileSync(join(root, 'docs/glossary.md'), 'utf8');
  const [, ...rows] = [...text.matchAll(/^\| ([a-z][\w ,-]*) \| .+ \|$/gm)].map(([, word]) => word);
  const words = rows.flatMap((row) => row.split(', '));
  expect(words.length).toBeGreaterThan(40);
  expect(new Set(words).size).toBe(words.length);
  expect(rows).toEqual(rows.toSorted((a, b) => a.localeCompare(b)));
});
