import { describe, expect, it } from 'vitest';
import { StaticEmbedder } from '../../../src/embedder/static.ts';
import { UNKNOWN_PIECE } from '../../../src/embedder/tokeniser.ts';
import { smallTable } from './small-table.ts';

describe('the static embedder', () => {
  const table = smallTable();
  const embedder = new StaticEmbedder(table);
  const cut = (text: string) => Array.from(embedder.tokenise(text), (id) => table.pieces[id]);

  it('cuts a word into the pieces with the highest sum of scores', () => {
    expect(cut('the cats')).toEqual(['▁the', '▁cat', 's']);
    expect(cut('  the\n\ncat ')).toEqual(['▁the', '▁cat']);
    expect(cut('at')).toEqual(['▁', 'at']); // -3 -4, against -3 -6 -6
    expect(cut('')).toEqual([]);
  });

  it('gives one unknown piece for a run of unknown characters in a word', () => {
    expect(cut('x🙂\ud800 xs')).toEqual(['▁', '<unk>', '▁', '<unk>', 's']);
    expect(embedder.tokenise('é')).toEqual(Int32Array.of(2, 11));
    expect(embedder.tokenise('\u{10ffff}')).toEqual(Int32Array.of(2, UNKNOWN_PIECE));
  });

  it('gives the same pieces whether or not a word is in its cache', () => {
    const words = Array.from({ length: 20_000 }, (_, i) => `c${'at'.repeat(i % 13)}s${i.toString(36)}`);
    const text = words.join(' ');
    const first = words.flatMap((word) => cut(word));
    expect(words.flatMap((word) => cut(word))).toEqual(first);
    expect(cut(text.slice(0, 10_000))).toEqual(
      text
        .slice(0, 10_000)
        .split(' ')
        .flatMap((word) => cut(word)),
    );
  });

  it('sums the pieces and scales the sum to length 1', () => {
    const out = new Float32Array(3);
    embedder.embedInto('the cats', out); // rows 3, 4, 5
    const sum = [12 * 0.5, -24 * 0.25, 0 + 1 + 2];
    const length = Math.hypot(...sum);
    for (let i = 0; i < 3; i++) expect(out[i]).toBeCloseTo(sum[i] / length, 6);
  });

  it('takes a megabyte without white space', () => {
    const out = new Float32Array(3);
    embedder.embedInto('cat'.repeat(400_000), out);
    expect(Math.hypot(...out)).toBeCloseTo(1, 5);
  });
});
