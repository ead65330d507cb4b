import { readFile } from 'node:fs/promises';
import { decodeStaticTable, encodeStaticTable, StaticEmbedder, type StaticTable } from 'pointsman/internal';
import { beforeAll, describe, expect, it } from 'vitest';
import { readUseVocabulary } from '../../../training/embed/use-embedder.ts';

describe('models/static-en', () => {
  let bytes: Uint8Array;
  let table: StaticTable;
  beforeAll(async () => {
    bytes = await readFile(new URL('../../../models/static-en/static.bin', import.meta.url));
    table = decodeStaticTable(bytes);
  });

  it('is at most 3 MB, and comes back byte for byte', () => {
    expect(bytes.length).toBeLessThanOrEqual(3_000_000);
    expect(Buffer.from(encodeStaticTable(table)).equals(bytes)).toBe(true);
  });

  it('holds the vocabulary of Universal Sentence Encoder lite', async () => {
    const { pieces, scores } = await readUseVocabulary();
    expect(table.pieces).toEqual(pieces);
    expect(table.scores).toEqual(scores);
  });

  it('puts texts of like meaning nearer than others', () => {
    const embedder = new StaticEmbedder(table);
    const vector = (text: string) => {
      const out = new Float32Array(embedder.dimensions);
      embedder.embedInto(text, out);
      return out;
    };
    const likeness = (a: string, b: string) => vector(a).reduce((sum, x, i) => sum + x * vector(b)[i], 0);
    const cake = 'How do I bake a chocolate cake?';
    expect(likeness(cake, 'What is the recipe for cookies?')).toBeGreaterThan(
      likeness(cake, 'Write a function that sorts an array of integers.'),
    );
    expect(likeness(cake, cake)).toBeCloseTo(1, 5);
  });
});
