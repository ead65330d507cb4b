import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeStaticTable, encodeStaticTable, StaticEmbedder } from '../../../src/embedder/static.ts';
import { ArtifactError, InvalidInputError } from '../../../src/errors.ts';
import { smallTable } from './small-table.ts';

describe('a static table', () => {
  it('comes back from its bytes as it was', () => {
    const decoded = decodeStaticTable(encodeStaticTable(smallTable()));
    expect({ ...decoded }).toEqual(smallTable());
    expect(encodeStaticTable(decoded)).toEqual(encodeStaticTable(smallTable()));
  });

  it('is read from any place in a buffer', () => {
    const bytes = encodeStaticTable(smallTable());
    for (const offset of [1, 2, 3, 4]) {
      const larger = new Uint8Array(bytes.length + offset);
      larger.set(bytes, offset);
      expect({ ...decodeStaticTable(larger.subarray(offset)) }).toEqual(smallTable());
    }
  });

  it('is refused when it is cut short, longer, or begins with other bytes', () => {
    const bytes = encodeStaticTable(smallTable());
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeStaticTable(bytes.slice(0, length))).toThrow(ArtifactError);
    }
    expect(() => decodeStaticTable(new Uint8Array(bytes.length + 1))).toThrow('"PMST"');
    expect(() => decodeStaticTable(Uint8Array.of(...bytes, 0))).toThrow('bytes long by its header');
  });

  it('is refused when it is of a newer version', () => {
    const bytes = encodeStaticTable(smallTable());
    bytes[4] = 2;
    expect(() => decodeStaticTable(bytes)).toThrow('must be of version 1. Got 2');
  });

  it('is refused when a score or a scale is no number', () => {
    const scores = smallTable().scores.fill(Number.NaN, 3, 4);
    expect(() => decodeStaticTable(encodeStaticTable({ ...smallTable(), scores }))).toThrow('scores ≤ 0');
    const scales = Float32Array.of(1, Number.POSITIVE_INFINITY, 1);
    expect(() => decodeStaticTable(encodeStaticTable({ ...smallTable(), scales }))).toThrow('finite scales');
  });

  it('is not written when a piece holds a line feed', () => {
    const pieces = smallTable().pieces.with(3, 'a\nb');
    expect(() => encodeStaticTable({ ...smallTable(), pieces })).toThrow(InvalidInputError);
  });

  it('with any byte changed is refused or still embeds', () => {
    const bytes = encodeStaticTable(smallTable());
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const edited = bytes.slice();
        edited[at] ^= change;
        let embedder: StaticEmbedder;
        try {
          embedder = new StaticEmbedder(decodeStaticTable(edited));
        } catch (error) {
          expect(error).toBeInstanceOf(ArtifactError);
          return;
        }
        embedder.embedInto('the cats at é', new Float32Array(embedder.dimensions));
      }),
      { numRuns: 2000 },
    );
  });
});
