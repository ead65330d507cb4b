import { createRandom, decodeStaticTable, encodeStaticTable, StaticEmbedder } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { distillStatic } from '../../../training/embed/use-embedder.ts';

const PIECES = ['<unk>', '<s>', '▁', ...'abcdefghijklmnopqrstuvwxyz'];
const SCORES = Float32Array.from(PIECES, (_, i) => (i < 2 ? 0 : -1 - i / 4));

/** Vectors on a plane of three directions out of eight, around a large common mean. */
function vectors(): Float32Array {
  const random = createRandom(3);
  const directions = Array.from({ length: 3 }, () => Array.from({ length: 8 }, () => random.normal()));
  return Float32Array.from(
    PIECES.flatMap(() => {
      const at = directions.map(() => random.normal());
      return Array.from(
        { length: 8 },
        (_, c) => 20 + at.reduce((sum, x, k) => sum + x * directions[k][c], 0),
      );
    }),
  );
}

describe('distilling a static table', () => {
  it('gives the same bytes each time, and another id for other settings', () => {
    const once = encodeStaticTable(distillStatic(PIECES, SCORES, 2, vectors(), { dimensions: 3 }));
    const again = encodeStaticTable(distillStatic(PIECES, SCORES, 2, vectors(), { dimensions: 3 }));
    expect(again).toEqual(once);
    const other = distillStatic(PIECES, SCORES, 2, vectors(), { dimensions: 3, smoothing: 0.1 });
    expect(other.id).not.toBe(decodeStaticTable(once).id);
  });

  it('keeps the angles between centred vectors in as many dimensions as they span', async () => {
    const full = vectors();
    const table = distillStatic(PIECES, SCORES, 2, full, {
      dimensions: 3,
      smoothing: Number.POSITIVE_INFINITY,
    });
    const mean = Array.from({ length: 8 }, (_, c) => {
      let sum = 0;
      for (let p = 2; p < PIECES.length; p++) sum += full[p * 8 + c];
      return sum / (PIECES.length - 2);
    });
    const centred = (p: number) => mean.map((m, c) => full[p * 8 + c] - m);
    const reduced = (p: number) => [0, 1, 2].map((c) => table.matrix[p * 3 + c] * table.scales[c]);
    for (let p = 3; p < 20; p++) {
      expect(cosine(reduced(p), reduced(p + 1))).toBeCloseTo(cosine(centred(p), centred(p + 1)), 1);
    }
  });

  it('makes a frequent piece count for less', () => {
    const table = distillStatic(PIECES, SCORES, 2, vectors(), { dimensions: 3, smoothing: 0.01 });
    const even = distillStatic(PIECES, SCORES, 2, vectors(), {
      dimensions: 3,
      smoothing: Number.POSITIVE_INFINITY,
    });
    const length = ({ matrix, scales }: typeof table, p: number) =>
      Math.hypot(...[0, 1, 2].map((c) => matrix[p * 3 + c] * scales[c]));
    const ratio = (p: number) => length(table, p) / length(even, p);
    expect(ratio(3)).toBeCloseTo(0.01 / (0.01 + Math.exp(SCORES[3])), 1);
    expect(ratio(3)).toBeLessThan(ratio(28));
  });

  it('makes a table that embeds', () => {
    const embedder = new StaticEmbedder(distillStatic(PIECES, SCORES, 2, vectors(), { dimensions: 3 }));
    const out = new Float32Array(3);
    embedder.embedInto('abc xyz', out);
    expect(Math.hypot(...out)).toBeCloseTo(1, 5);
  });
});

function cosine(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * b[i], 0) / (Math.hypot(...a) * Math.hypot(...b));
}
