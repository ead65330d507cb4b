import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable } from '../../../training/cli/printable.ts';
import { textTable } from '../../../training/cli/text-table.ts';
import { wrapText } from '../../../training/cli/wrap-text.ts';

describe('textTable', () => {
  it('aligns columns, and cuts those that may shrink until it fits', () => {
    const table = textTable(
      [
        { title: 'name', shrinks: true },
        { title: 'cost', align: 'right' },
      ],
      [
        ['a-very-long-name-of-a-model', '$1.20'],
        ['b', '$10'],
      ],
      20,
    );
    expect(table).toBe('name            cost\na-very-long-…  $1.20\nb                $10\n');
  });

  it('is never wider than the terminal when its columns may shrink, whatever the text', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 5 }), (rows) => {
        const columns = [
          { title: 'one', shrinks: true },
          { title: 'two', shrinks: true },
        ];
        const lines = textTable(columns, rows, 30).split('\n');
        expect(lines).toHaveLength(rows.length + 2);
        for (const line of lines) expect([...line].length).toBeLessThanOrEqual(30);
      }),
    );
  });
});

describe('wrapText', () => {
  it('breaks between words and indents what follows', () => {
    expect(wrapText('one two three', 9, '  ')).toBe('one two\n  three');
  });

  it('loses no word and breaks none', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,12}$/)), (words) => {
        expect(wrapText(words.join(' '), 20).split(/\s+/).filter(Boolean)).toEqual(words);
      }),
    );
  });
});

it('lets no control character from outside reach the terminal', () => {
  expect(printable('  a\u001b[31mred\r\nb\u202e ')).toBe('a\ufffd[31mred b\ufffd');
  fc.assert(
    fc.property(fc.array(fc.nat(0xffff)), (units) => {
      expect(printable(String.fromCharCode(...units))).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }),
  );
});
