import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MAX_HEAD_CHARACTERS, MAX_TAIL_CHARACTERS, prepareText } from '../../src/text.ts';
import { anyText } from './any-text.ts';

it('gives plain ASCII back as it is', () => {
  expect(prepareText('Sum 1 and 2,\n\tplease.')).toBe('Sum 1 and 2,\n\tplease.');
});

it('maps full-width letters, ligatures and exotic spaces as SentencePiece does', () => {
  expect(prepareText('Ａｂ\u00a0ﬁ\u200bx\u2028y\ufeff½')).toBe('Ab fi x y 1⁄2');
});

it('takes control characters out', () => {
  expect(prepareText('a\0b\x07c\x7f')).toBe('abc');
});

it('changes nothing the second time', () => {
  fc.assert(
    fc.property(anyText(), (text) => {
      const once = prepareText(text);
      expect(prepareText(once)).toBe(once);
    }),
  );
});

it('keeps both ends of a long text', () => {
  const text = `start ${'x'.repeat(1_000_000)} end`;
  const prepared = prepareText(text);
  expect(prepared.length).toBe(MAX_HEAD_CHARACTERS + MAX_TAIL_CHARACTERS + 1);
  expect(prepared.startsWith('start x')).toBe(true);
  expect(prepared.endsWith('x end')).toBe(true);
});
