import { expect, it } from 'vitest';
import { apiPage, publicApi } from './api-page.ts';

const api = publicApi();
const names = api.entries.flatMap(({ specifier, names }) => names.map((name) => ({ specifier, ...name })));

// After a change that is meant: npm run docs:api, and look at the difference.
it('is what docs/api.md says', async () => {
  await expect(apiPage(api)).toMatchFileSnapshot('../../docs/api.md');
});

it('says what each entry is for, and what each public name is', () => {
  expect(api.entries.filter(({ prose }) => prose === '').map(({ specifier }) => specifier)).toEqual([]);
  const silent = names
    .filter(({ prose }) => prose === '')
    .map(({ specifier, name }) => `${name} of ${specifier}`);
  expect(silent).toEqual([]);
});

it('says what options are for, field by field, and what they are when left out', () => {
  const options = names.filter(({ name, isType }) => isType && name.endsWith('Options'));
  expect(options.length).toBeGreaterThan(10);
  const silent = options.flatMap(({ name, signature }) =>
    [...signature.matchAll(/(?<!\*\/)\n {2}(?:readonly )?(\w+)\??:/g)].map(
      ([, field]) => `${field} of ${name}`,
    ),
  );
  expect(silent).toEqual([]);
});
