import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { publicSources } from '../package/entry-sources.ts';
import {
  type Arrows,
  GATEWAY_ARROWS,
  GATEWAY_GROUND,
  SRC_ARROWS,
  SRC_GROUND,
  TRAINING_ARROWS,
  TRAINING_GROUND,
  TRAINING_ROOF,
} from './allowed-arrows.ts';
import { circles } from './circles.ts';
import {
  importedPath,
  importsOf,
  isEntry,
  roomOf,
  root,
  type SourceFile,
  sourceFiles,
} from './source-files.ts';

const src = sourceFiles('src');
const training = sourceFiles('training');
const gateway = sourceFiles('gateway');

/** Files that import from a room they may not import from. */
function wrongArrows(files: readonly SourceFile[], arrows: Arrows, ground: readonly string[]): string[] {
  const wrong: string[] = [];
  for (const file of files) {
    if (isEntry(file.path) || file.path.startsWith(`training/${TRAINING_ROOF}/`)) continue;
    const groundBelow = ground.includes(file.room) ? [] : ground;
    const allowed = [file.room, ...groundBelow, ...(arrows[file.room] ?? [])];
    for (const specifier of file.imports) {
      const path = importedPath(file, specifier);
      if (path === undefined) continue;
      if (path.split('/')[0] === file.path.split('/')[0] && allowed.includes(roomOf(path))) continue;
      wrong.push(`${file.path} imports ${path}`);
    }
  }
  return wrong;
}

describe('the arrows between rooms', () => {
  it.each([
    ['src', src, SRC_ARROWS, SRC_GROUND],
    ['training', training, TRAINING_ARROWS, TRAINING_GROUND],
    ['gateway', gateway, GATEWAY_ARROWS, GATEWAY_GROUND],
  ] as const)('of %s are those of the table, which says why', (_, files, arrows, ground) => {
    expect(wrongArrows(files, arrows, ground)).toEqual([]);
  });

  it.each([
    ['src', src, SRC_ARROWS],
    ['training', training, TRAINING_ARROWS],
    ['gateway', gateway, GATEWAY_ARROWS],
  ] as const)('name every room of %s once', (_, files, arrows) => {
    const rooms = new Set(files.filter(({ path }) => !isEntry(path)).map(({ room }) => room));
    if (files === training) rooms.delete(TRAINING_ROOF);
    expect([...rooms].sort()).toEqual(Object.keys(arrows).sort());
  });

  it.each([
    ['src', SRC_ARROWS],
    ['training', TRAINING_ARROWS],
    ['gateway', GATEWAY_ARROWS],
  ] as const)('of %s never run in a circle', (_, arrows) => {
    expect(circles(new Map(Object.entries(arrows).map(([room, to]) => [room, new Set(to)])))).toEqual([]);
  });
});

describe('what src may import', () => {
  const packages = (files: readonly SourceFile[]) =>
    files.flatMap(({ path, imports }) =>
      imports.filter((specifier) => !specifier.startsWith('.')).map((specifier) => ({ path, specifier })),
    );

  it('is its own dependencies alone, never training', () => {
    const { dependencies, devDependencies, peerDependencies } = JSON.parse(
      readFileSync(join(root, 'src/package.json'), 'utf8'),
    );
    // Those for development are bundled.
    const own = Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies });
    const isOwn = (specifier: string) =>
      specifier.startsWith('node:') || own.some((name) => `${specifier}/`.startsWith(`${name}/`));
    expect(packages(src).filter(({ specifier }) => !isOwn(specifier))).toEqual([]);
    expect([...own, ...packages(src).map(({ specifier }) => specifier)]).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/training|tensorflow|duckdb|arrow/)]),
    );
  });

  it('is zod in its small form, since the whole of it takes 90 ms to load', () => {
    expect(packages(src).filter(({ specifier }) => specifier === 'zod')).toEqual([]);
  });

  it('is node:* in src/node only', () => {
    const outside = packages(src.filter(({ room }) => room !== 'node'));
    expect(outside.filter(({ specifier }) => specifier.startsWith('node:'))).toEqual([]);
  });

  it('comes into training through its entries, never by path', () => {
    const into = packages(training).filter(({ specifier }) => specifier.startsWith('pointsman'));
    expect(into.filter(({ specifier }) => !/^pointsman(\/[a-z]+)?$/.test(specifier))).toEqual([]);
  });

  it('comes into the gateway through public entries alone, and training not at all', () => {
    const open = publicSources().map(({ specifier }) => specifier);
    const into = packages(gateway).filter(({ specifier }) => /^@?pointsman(\/|$)/.test(specifier));
    expect(into.length).toBeGreaterThan(0);
    expect(
      into.filter(({ specifier }) => !(open.includes(specifier) && specifier.startsWith('pointsman'))),
    ).toEqual([]);
  });

  it('comes back from neither: training does not know the gateway', () => {
    expect(packages([...src, ...training]).filter(({ specifier }) => /gateway/.test(specifier))).toEqual([]);
  });
});

it('sees static, bare, type, re-exporting and dynamic imports', () => {
  const text = [
    "import { a,\n  b } from './one.ts';",
    "import type { C } from 'two';",
    "export { d } from './three.ts';",
    "import 'four';",
    "const five = await import('node:five');",
  ].join('\n');
  expect(importsOf(text)).toEqual(['./one.ts', 'two', './three.ts', 'four', 'node:five']);
});
