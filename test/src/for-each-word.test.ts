import fc from 'fast-check';
import { expect, it } from 'vitest';
import { forEachWord } from '../../src/text.ts';

function words(text: string): string[] {
  const found: string[] = [];
  forEachWord(text, (start, end) => found.push(text.slice(start, end)));
  return found;
}

it('finds the runs between white space', () => {
  expect(words('  two words\n\nand\tmore ')).toEqual(['two', 'words', 'and', 'more']);
  expect(words('')).toEqual([]);
  expect(words(' \n ')).toEqual([]);
});

it('agrees with a split at white space on ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
      expect(words(text)).toEqual(text.split(/\s+/).filter((word) => word !== ''));
    }),
  );
});
