import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../architecture/source-files.ts';
import { pages } from '../documents/pages.ts';
import { SIGNALS } from '../src/policy/policy-context.ts';

const documents = pages();
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

it('every page of docs and bench is found from the README', () => {
  const found = new Set<string>();
  const follow = (page: string): void => {
    if (found.has(page) || !documents.includes(page)) return;
    found.add(page);
    for (const { path } of linksOf(page)) follow(path);
  };
  follow('README.md');
  expect(documents.filter((page) => /^(docs|bench)\//.test(page) && !found.has(page))).toEqual([]);
});

/** Rows of the table whose header begins so, by their first cell. */
function tableOf(document: string, header: string): Map<string, string> {
  const [, after] = textOf(document).split(`\n| ${header} |`);
  const rows = after.split('\n\n')[0].matchAll(/^\| `(\w+)` \|(.*)\|$/gm);
  return new Map([...rows].map(([, name, cells]) => [name, cells]));
}

const COMPOSITE = 'test/src/policy/kinds/composite-policies.test.ts';
const READ = 'test/src/signals/read-signals.test.ts';
const CONVERSATION = 'test/src/router/conversation.test.ts';
const CHOSEN_BY = 'test/src/router/signals-and-policies.test.ts';
/** Where each kind of policy is tested. */
const POLICY_TESTS: Readonly<Record<string, string>> = {
  utility: 'test/src/policy/kinds/policies.test.ts',
  classifier: 'test/src/policy/kinds/policies.test.ts',
  rules: COMPOSITE,
  threshold: COMPOSITE,
  cascade: COMPOSITE,
  ensemble: COMPOSITE,
  speculative: COMPOSITE,
  hierarchical: COMPOSITE,
  router: CHOSEN_BY,
  tools: 'test/src/policy/kinds/tools-for-real.test.ts',
  abstain: 'test/src/policy/kinds/abstain-policy.test.ts',
  explore: 'test/src/policy/kinds/explore-policy.test.ts',
  session: CONVERSATION,
};
/** Where each signal is tested. */
const SIGNAL_TESTS = Object.fromEntries(
  Object.keys(SIGNALS).map((signal) => [
    signal,
    ['quality', 'latencyBudgetMs', 'costBudgetUsd', 'tier'].includes(signal)
      ? CHOSEN_BY
      : ['userTurn', 'toolResults', 'toolErrors', 'stall', 'conversationTokens'].includes(signal)
        ? CONVERSATION
        : READ,
  ]),
);

describe('every row', () => {
  it.each([
    ['docs/policies.md', 'kind', POLICY_TESTS],
    ['docs/signals.md', 'signal', SIGNAL_TESTS],
  ])('of the table of %s links an example that names it, and a test does too', (document, header, tests) => {
    const rows = tableOf(document, header);
    expect([...rows.keys()].sort()).toEqual(Object.keys(tests).sort());
    for (const [name, cells] of rows) {
      const example = /\((examples\/[\w-]+\.ts)\)/.exec(cells)?.[1];
      expect(textOf(`docs/${example}`), `the example of ${name}`).toContain(name);
      expect(textOf(tests[name]), `the test of ${name}`).toContain(name);
    }
  });
});

describe('what users read', () => {
  const forUsers = [
    'README.md',
    'src/README.md',
    'training/README.md',
    'gateway/README.md',
    ...documents.filter((page) => page.startsWith('docs/')),
  ];
  it.each(forUsers)('%s links to no test', (document) => {
    expect(linksOf(document).filter(({ path }) => path.startsWith('test/'))).toEqual([]);
  });
});
