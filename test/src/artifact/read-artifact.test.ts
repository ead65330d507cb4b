import { ArtifactError, memoryFiles, readArtifact } from 'pointsman';
import { manifestDigest, webSha256 } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';

type Json = Record<string, unknown>;

const sealed = await tinyArtifact();

/** The artifact's files with some replaced; undefined takes a file away. */
function changed(changes: Record<string, Uint8Array | undefined>) {
  const files = new Map(sealed.files);
  for (const [path, bytes] of Object.entries(changes)) {
    if (bytes === undefined) files.delete(path);
    else files.set(path, bytes);
  }
  return memoryFiles(files);
}

/** A manifest changed by someone who knows how to seal it again, id apart. */
async function resealed(change: (manifest: Json) => void) {
  const manifest = JSON.parse(JSON.stringify(sealed.manifest)) as Json;
  change(manifest);
  manifest.digest = await manifestDigest(manifest, webSha256);
  return changed({ 'manifest.json': json(manifest) });
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

async function refusal(files: Parameters<typeof readArtifact>[0]): Promise<string> {
  const error = await readArtifact(files).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(ArtifactError);
  return (error as ArtifactError).message;
}

test('an artifact read back gives its manifest and the bytes of its files', async () => {
  const artifact = await readArtifact(memoryFiles(sealed.files));
  expect(artifact.manifest).toEqual(sealed.manifest);
  expect(artifact.file('weights.bin')).toEqual(sealed.files.get('weights.bin'));
  expect(() => artifact.file('other.bin')).toThrow(ArtifactError);
});

test('the files may come from a plain object too', async () => {
  const artifact = await readArtifact(memoryFiles(Object.fromEntries(sealed.files)));
  expect(artifact.manifest.id).toMatch(/^tiny-[0-9a-f]{12}$/);
});

test('a newer schema is refused first, and the message says to update', async () => {
  const message = await refusal(changed({ 'manifest.json': json({ schemaVersion: 2, unheardOf: true }) }));
  expect(message).toMatch(/schema version 2.*reads up to 1.*npm install pointsman@latest/s);
});

test.each([
  ['nothing', new Uint8Array(0)],
  ['half a manifest', sealed.files.get('manifest.json')!.slice(0, 500)],
  ['bytes that are not UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d)],
  ['a list', json([])],
  ['null', json(null)],
  ['another JSON file', json({ name: 'package' })],
  ['nesting without end', new TextEncoder().encode(`${'['.repeat(50_000)}${']'.repeat(50_000)}`)],
  ['a prototype key', new TextEncoder().encode('{"schemaVersion":1,"__proto__":{"polluted":true}}')],
])('%s in place of the manifest is refused', async (_, bytes) => {
  await refusal(changed({ 'manifest.json': bytes }));
  expect(({} as Json).polluted).toBeUndefined();
});

test('a manifest edited by hand is refused, and the message names the way to change a policy', async () => {
  const text = new TextDecoder().decode(sealed.files.get('manifest.json'));
  const edited = new TextEncoder().encode(text.replace('"best"', '"cheapest"'));
  expect(await refusal(changed({ 'manifest.json': edited }))).toMatch(
    /edited or damaged.*pass it to the router/s,
  );
});

test('a manifest written with other white space and key order is the same manifest', async () => {
  const turned = Object.fromEntries(Object.entries(sealed.manifest).reverse());
  const artifact = await readArtifact(changed({ 'manifest.json': json(turned) }));
  expect(artifact.manifest).toEqual(sealed.manifest);
});

test.each([...sealed.files.keys()].filter((path) => path !== 'manifest.json'))(
  '%s missing, shortened, lengthened or edited is refused by name',
  async (path) => {
    const bytes = sealed.files.get(path)!;
    const edited = bytes.slice();
    edited[bytes.length >> 1] ^= 1;
    expect(await refusal(changed({ [path]: undefined }))).toContain(`${path} of the artifact cannot be read`);
    expect(await refusal(changed({ [path]: bytes.slice(1) }))).toMatch(/must be \d+ bytes long/);
    expect(await refusal(changed({ [path]: new Uint8Array(bytes.length + 1) }))).toContain(path);
    expect(await refusal(changed({ [path]: edited }))).toContain(`${path} was edited or damaged`);
  },
);

test('a model of the choice that is not among the files is refused', async () => {
  const files = await resealed((manifest) => {
    (manifest.model as Json).router = 'router.json';
  });
  expect(await refusal(files)).toContain('`files` of manifest.json must be a list that has "router.json"');
});

test.each([
  '../weights.bin',
  '/etc/passwd',
  'a\\b',
  'C:x',
  'file:///x',
  'a//b',
  './a',
  'a/..',
  '%2e%2e/a',
  '',
  'a\0',
])('the path %j leads nowhere', async (path) => {
  const files = await resealed((manifest) => {
    (manifest.model as Json).weights = path;
  });
  expect(await refusal(files)).toMatch(/`model.weights` of manifest.json must be a relative path inside/);
});

test('a size beyond all bounds is refused before anything is read', async () => {
  const files = await resealed((manifest) => {
    (manifest.files as Json[])[0].bytes = 2 ** 40;
  });
  expect(await refusal(files)).toMatch(/`files\[0\].bytes` of manifest.json must be a number <= 1073741824/);
});

test.each<[string, (manifest: Json) => void, RegExp]>([
  ['an id of other content', (m) => (m.id = 'tiny-000000000000'), /`id` of manifest.json must be "tiny-/],
  ['two candidates of one name', (m) => ((m.candidates as Json[])[0].name = 'm1'), /different names/],
  ['a candidate too few', (m) => (m.candidates as Json[]).pop(), /`heads.success.calibrators`.* a list of 2/],
  ['a calibrator too few', (m) => at(m, 'heads', 'success', 'calibrators', []), /calibrators/],
  ['a scale too few', (m) => at(m, 'heads', 'cost', 'scales', [1]), /`heads.cost.scales`.* a list of 3/],
  ['a temperature of 0', (m) => at(m, 'heads', 'choice', 'temperature', 0), /must be a number > 0. Got 0/],
  [
    'a calibrator of no kind',
    (m) => at(m, 'heads', 'success', 'calibrators', 0, { kind: 'oracle' }),
    /known kind/,
  ],
  ['lengths that do not add up', (m) => at(m, 'features', 'length', 9), /`features.length`.*8, the sum/],
  [
    'an embedding of another embedder',
    (m) => at(m, 'features', 'blocks', 0, 'embedder', 'x'),
    /of embedder fake/,
  ],
  ['a static embedder without its table', (m) => at(m, 'embedder', 'kind', 'static'), /`embedder.table`/],
  [
    'a file that is not listed',
    (m) => at(m, 'model', 'weights', 'other.bin'),
    /"other.bin", which the manifest/,
  ],
  ['a file listed twice', (m) => (m.files as Json[]).push((m.files as Json[])[0]), /different paths/],
  [
    'a prior of another length',
    (m) =>
      at(m, 'heads', 'success', 'head', {
        kind: 'logit',
        prior: [1],
        head: { kind: 'layers', output: 'choice' },
      }),
    /head.prior/,
  ],
  [
    'a head of a kind that there is no more',
    (m) => at(m, 'heads', 'success', 'head', 'kind', 'shrunk'),
    /`heads.success.head` .* another kind than `shrunk`, .*: train the router again/,
  ],
  [
    'an extension by more than one candidate',
    (m) => at(m, 'heads', 'choice', 'head', extension(1)),
    /`heads.choice.head.weights` .* a list of 2, one a candidate before the last. Got a list of 1/,
  ],
  [
    'a constant that is no number',
    (m) => at(m, 'heads', 'choice', 'head', { ...extension(2), constant: null }),
    /constant/,
  ],
  ['neighbours in features that are not there', (m) => at(m, ...KNN, 'to', 9), /at most 8/],
  ['neighbours in no features', (m) => at(m, ...KNN, 'from', 8), /`from` below `to`/],
])('%s is refused', async (_, change, expected) => {
  expect(await refusal(await resealed(change))).toMatch(expected);
});

const extension = (count: number) => ({
  kind: 'extend',
  head: { kind: 'layers', output: 'choice' },
  weights: Array(count).fill(0.5),
  constant: 0,
});
const KNN = ['heads', 'success', 'head', 'head', 'members', 2, 'head'] as const;

/** Sets a value deep inside: the last argument at the path before it. */
function at(target: unknown, ...path: readonly unknown[]): void {
  let object = target as Record<PropertyKey, unknown>;
  for (const step of path.slice(0, -2)) object = object[step as string] as Record<PropertyKey, unknown>;
  object[path.at(-2) as string] = path.at(-1);
}
