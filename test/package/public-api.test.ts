import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../architecture/source-files.ts';

/** `export { a, type B, c as d } from '...'`; type-only names are marked, since they are gone at run time. */
function exportedNames(text: string): string[] {
  const lists = text.matchAll(/export (type )?\{([^}]*)\}/g);
  const names = [...lists].flatMap(([, typeOnly, list]) =>
    list
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => {
        const type = typeOnly !== undefined || name.startsWith('type ');
        const plain = name.replace(/^type /, '').replace(/^.* as /, '');
        return type ? `type ${plain}` : plain;
      }),
  );
  return names.sort((a, b) => a.replace('type ', '').localeCompare(b.replace('type ', ''), 'en'));
}

function publicApi(): Record<string, string[]> {
  const api: Record<string, string[]> = {};
  for (const folder of ['src', 'training']) {
    const { name, exports } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    for (const entry of Object.keys(exports).filter((key) => key !== './package.json')) {
      const source = join(root, folder, entry, 'index.ts');
      api[name + entry.slice(1)] = exportedNames(readFileSync(source, 'utf8'));
    }
  }
  return api;
}

// After a change that is meant: npm run api, and look at the difference.
it('is what public-api.json lists', async () => {
  await expect(`${JSON.stringify(publicApi(), null, 2)}\n`).toMatchFileSnapshot('public-api.json');
});

it('reads lists of names in every form', () => {
  const text =
    "export { b, type A } from './x.ts';\nexport type { C } from './y.ts';\nexport { d as e } from './z.ts';";
  expect(exportedNames(text)).toEqual(['type A', 'b', 'type C', 'e']);
});
