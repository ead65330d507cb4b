import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../architecture/source-files.ts';
import { pages } from '../documents/pages.ts';

/** Of `models` only what the repository brings: the others are a reader's own. */
const IN_THE_REPOSITORY =
  /^(?:\.ci|bench|data|docs|gateway|models\/static-en|notebooks|src|test|training)\/[\w./-]*$/;
const SOURCE_FILE = /^[\w./-]+\.ts$/;

const sources = ['bench', 'data', 'docs', 'gateway', 'notebooks', 'src', 'test', 'training'].flatMap(
  sourcesBelow,
);

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ['dist', 'node_modules'].includes(entry.name) ? [] : sourcesBelow(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

/** What stands between backticks outside code blocks. */
function quoted(text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, name]) => name);
}

/** Whether a name is no path, or one that is there: a source file may be named by the end of its path. */
function isThere(name: string): boolean {
  if (existsSync(join(root, name))) return true;
  if (IN_THE_REPOSITORY.test(name)) return false;
  return !SOURCE_FILE.test(name) || sources.some((path) => path.endsWith(`/${name}`));
}

describe('the paths that', () => {
  it.each(pages())('%s names in backticks are there', (page) => {
    expect(quoted(readFileSync(join(root, page), 'utf8')).filter((name) => !isThere(name))).toEqual([]);
  });

  it('are told from other words', () => {
    expect(['src/no-such-folder/', 'test/nothing.ts', 'no-such-file.ts'].some(isThere)).toBe(false);
    expect(
      [
        'src/',
        'test/docs/paths.test.ts',
        'paths.test.ts',
        'vitest.config.ts',
        'models/support',
        'judge.mjs',
      ].every(isThere),
    ).toBe(true);
  });
});
