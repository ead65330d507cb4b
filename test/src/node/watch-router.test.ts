import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ArtifactError, InvalidInputError, type Manifest } from 'pointsman';
import { createDecisionLog } from 'pointsman/log';
import { loadRouter, type WatchOptions } from 'pointsman/node';
import { expect, test } from 'vitest';
import type { BuiltArtifact } from '../../../training/artifact/build-artifact.ts';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { fakeAsyncEmbedder, fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';
import { decisionIds, readFiles } from './log-folder.ts';

const { folder: root } = temporaryFolder();

const request = { text: 'hello' };

/** A folder with two versions, the first in use. */
async function folderWithTwo(name: string) {
  const folder = join(root, name);
  const write = async (artifact: BuiltArtifact) => (await writeArtifact(folder, artifact)).version;
  const second = await write(await tinyArtifact({ seed: 2 }));
  const first = await write(await tinyArtifact({ seed: 1 }));
  return { folder, first, second };
}

/** As a retrain does: in one step, so that nobody sees half of it. */
async function pointTo(folder: string, version: string): Promise<void> {
  await writeFile(join(folder, 'next.json'), JSON.stringify({ version }));
  await rename(join(folder, 'next.json'), join(folder, 'current.json'));
}

/** A timer that goes off when the test says so, and the waits that were asked for. */
function turns() {
  const waits: number[] = [];
  let due: (() => void) | undefined;
  const news: (() => void)[] = [];
  const after: WatchOptions['after'] = (ms, done) => {
    waits.push(ms);
    due = done;
    for (const tell of news.splice(0)) tell();
    return () => {
      due = undefined;
    };
  };
  return {
    waits,
    after,
    get stopped() {
      return due === undefined;
    },
    /** One look, from its beginning to its end. */
    async look() {
      const looked = new Promise<void>((resolve) => news.push(resolve));
      const go = due;
      due = undefined;
      go?.();
      await looked;
    },
  };
}

test('a watched router goes over to the version that current.json names, and says so', async () => {
  const { folder, first, second } = await folderWithTwo('swap');
  const { look, after } = turns();
  const swaps: string[][] = [];
  const onSwap = (manifest: Manifest, previous: Manifest) => swaps.push([previous.id, manifest.id]);
  const router = await loadRouter(folder, { embedder: fakeEmbedder, watch: { after, onSwap } });
  const idOf = (version: string) => `tiny-${version.slice(2)}`;
  await look();
  expect((await router.route(request)).artifactId).toBe(idOf(first));
  await pointTo(folder, second);
  await look();
  expect(swaps).toEqual([[idOf(first), idOf(second)]]);
  expect(router.manifest.id).toBe(idOf(second));
  expect((await router.route(request)).artifactId).toBe(idOf(second));
  await pointTo(folder, first);
  await look();
  expect((await router.route(request)).artifactId).toBe(idOf(first));
  await router.close();
});

test('a version that cannot be used is refused: the old one stays, and the reason is told once', async () => {
  const { folder, first, second } = await folderWithTwo('broken');
  const { look, after, waits } = turns();
  const errors: unknown[] = [];
  const watch = { after, intervalMs: 10, onError: (error: unknown) => errors.push(error) };
  const router = await loadRouter(folder, { embedder: fakeEmbedder, watch });
  const used = router.manifest.id;
  await cp(join(folder, second), join(folder, 'v-damaged'), { recursive: true });
  await writeFile(join(folder, 'v-damaged', 'weights.bin'), 'x');
  await pointTo(folder, 'v-damaged');
  for (let i = 0; i < 8; i++) await look();
  expect(errors).toHaveLength(1);
  expect(errors[0]).toBeInstanceOf(ArtifactError);
  expect(String(errors[0])).toMatch(/weights.bin must be \d+ bytes long/);
  // It is not read again at every turn: an artifact can be large.
  expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 640, 640]);
  expect(router.manifest.id).toBe(used);
  expect((await router.route(request)).artifactId).toBe(used);
  // Something else that is wrong is told too.
  await writeFile(join(folder, 'current.json'), '{"versi');
  await look();
  await rm(join(folder, 'current.json'));
  await look();
  expect(errors.slice(1).map(String)).toEqual([
    expect.stringContaining('must be {"version": "<folder name>"}'),
    expect.stringContaining('has neither manifest.json nor current.json'),
  ]);
  await pointTo(folder, second);
  await look();
  expect((await router.route(request)).artifactId).toBe(`tiny-${second.slice(2)}`);
  expect(waits.at(-1)).toBe(10);
  await pointTo(folder, first);
  await router.close();
});

test('a version that fits the options of the router no more is refused too', async () => {
  const { folder } = await folderWithTwo('other-candidates');
  const { look, after } = turns();
  const errors: unknown[] = [];
  const policy = { kind: 'threshold', weak: 'm0', strong: 'm2', threshold: 0.5 } as const;
  const watch = { after, onError: (error: unknown) => errors.push(error) };
  const router = await loadRouter(folder, { embedder: fakeEmbedder, policy, watch });
  const used = router.manifest.id;
  await writeArtifact(folder, await tinyArtifact({ candidates: 2 }));
  await look();
  expect(errors).toHaveLength(1);
  expect(String(errors[0])).toContain('m2');
  expect(router.manifest.id).toBe(used);
  await router.close();
});

test('while versions are swapped 50 times, every request is answered by one of them, whole', async () => {
  const folder = join(root, 'fifty');
  const versions: string[] = [];
  for (let seed = 0; seed < 5; seed++) {
    versions.push((await writeArtifact(folder, await tinyArtifact({ seed }))).version);
  }
  // What each of them says by itself.
  const alone = new Map<string, string>();
  const said = ({ candidate, probabilities }: { candidate: string; probabilities: object }) =>
    JSON.stringify({ candidate, probabilities });
  for (const version of versions) {
    const router = await loadRouter(join(folder, version), { embedder: fakeEmbedder });
    alone.set(router.manifest.id, said(await router.route(request)));
  }
  let swaps = 0;
  // Its answer comes later: requests are under way while versions change.
  const later = fakeAsyncEmbedder(async (texts) => {
    await new Promise((resolve) => setImmediate(resolve));
    return fakeEmbedder.embed(texts);
  });
  let swapped = () => {};
  const watch = {
    intervalMs: 1,
    onSwap: () => {
      swaps++;
      swapped();
    },
  };
  const router = await loadRouter(folder, { embedder: later, watch });
  let running = true;
  const seen = new Set<string>();
  const route = async () => {
    let count = 0;
    while (running) {
      const before = router.manifest.id;
      const decision = await router.route(request);
      expect(said(decision)).toBe(alone.get(decision.artifactId));
      // Taken by the version that was in use when it came.
      expect(decision.artifactId).toBe(before);
      seen.add(decision.artifactId);
      count++;
    }
    return count;
  };
  const routes = [route(), route(), route()];
  for (let i = 0; i < 50; i++) {
    const next = new Promise<void>((resolve) => {
      swapped = resolve;
    });
    await pointTo(folder, versions[i % versions.length]);
    await next;
  }
  running = false;
  const counts = await Promise.all(routes);
  await router.close();
  expect(swaps).toBe(50);
  expect(seen.size).toBe(versions.length);
  expect(Math.min(...counts)).toBeGreaterThan(50);
});

test('a version that was replaced is let go of', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { folder, second } = await folderWithTwo('memory');
  const { look, after } = turns();
  const router = await loadRouter(folder, { embedder: fakeEmbedder, watch: { after } });
  const held = new WeakRef(router.manifest);
  await router.route(request);
  await pointTo(folder, second);
  await look();
  // A weak reference holds until the turn is over.
  for (let i = 0; i < 10 && held.deref() !== undefined; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  expect(held.deref()).toBeUndefined();
  await router.close();
});

test.each([
  ['close()', async (router: { close(): Promise<void> }) => router.close()],
  ['its signal', async (_: unknown, controller: AbortController) => controller.abort()],
])('%s stops it, and it routes on with the version it has', async (name, stop) => {
  const { folder, second } = await folderWithTwo(`stop-${name.length}`);
  const watching = turns();
  const controller = new AbortController();
  const router = await loadRouter(folder, {
    embedder: fakeEmbedder,
    watch: { after: watching.after, signal: controller.signal },
  });
  const used = router.manifest.id;
  expect(watching.stopped).toBe(false);
  await stop(router, controller);
  expect(watching.stopped).toBe(true);
  await pointTo(folder, second);
  expect((await router.route(request)).artifactId).toBe(used);
});

test('one that ends while a version is being loaded does not go over to it', async () => {
  const { folder, second } = await folderWithTwo('closing');
  const { after, look } = turns();
  const router = await loadRouter(folder, { embedder: fakeEmbedder, watch: { after } });
  const used = router.manifest.id;
  await pointTo(folder, second);
  void look();
  await router.close();
  expect(router.manifest.id).toBe(used);
});

test('decisions before and after a swap are in one log, with the version that made them', async () => {
  const { folder, first, second } = await folderWithTwo('logged');
  const { look, after } = turns();
  const logs = join(folder, 'log');
  const router = await loadRouter(folder, { embedder: fakeEmbedder, log: logs, watch: { after } });
  const before = await router.route(request);
  await pointTo(folder, second);
  await look();
  const later = await router.route(request);
  router.feedback(before.id, { quality: 1 });
  await router.close();
  const files = await readFiles(logs);
  expect(decisionIds(files)).toEqual([before.id, later.id]);
  const records = files.flatMap((file) => file.records);
  const artifacts = records.flatMap((r) => (r.kind === 'decision' ? [r.artifactId] : []));
  expect(artifacts).toEqual([first, second].map((version) => `tiny-${version.slice(2)}`));
  expect(records.at(-1)).toMatchObject({ kind: 'file', state: 'closed' });
  expect(() => router.feedback(before.id, { quality: 1 })).not.toThrow();
});

test('a log that is given is flushed at the close, and stays open', async () => {
  const { folder } = await folderWithTwo('given');
  let written = 0;
  const log = createDecisionLog({
    sink: (records) => {
      written += records.length;
    },
  });
  const router = await loadRouter(folder, { embedder: fakeEmbedder, log });
  await router.route(request);
  await router.close();
  expect(written).toBe(1);
  router.feedback('x', { quality: 1 });
  expect(log.stats()).toMatchObject({ pending: 1, dropped: 0 });
  await log.close();
});

test('the folder of one version cannot be watched, nor without an interval', async () => {
  const { folder, first } = await folderWithTwo('one');
  const version = loadRouter(join(folder, first), { embedder: fakeEmbedder, watch: true });
  await expect(version).rejects.toThrow(/needs a folder whose current.json names.*Give the folder around it/);
  await expect(version).rejects.toBeInstanceOf(InvalidInputError);
  const busy = loadRouter(folder, { embedder: fakeEmbedder, watch: { intervalMs: 0 } });
  await expect(busy).rejects.toThrow('`watch.intervalMs` of router must be a number > 0. Got 0.');
  await mkdir(join(root, 'empty'));
  await expect(loadRouter(join(root, 'empty'), { watch: true })).rejects.toBeInstanceOf(ArtifactError);
});
