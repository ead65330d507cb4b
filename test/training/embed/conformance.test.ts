import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { type Embedder, loadTransformersEmbedder } from 'pointsman';
import { decodeStaticTable, StaticEmbedder, type SyncEmbedder } from 'pointsman/internal';
import { createOpenAiEmbedder } from 'pointsman/openai';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadUseEmbedder } from '../../../training/embed/use-embedder.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { anyText } from '../../src/any-text.ts';
import { fakeEmbeddingsEndpoint } from '../../src/embedder/fake-embeddings-endpoint.ts';
import { hasTransformers, writeTinyTransformer } from '../../src/embedder/tiny-transformer.ts';

const { folder } = temporaryFolder();
beforeAll(async () => {
  await writeTinyTransformer(folder);
});

interface Variant {
  readonly name: string;
  readonly load: () => Promise<Embedder>;
  /** Whether vectors have length 1; the endpoint's are as it gives them. */
  readonly unit: boolean;
  /** How many random texts are tried: fewer where one takes milliseconds. */
  readonly runs: number;
}

const staticBin = new URL('../../../models/static-en/static.bin', import.meta.url);
const VARIANTS: Variant[] = [
  {
    name: 'static',
    load: async () => new StaticEmbedder(decodeStaticTable(await readFile(staticBin))),
    unit: true,
    runs: 300,
  },
  { name: 'use', load: () => loadUseEmbedder({ maxPieces: 32 }), unit: true, runs: 10 },
  { name: 'transformers', load: () => loadTransformersEmbedder({ model: folder }), unit: true, runs: 50 },
  {
    name: 'openai',
    load: async () =>
      createOpenAiEmbedder({
        model: 'fake',
        dimensions: 3,
        fetch: fakeEmbeddingsEndpoint().send,
        batchSize: 3,
      }),
    unit: false,
    runs: 100,
  },
];

const ODD = [
  '\ud800',
  'a\udfffb',
  '🙂',
  '\u200b',
  '\0',
  '日本語',
  'é'.repeat(300),
  'hello '.repeat(500),
  '\n \t',
];

const here = VARIANTS.filter(({ name }) => name !== 'transformers' || hasTransformers);

describe.each(here)('the $name embedder', ({ load, unit, runs }) => {
  let embedder: Embedder;
  beforeAll(async () => {
    embedder = await load();
  });

  it('has an id that a second one of the same settings shares', async () => {
    expect(embedder.id).not.toBe('');
    expect((await load()).id).toBe(embedder.id);
  });

  it('gives nothing for nothing, and the zero vector for an empty text', async () => {
    expect(await embedder.embed([])).toEqual([]);
    expect(await embedder.embed([''])).toEqual([new Float32Array(embedder.dimensions)]);
  });

  it('gives one finite vector a text, whatever the text', async () => {
    const check = async (texts: string[]) => {
      const vectors = await embedder.embed(texts);
      expect(vectors).toHaveLength(texts.length);
      for (const vector of vectors) {
        expect(vector).toBeInstanceOf(Float32Array);
        expect(vector).toHaveLength(embedder.dimensions);
        const length = Math.hypot(...vector);
        expect(Number.isFinite(length)).toBe(true);
        if (unit && length > 0) expect(length).toBeCloseTo(1, 4);
      }
    };
    await check(ODD);
    const texts = fc.array(anyText(), { maxLength: 5 });
    await fc.assert(fc.asyncProperty(texts, check), { numRuns: runs });
  });

  it('gives a text the same vector alone, in company and the second time', async () => {
    const texts = ['hello world', '', 'the cats', 'a b a b a b a b', 'the cats'];
    const together = await embedder.embed(texts);
    expect(await embedder.embed(texts)).toEqual(together);
    expect(together[4]).toEqual(together[2]);
    for (let i = 0; i < texts.length; i++) {
      const [alone] = await embedder.embed([texts[i]]);
      alone.forEach((x, c) => {
        expect(x).toBeCloseTo(together[i][c], 5);
      });
    }
  });

  it('writes the same in place, where it can', async () => {
    if (!('embedInto' in embedder)) return;
    const out = new Float32Array(embedder.dimensions).fill(7);
    for (const text of [...ODD, '', 'hello world']) {
      (embedder as SyncEmbedder).embedInto(text, out);
      expect(out).toEqual((await embedder.embed([text]))[0]);
    }
  });
});
