import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TRAINING_ARROWS } from './allowed-arrows.ts';
import { circles } from './circles.ts';
import { importedPath, isEntry, type SourceFile, sourceFiles } from './source-files.ts';

const library = [...sourceFiles('src'), ...sourceFiles('training')];
const gateway = sourceFiles('gateway');
const files = [...library, ...gateway];
const rooms = files.filter(({ path }) => !isEntry(path));

/** Interchangeable peers keep one file each; an interface stands alone. */
const CATALOGUES =
  /^src\/policy\/kinds\/|^gateway\/(admin|api|cli|protocols|dashboard\/pages)\/|^training\/(ingest\/formats|cli\/commands)\//;
const ALONE = ['src/head/head.ts', 'src/embedder/embedder.ts'];

const pathsFrom = (file: SourceFile) =>
  file.imports.map((specifier) => importedPath(file, specifier)).filter((path) => path !== undefined);

function arrowsBetween(nodeOf: (path: string) => string): Map<string, Set<string>> {
  const arrows = new Map<string, Set<string>>();
  for (const file of rooms)
    for (const path of pathsFrom(file)) {
      const [from, to] = [nodeOf(file.path), nodeOf(path)];
      if (from === to) continue;
      if (!arrows.has(from)) arrows.set(from, new Set());
      arrows.get(from)?.add(to);
    }
  return arrows;
}

describe('the house', () => {
  it('has at most 270 files, the gateway aside', () => {
    expect(library.length).toBeLessThanOrEqual(270);
  });

  it('has at most 95 files in the gateway, and 40 in its dashboard', () => {
    const dashboard = gateway.filter(({ room }) => room === 'dashboard');
    expect(dashboard.length).toBeLessThanOrEqual(40);
    expect(gateway.length - dashboard.length).toBeLessThanOrEqual(95);
  });

  it('has no folder of more than 16 files', () => {
    const counts = new Map<string, number>();
    for (const { path } of files) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count > 16)).toEqual([]);
  });

  it('has no circle between files, of types neither', () => {
    expect(circles(arrowsBetween((path) => path))).toEqual([]);
  });

  it('has no circle between folders', () => {
    // Files beside a package's index.ts are rooms of their own.
    const folderOf = (path: string) => (path.split('/').length > 2 ? dirname(path) : path);
    expect(circles(arrowsBetween(folderOf))).toEqual([]);
  });

  it('keeps what is short and has one importer in that importer', () => {
    const importers = new Map<string, Set<string>>();
    for (const file of files)
      for (const path of pathsFrom(file))
        importers.set(path, (importers.get(path) ?? new Set()).add(file.path));
    const short = rooms.filter(
      ({ lines, path }) =>
        lines < 60 && importers.get(path)?.size === 1 && !CATALOGUES.test(path) && !ALONE.includes(path),
    );
    expect(short.map(({ path }) => path)).toEqual([]);
  });

  it('has at most 25 arrows between siblings in training', () => {
    const arrows = Object.values(TRAINING_ARROWS).flat();
    expect(arrows.length).toBeLessThanOrEqual(25);
  });
});

it('finds circles', () => {
  const arrows = new Map([
    ['a', new Set(['b'])],
    ['b', new Set(['c'])],
    ['c', new Set(['b', 'd'])],
    ['d', new Set<string>()],
  ]);
  expect(circles(arrows)).toEqual([['b', 'c']]);
});
