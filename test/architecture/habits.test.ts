import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TOOL_VERSION } from '../../training/work/run-folder.ts';
import { root, type SourceFile, sourceFiles } from './source-files.ts';

const src = sourceFiles('src');
const training = sourceFiles('training');
const gateway = sourceFiles('gateway');
const data = sourceFiles('data');
const packages = [...src, ...training, ...gateway];

const matching = (files: readonly SourceFile[], pattern: RegExp) =>
  files.filter(({ text }) => pattern.test(text)).map(({ path }) => path);

describe('the code of the packages', () => {
  it('writes to no console: progress goes through a callback', () => {
    expect(matching(packages, /\bconsole\.\w+\(/)).toEqual([]);
  });

  it('touches the standard streams and the exit code in the command alone', () => {
    const outside = packages.filter(({ path }) => !/^(training|gateway)\/cli\//.test(path));
    expect(matching(outside, /\bprocess\.(std(in|out|err)|exit)/)).toEqual([]);
  });

  it('lists the names it exports, never `export *`, and has no default export', () => {
    expect(matching(packages, /^export (\*|default)/m)).toEqual([]);
  });

  it('draws no number that a seed does not give', () => {
    expect(matching(packages, /\bMath\.random\(/)).toEqual([]);
  });

  it('keeps no note to finish something later', () => {
    expect(matching([...packages, ...data], /\b(TODO|FIXME|XXX|HACK)\b/)).toEqual([]);
  });

  it('has no file above 400 lines', () => {
    const files = [...packages, ...data];
    expect(files.filter(({ lines }) => lines > 400).map(({ path }) => path)).toEqual([]);
  });
});

it('has one version everywhere', () => {
  const read = (path: string) => JSON.parse(readFileSync(join(root, path), 'utf8'));
  const trainingPackage = read('training/package.json');
  const gatewayPackage = read('gateway/package.json');
  expect(read('src/package.json').version).toBe(TOOL_VERSION);
  for (const { version, dependencies } of [trainingPackage, gatewayPackage]) {
    expect(version).toBe(TOOL_VERSION);
    expect(dependencies.pointsman).toBe(`^${TOOL_VERSION}`);
  }
});

it('hashes text in one place: FNV-1a, and the finaliser of MurmurHash3', () => {
  for (const constant of ['0x811c9dc5', '0x01000193', '0x85ebca6b'])
    expect(packages.filter(({ text }) => text.includes(constant)).map(({ path }) => path)).toEqual([
      'src/text.ts',
    ]);
});
