import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { publicSources } from './entry-sources.ts';

/** `export { a, type B, c as d } from '...'`, and what it declares itself; type-only names are marked: they are gone at run time. */
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
  const declared = text.matchAll(/^export (?:async )?(function|class|const|interface|type) (\w+)/gm);
  const own = [...declared].map(([, kind, name]) => (/interface|type/.test(kind) ? `type ${name}` : name));
  return [...names, ...own].sort((a, b) =>
    a.replace('type ', '').localeCompare(b.replace('type ', ''), 'en'),
  );
}

function publicApi(): Record<string, string[]> {
  return Object.fromEntries(
    publicSources().map(({ specifier, path }) => [specifier, exportedNames(readFileSync(path, 'utf8'))]),
  );
}

// After a change that is meant: npm run api, and look at the difference.
it('is what public-api.json lists', async () => {
  await expect(`${JSON.stringify(publicApi(), null, 2)}\n`).toMatchFileSnapshot('public-api.json');
});

it('is small: about nine entries, and at most 120 names; the gateway has one, and at most 20', () => {
  const { '@pointsman/gateway': gateway, ...library } = publicApi();
  const entries = Object.values(library);
  expect(entries.length).toBeLessThanOrEqual(9);
  expect(entries.flat().length).toBeLessThanOrEqual(120);
  expect(gateway.length).toBeLessThanOrEqual(20);
});

it('reads lists of names in every form', () => {
  const text =
    "export { b, type A } from './x.ts';\nexport type { C } from './y.ts';\nexport { d as e } from './z.ts';\nexport function f() {}\nexport interface G {}";
  expect(exportedNames(text)).toEqual(['type A', 'b', 'type C', 'e', 'f', 'type G']);
});
