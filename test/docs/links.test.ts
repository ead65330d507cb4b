import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../architecture/source-files.ts';
import { SIGNALS } from '../src/policy/policy-context.ts';

const documents = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const textOf = (document: string) => readFileSync(join(root, document), 'utf8');

/** Relative links outside code: where from the root, and which heading there. */
function linksOf(document: string): { path: string; heading: string }[] {
  const prose = textOf(document).replaceAll(/^```[\s\S]*?^```/gm, '');
  return [...prose.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link]) => {
    const [path, heading = ''] = link.split('#');
    return { path: path === '' ? document : normalize(join(dirname(document), path)), heading };
  });
}

/** As GitHub names headings. */
function headingsOf(document: string): string[] {
  return [...textOf(document).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the links of', () => {
  it.each(documents)('%s lead somewhere', (document) => {
    const broken = linksOf(document).filter(
      ({ path, heading }) =>
        !existsSync(join(root, path)) || (heading !== '' && !headingsOf(path).includes(heading)),
    );
    expect(broken).toEqual([]);
  });
});

/** Rows of the table whose header begins so, by their first cell. */
function tableOf(document: string, header: string): Map<string, string> {
  const [, after] = textOf(document).split(`\n| ${header} |`);
  const rows = after.split('\n\n')[0].matchAll(/^\| `(\w+)` \|(.*)\|$/gm);
  return new Map([...rows].map(([, name, cells]) => [name, cells]));
}

describe('every row', () => {
  const kinds = ['utility', 'classifier', 'rules', 'threshold', 'cascade', 'ensemble', 'speculative'];
  it.each([
    ['docs/policies.md', 'kind', [...kinds, 'hierarchical', 'router', 'tools', 'explore']],
    ['docs/signals.md', 'signal', Object.keys(SIGNALS)],
  ])('of the table of %s links an example and a test that name it', (document, header, names) => {
    const rows = tableOf(document, header);
    expect([...rows.keys()].sort()).toEqual([...names].sort());
    for (const [name, cells] of rows) {
      const example = /\((examples\/[\w-]+\.ts)\)/.exec(cells)?.[1];
      const test = /\(\.\.\/(test\/[\w/-]+\.test\.ts)\)/.exec(cells)?.[1];
      expect(textOf(`docs/${example}`), `the example of ${name}`).toContain(name);
      expect(textOf(test ?? ''), `the test of ${name}`).toContain(name);
    }
  });
});
