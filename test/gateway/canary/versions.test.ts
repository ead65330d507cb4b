import { chmodSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRouter } from 'pointsman/node';
import { afterEach, describe, expect, it } from 'vitest';
import type { Notes, Versions } from '../../../gateway/canary/version-standing.ts';
import { openVersions } from '../../../gateway/canary/versions.ts';
import { RollupFile } from '../../../gateway/rollups/rollup-file.ts';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';

const { folder: root } = temporaryFolder();
const RULES = {
  steps: [0.5, 1],
  minRatings: 5,
  minRequests: 0,
  maxRegret: 0.3,
  maxErrorIncrease: 0.3,
  alpha: 0.05,
};

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
let folders = 0;

let made: { folder: string; versions: string[] } | undefined;

/** A folder with three versions, of which the first is in use: a copy of one that is made once. */
async function routerFolder() {
  if (made === undefined) {
    made = { folder: join(root, 'made'), versions: [] };
    for (const seed of [1, 2, 3]) {
      const built = await tinyArtifact({ candidates: 2, manifest: { name: `router-${seed}` } });
      made.versions.push((await writeArtifact(made.folder, built, { point: seed === 1 })).version);
    }
  }
  const folder = join(root, `router-${folders++}`);
  cpSync(made.folder, folder, { recursive: true });
  const point = (version: string) => writeFileSync(join(folder, 'current.json'), JSON.stringify({ version }));
  const pointer = () => JSON.parse(readFileSync(join(folder, 'current.json'), 'utf8'));
  return { folder, versions: made.versions, point, pointer };
}

function newNotes(path = ':memory:'): Notes & { close(): Promise<void> } {
  const file = new RollupFile(path, (error) => {
    throw error;
  });
  opened.push(file);
  return file;
}

async function open(folder: string, notes: Notes, more = {}): Promise<Versions> {
  const load = (version: string) => loadRouter(version, { embedder: fakeEmbedder });
  const versions = await openVersions({
    name: 'support',
    folder,
    rules: RULES,
    notes,
    load,
    intervalMs: 5,
    onError: (error) => {
      throw error;
    },
    ...more,
  });
  opened.unshift(versions);
  return versions;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Rates answers of both versions. */
function rate(versions: Versions, canary: number, champion: number, times = 300): void {
  const standing = versions.standing();
  const trial = standing.canary;
  for (let n = 0; n < times; n++) {
    versions.rated(trial?.artifactId ?? '', canary, null);
    versions.rated(standing.champion.artifactId, champion, null);
    versions.ended(trial?.artifactId ?? '', false);
    versions.ended(standing.champion.artifactId, false);
  }
}

describe('versions of a router', () => {
  it('are tried when current.json names a new one, and are promoted by their ratings', async () => {
    const { folder, point, pointer, versions: names } = await routerFolder();
    const versions = await open(folder, newNotes());
    expect(versions.standing()).toMatchObject({ champion: { version: names[0] }, canary: null });
    point(names[1]);
    await until(() => versions.standing().canary !== null);
    expect(versions.champion.manifest.name).toBe('router-1');
    expect(versions.standing().canary).toMatchObject({ version: names[1], share: 0.5 });
    const picked = new Map<string, string>();
    for (let n = 0; n < 400; n++) picked.set(`unit ${n}`, versions.pick(`unit ${n}`).manifest.name);
    const share = [...picked.values()].filter((name) => name === 'router-2').length / 400;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.1);
    for (const [unit, name] of picked) expect(versions.pick(unit).manifest.name).toBe(name);
    rate(versions, 1, 0.8);
    await until(() => versions.standing().canary === null);
    expect(versions.champion.manifest.name).toBe('router-2');
    expect(versions.standing().verdicts).toMatchObject([
      { version: names[1], verdict: 'promoted', by: 'test' },
    ]);
    expect(pointer().version).toBe(names[1]);
  });

  it('are rolled back by their ratings, for every loader, and not tried again', async () => {
    const { folder, point, pointer, versions: names } = await routerFolder();
    const notes = newNotes();
    const versions = await open(folder, notes);
    point(names[1]);
    await until(() => versions.standing().canary !== null);
    rate(versions, 0.1, 0.9);
    await until(() => versions.standing().canary === null);
    expect(versions.champion.manifest.name).toBe('router-1');
    expect(versions.standing().verdicts[0]).toMatchObject({ verdict: 'rolled back', by: 'test' });
    await until(() => pointer().version === names[0]);
    expect(pointer()).toEqual({ version: names[0], previous: [], withdrawn: [names[1]] });
    point(names[1]);
    const again = await open(folder, notes);
    expect(again.standing()).toMatchObject({ champion: { version: names[0] }, canary: null });
    await again.promote(names[1]);
    expect(again.champion.manifest.name).toBe('router-2');
    await until(() => versions.champion.manifest.name === 'router-2');
  });

  it('go on with their trial after a restart, with what was seen before', async () => {
    const { folder, point, versions: names } = await routerFolder();
    const path = join(root, 'restart.db');
    const first = await open(folder, newNotes(path));
    point(names[1]);
    await until(() => first.standing().canary !== null);
    rate(first, 0.5, 0.5, 10);
    const before = first.standing().canary;
    await first.close();
    const second = await open(folder, newNotes(path));
    expect(second.standing().canary).toMatchObject({
      version: names[1],
      startedAt: before?.startedAt,
      ratings: before?.ratings,
      quality: before?.quality,
    });
    expect(before?.ratings.canary.count).toBe(10);
  });

  it('of gateways that share their notes are judged by what all of them saw, and decided for all', async () => {
    const { folder, point, versions: names } = await routerFolder();
    const path = join(root, 'shared.db');
    const gateways = [await open(folder, newNotes(path)), await open(folder, newNotes(path))];
    point(names[1]);
    await until(() => gateways.every((one) => one.standing().canary !== null));
    for (const one of gateways) rate(one, 0.5, 0.5, 3);
    await until(() => gateways.every((one) => one.standing().canary?.ratings.canary.count === 6));
    rate(gateways[0], 1, 0.5);
    await until(() => gateways.every((one) => one.champion.manifest.name === 'router-2'));
    for (const one of gateways) expect(one.standing().verdicts.length).toBe(1);
  });

  it('are superseded by a newer one, withdrawn by current.json, and ended by an operator', async () => {
    const { folder, point, pointer, versions: names } = await routerFolder();
    const versions = await open(folder, newNotes());
    await expect(versions.rollBack()).rejects.toThrow('no new version on trial');
    await expect(versions.promote()).rejects.toThrow('has no new version');
    await expect(versions.promote('../x')).rejects.toThrow('has no version');
    point(names[1]);
    await until(() => versions.standing().canary?.version === names[1]);
    point(names[2]);
    await until(() => versions.standing().canary?.version === names[2]);
    point(names[0]);
    await until(() => versions.standing().canary === null);
    expect(versions.standing().verdicts.map(({ verdict, version }) => [version, verdict])).toEqual([
      [names[2], 'withdrawn'],
      [names[1], 'superseded'],
    ]);
    point(names[2]);
    await until(() => versions.standing().canary?.version === names[2]);
    await versions.rollBack();
    expect(pointer()).toMatchObject({ version: names[0], withdrawn: [names[2]] });
    await versions.promote(names[2]);
    expect(pointer()).toMatchObject({ version: names[2], previous: [names[0]], withdrawn: [] });
    expect(versions.standing().verdicts[0]).toMatchObject({ verdict: 'promoted', by: 'operator' });
    await expect(versions.promote(names[2])).rejects.toThrow('in use for everybody');
  });

  it('stay decided where current.json cannot be written, and are not used where they cannot be loaded', async () => {
    const { folder, point, versions: names } = await routerFolder();
    const errors: unknown[] = [];
    const versions = await open(folder, newNotes(), { onError: (error: unknown) => errors.push(error) });
    point('v-none');
    await until(() => errors.length > 0);
    expect(String(errors[0])).toContain('v-none');
    point(names[1]);
    await until(() => versions.standing().canary !== null);
    chmodSync(folder, 0o555);
    try {
      await versions.rollBack();
      await new Promise((resolve) => setTimeout(resolve, 30));
      expect(versions.standing()).toMatchObject({ champion: { version: names[0] }, canary: null });
    } finally {
      chmodSync(folder, 0o755);
    }
  });

  it('need a folder whose current.json names one', async () => {
    await expect(open(root, newNotes())).rejects.toThrow('needs a folder whose current.json');
  });
});
