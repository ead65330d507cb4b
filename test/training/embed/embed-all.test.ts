import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { type EmbedProgress, embedAll } from '../../../training/embed/embed.ts';
import { bundledScript } from '../../fixtures/bundled-script.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { countingEmbedder } from './counting-embedder.ts';

const { path } = temporaryFolder();
let cacheFolder: string;
let folders = 0;
beforeEach(async () => {
  cacheFolder = path(`cache-${folders++}`);
  await mkdir(cacheFolder);
});

async function shardPaths(): Promise<string[]> {
  const names = await readdir(cacheFolder, { recursive: true });
  return names.filter((name) => name.endsWith('.arrow')).map((name) => join(cacheFolder, name));
}

describe('embedding many texts', () => {
  it('gives a row a text, and embeds equal texts once', async () => {
    const { asked, embedder } = countingEmbedder();
    const rows = await embedAll(embedder, ['abc', 'b', 'abc', '']);
    expect(rows).toEqual(Float32Array.of(3, 97, 1, 98, 3, 97, 0, 0));
    expect(asked).toEqual(['abc', 'b', '']);
    expect(await embedAll(embedder, [])).toEqual(new Float32Array(0));
  });

  it('embeds nothing twice that is in the cache', async () => {
    const { asked, embedder } = countingEmbedder();
    const texts = Array.from({ length: 50 }, (_, i) => `text ${i}`);
    const first = await embedAll(embedder, texts.slice(0, 30), { cacheFolder, batchSize: 8 });
    const second = await embedAll(embedder, texts, { cacheFolder, batchSize: 8 });
    expect(second.subarray(0, first.length)).toEqual(first);
    expect(asked).toEqual(texts);
  });

  it('tells texts apart that differ in a lone surrogate only, and embedders by their ids', async () => {
    const { asked, embedder } = countingEmbedder();
    await embedAll(embedder, ['\ud800'], { cacheFolder });
    await embedAll(embedder, ['\ud801'], { cacheFolder });
    const other = countingEmbedder('other');
    await embedAll(other.embedder, ['\ud800'], { cacheFolder });
    expect(asked).toEqual(['\ud800', '\ud801']);
    expect(other.asked).toEqual(['\ud800']);
  });

  it('reports progress over distinct texts', async () => {
    const { embedder } = countingEmbedder();
    await embedAll(embedder, ['a', 'b'], { cacheFolder });
    const seen: EmbedProgress[] = [];
    await embedAll(embedder, ['a', 'b', 'c', 'd', 'e', 'a'], {
      cacheFolder,
      batchSize: 2,
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen.map(({ done }) => done)).toEqual([2, 4, 5]);
    expect(seen.every(({ total, cached }) => total === 5 && cached === 2)).toBe(true);
  });

  it('passes torn, edited and foreign files over, and embeds their texts again', async () => {
    const { asked, embedder } = countingEmbedder();
    const texts = ['one', 'two', 'three', 'four'];
    const whole = await embedAll(embedder, texts, { cacheFolder, batchSize: 2 });
    const [torn] = await shardPaths();
    const bytes = await readFile(torn);
    await writeFile(torn, bytes.subarray(0, bytes.length - 20));
    await writeFile(join(torn, '..', 'foreign.arrow'), 'no arrow');
    expect(await embedAll(embedder, texts, { cacheFolder })).toEqual(whole);
    expect(asked).toHaveLength(6);
  });

  it('joins many files into one and still finds everything', async () => {
    const { asked, embedder } = countingEmbedder();
    const texts = Array.from({ length: 40 }, (_, i) => `text ${i}`);
    const first = await embedAll(embedder, texts, { cacheFolder, batchSize: 1 });
    expect(await shardPaths()).toHaveLength(1);
    expect(await embedAll(embedder, texts, { cacheFolder })).toEqual(first);
    expect(asked).toHaveLength(40);
  });

  it('keeps the batch under way when it is told to stop', async () => {
    const { asked, embedder } = countingEmbedder();
    const stop = new AbortController();
    const texts = ['a', 'b', 'c', 'd', 'e'];
    const reason = new Error('stopped');
    const run = embedAll(embedder, texts, {
      cacheFolder,
      batchSize: 2,
      signal: stop.signal,
      onProgress: ({ done }) => {
        if (done === 2) stop.abort(reason);
      },
    });
    await expect(run).rejects.toBe(reason);
    await embedAll(embedder, texts, { cacheFolder });
    expect(asked).toEqual(texts);
  });

  it('goes past the cache with a synchronous embedder', async () => {
    const { embedder } = countingEmbedder();
    await embedAll({ ...embedder, embedInto: () => {} } as typeof embedder, ['a'], { cacheFolder });
    expect(await readdir(cacheFolder)).toEqual([]);
  });

  it.each([
    [[], 'a vector for each of 1 texts. Got 0'],
    [[Float32Array.of(1)], 'vectors of 2 finite numbers. Got one of 1'],
    [[Float32Array.of(1, Number.NaN)], 'vectors of 2 finite numbers'],
  ])('refuses an embedder that gives %j', async (vectors, message) => {
    const broken = { id: 'broken', dimensions: 2, embed: async () => vectors };
    await expect(embedAll(broken, ['a'], { cacheFolder })).rejects.toThrow(message);
    expect(await shardPaths()).toEqual([]);
  });

  it('loses no more than the batch under way when it is killed', async () => {
    const script = await bundledScript(new URL('embed-until-killed.ts', import.meta.url));
    const run = async (stopAt: number): Promise<string[]> => {
      const child = spawn(process.execPath, [script, cacheFolder, String(stopAt)]);
      let printed = '';
      let problems = '';
      child.stderr.on('data', (chunk) => {
        problems += chunk;
      });
      child.stdout.on('data', (chunk) => {
        printed += chunk;
        if (printed.includes('hanging')) child.kill('SIGKILL');
      });
      const [code, signal] = await once(child, 'close');
      expect(stopAt > 0 ? signal : code, problems).toBe(stopAt > 0 ? 'SIGKILL' : 0);
      return printed.split('\n').filter((line) => line.startsWith('text'));
    };
    const first = await run(18); // hangs in the fifth batch of four, two texts into it
    const second = await run(0);
    expect(first).toHaveLength(18);
    expect(second).toHaveLength(40 - 16);
    expect(second[0]).toBe('text 16');
  });
});
