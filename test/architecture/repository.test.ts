import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, sep } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from './source-files.ts';

/** What is kept, and what is about to be: in a folder without its history there is nothing to ask. */
const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 2 ** 26,
});
const paths = listed.status === 0 ? listed.stdout.split('\0').filter((path) => path !== '') : [];
const kept = paths.filter((path) => existsSync(join(root, path)));

/** Git's own rule: a file whose first 8,000 bytes hold a zero is no text. */
const isBinary = (bytes: Buffer): boolean => bytes.subarray(0, 8000).includes(0);

/** Paths of whoever wrote it: of this checkout, or of somebody's own folder. */
function machinePaths(text: string): string[] {
  const own = [root.replace(/[\\/]$/, ''), homedir()].filter((path) => path.split(sep).length > 2);
  const foreign = /(?<![\w.:/-])(?:\/home|\/Users|[A-Z]:\\Users)[\\/](?!you\b|user\b|me\b)[\w.-]+[\\/]/g;
  return [...own.filter((path) => text.includes(`${path}/`)), ...(text.match(foreign) ?? [])];
}

describe.skipIf(listed.status !== 0)('what is kept in the repository', () => {
  const files = kept.map((path) => ({ path, bytes: readFileSync(join(root, path)) }));

  it('is at its top what docs/architecture.md says, and nothing else', () => {
    const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');
    const section = page.slice(page.indexOf('## Three packages'), page.indexOf('## Follow the data'));
    const beside = section.slice(section.indexOf('\nBeside them:'));
    const packages = [...section.matchAll(/^\| `([\w-]+)\/` \|/gm)].map(([, name]) => name);
    const said = [...beside.matchAll(/`([\w.-]+)\/?`/g)].map(([, name]) => name);
    expect([...new Set(kept.map((path) => path.split('/')[0]))].sort()).toEqual(
      [...packages, ...said].sort(),
    );
  });

  it('is text, the static table and pictures of pages aside: no database, no archive', () => {
    const binary = files.filter(({ bytes, path }) => isBinary(bytes) && !/^docs\/[\w-]+\.png$/.test(path));
    expect(binary.map(({ path }) => path)).toEqual(['models/static-en/static.bin']);
    const ofRuns = /\.(?:db|sqlite3?|duckdb|parquet|arrow|wal|tgz|gz|zip|log|tmp|cpuprofile|heapsnapshot)$|:/;
    expect(kept.filter((path) => ofRuns.test(path))).toEqual([]);
  });

  it('was written by people: nothing that is built, installed or ignored', () => {
    const made =
      /(?:^|\/)(?:dist|node_modules|coverage|reports|\.pointsman|\.stryker-tmp|\.vite)\/|\.tsbuildinfo$/;
    expect(kept.filter((path) => made.test(path))).toEqual([]);
    const ignored = spawnSync('git', ['ls-files', '--cached', '--ignored', '--exclude-standard'], {
      cwd: root,
      encoding: 'utf8',
    });
    expect(ignored.stdout).toBe('');
  });

  it('names no path of a machine', () => {
    const found = files
      .filter(({ bytes }) => !isBinary(bytes))
      .flatMap(({ bytes, path }) => machinePaths(bytes.toString('utf8')).map((each) => `${each} in ${path}`));
    expect(found).toEqual([]);
  });
});

it('knows paths of a machine', () => {
  const written = ['/home', 'Users', 'C:\\Users'].map((top) => `see ${top.startsWith('U') ? '/' : ''}${top}`);
  expect(
    written.map((start) => machinePaths(`${start}${start.includes('\\') ? '\\' : '/'}ada/code/x`).length),
  ).toEqual([1, 1, 1]);
  expect(machinePaths('https://example.com/home/docs/x, /home/you/models, src/home/a/b')).toEqual([]);
});
