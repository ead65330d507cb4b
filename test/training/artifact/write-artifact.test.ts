import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ArtifactError, InvalidInputError, memoryFiles, readArtifact } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import { expect, test } from 'vitest';
import {
  addReports,
  type BuiltArtifact,
  buildArtifact,
  editArtifact,
  renderCard,
} from '../../../training/artifact/build-artifact.ts';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';

const { folder: root } = temporaryFolder();

const encode = (text: string) => new TextEncoder().encode(text);

/** What is in a folder but for its lock. */
async function visible(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name !== '.pointer.lock').sort();
}

async function contents(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort();
  const pairs = names.map(async (name) => [name, (await readFile(join(folder, name))).toString('hex')]);
  return Object.fromEntries(await Promise.all(pairs));
}

test('the same content gives the same id and the same bytes, whatever the order it came in', async () => {
  const one = await tinyArtifact();
  const core = [...one.files].filter(([path]) => path !== 'manifest.json').reverse();
  const { heads, ...rest } = one.manifest;
  const two = await buildArtifact({ heads, ...rest }, new Map(core));
  expect(two.manifest).toEqual(one.manifest);
  expect(two.files.get('manifest.json')).toEqual(one.files.get('manifest.json'));
  const other = await tinyArtifact({ seed: 2 });
  expect(other.version).not.toBe(one.version);
});

test('written, it has its version, a pointer, and nothing else; written again, nothing changes', async () => {
  const folder = join(root, 'again');
  const sealed = await tinyArtifact();
  const { version, path } = await writeArtifact(folder, sealed);
  expect(version).toMatch(/^v-[0-9a-f]{12}$/);
  expect(await visible(folder)).toEqual(['current.json', version]);
  expect(await readFile(join(folder, 'current.json'), 'utf8')).toBe(`{"version":"${version}"}\n`);
  const before = await contents(path);
  expect(Object.keys(before).sort()).toEqual([...sealed.files.keys()].sort());
  expect(await writeArtifact(folder, sealed)).toEqual({ version, path });
  expect(await contents(path)).toEqual(before);
  const second = await writeArtifact(folder, await tinyArtifact({ seed: 2 }));
  expect(await visible(folder)).toEqual(['current.json', version, second.version].sort());
  expect((await readArtifactFolder(folder)).manifest.id).toContain(second.version.slice(2));
});

test('a damaged folder of the same version is put right', async () => {
  const folder = join(root, 'damaged');
  const sealed = await tinyArtifact();
  const { path } = await writeArtifact(folder, sealed);
  await writeFile(join(path, 'weights.bin'), 'x');
  await writeArtifact(folder, sealed);
  expect((await readArtifactFolder(folder)).manifest).toEqual(sealed.manifest);
  expect(await visible(folder)).toHaveLength(2);
});

test('reports come afterwards under the same id, replace older ones, and are put right where they were changed', async () => {
  const folder = join(root, 'reports');
  const sealed = await tinyArtifact();
  const first = await addReports(sealed, { routedQuality: 0.7 }, new Map([['CARD.md', encode('# one')]]));
  const second = await addReports(first, { routedQuality: 0.7 }, new Map([['CARD.md', encode('# two')]]));
  expect([first.version, second.version]).toEqual([sealed.version, sealed.version]);
  expect(first.manifest.id).toBe(sealed.manifest.id);
  await writeArtifact(folder, first);
  const { path } = await writeArtifact(folder, second);
  expect(await readFile(join(path, 'CARD.md'), 'utf8')).toBe('# two');
  expect((await readArtifactFolder(folder)).manifest.metrics).toEqual({ routedQuality: 0.7 });
  await writeFile(join(path, 'CARD.md'), '# tow');
  const { reports } = await readArtifactFolder(folder, { reports: true });
  expect(reports?.changed.get('CARD.md')).toContain('CARD.md was edited or damaged');
  await writeArtifact(folder, second);
  expect(await readFile(join(path, 'CARD.md'), 'utf8')).toBe('# two');
});

test('one version written by many at once is there, whole, and nothing else is', async () => {
  const folder = join(root, 'at-once');
  const sealed = await tinyArtifact();
  const written = await Promise.all(Array.from({ length: 8 }, () => writeArtifact(folder, sealed)));
  expect(new Set(written.map(({ path }) => path)).size).toBe(1);
  expect(await visible(folder)).toEqual(['current.json', sealed.version]);
  await writeFile(join(written[0].path, 'weights.bin'), 'x');
  await Promise.all(Array.from({ length: 8 }, () => writeArtifact(folder, sealed)));
  expect((await readArtifactFolder(folder)).manifest).toEqual(sealed.manifest);
  expect(await visible(folder)).toEqual(['current.json', sealed.version]);
});

test('a new version takes the examples along, or says why it cannot', async () => {
  const examples = new Map([['examples.json', encode('[]')]]);
  const { files } = await addReports(await tinyArtifact(), {}, examples);
  const whole = await readArtifact(memoryFiles(files), { reports: true });
  const amended = await editArtifact(whole, { what: 'Nothing was done.' });
  expect(amended.files.get('examples.json')).toEqual(encode('[]'));
  const unread = await readArtifact(memoryFiles(files));
  await expect(editArtifact(unread, { what: 'x' })).rejects.toThrow('pass { reports: true }');
  const edited = new Map([...files, ['examples.json', encode('{}')]]);
  const changed = await readArtifact(memoryFiles(edited), { reports: true });
  await expect(editArtifact(changed, { what: 'x' })).rejects.toThrow(
    'examples.json cannot go along with the new version. examples.json was edited or damaged',
  );
});

test('an artifact that would not load is refused before anything is written', async () => {
  const folder = join(root, 'bad');
  const sealed = await tinyArtifact();
  const broken: BuiltArtifact = {
    ...sealed,
    files: new Map([...sealed.files, ['weights.bin', encode('x')]]),
  };
  await expect(writeArtifact(folder, broken)).rejects.toBeInstanceOf(ArtifactError);
  await expect(readdir(folder)).rejects.toThrow('ENOENT');
});

test('a file cannot be put outside the artifact', async () => {
  const { manifest } = await tinyArtifact();
  await expect(buildArtifact(manifest, new Map([['../x', encode('')]]))).rejects.toBeInstanceOf(
    InvalidInputError,
  );
  await expect(buildArtifact(manifest, new Map([['manifest.json', encode('')]]))).rejects.toBeInstanceOf(
    InvalidInputError,
  );
});

test('what cannot be written as JSON does not get past the reader', async () => {
  const { manifest, files } = await tinyArtifact();
  const core = new Map([...files].filter(([path]) => path !== 'manifest.json'));
  const choice = { ...manifest.heads.choice, temperature: Number.NaN };
  const sealed = await buildArtifact({ ...manifest, heads: { ...manifest.heads, choice } }, core);
  await expect(readArtifact(memoryFiles(sealed.files))).rejects.toThrow(
    '`heads.choice.temperature` of manifest.json must be a number. Got null.',
  );
});

test('the card says what it was trained on, what it is worth and how to load it, and shows names as they are', async () => {
  const { manifest } = await tinyArtifact({ names: ['gpt|4', '<b>x</b>', '[a](javascript:x)\n# y'] });
  const card = renderCard(manifest, {
    verdict: 'Better than always using gpt|4, by 0.03 (95 % interval 0.01 to 0.05).',
    figures: [
      {
        name: 'routed quality',
        value: 0.71234,
        low: 0.69,
        high: 0.73,
        meaning: 'mean quality of the choice',
      },
    ],
    tasks: ['maths', 'code'],
  });
  expect(card).toContain('70 prompts to fit, 15 to calibrate and 15 to test');
  expect(card).toContain('| routed quality | 0.7123 | 0.69 to 0.73 | mean quality of the choice |');
  expect(card).toContain('await loadRouter("models/tiny")');
  expect(card).toContain('| gpt\\|4 |');
  expect(card).toContain('| &lt;b&gt;x&lt;/b&gt; |');
  expect(card).toContain('\\[a\\]\\(javascript:x\\) \\# y');
  expect(card).toContain('Tasks: maths, code.');
});
