import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, textTable, wrapText } from '../../../training/cli/terminal/io.ts';

describe('textTable', () => {
  it('aligns columns, and cuts those that may shrink until it fits', () => {
    const table = textTable(
      [
        { title: 'name', shrinks: 'text' },
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
          { title: 'one', shrinks: 'text' as const },
          { title: 'two', shrinks: 'text' as const },
        ];
        const lines = textTable(columns, rows, 30).split('\n');
        expect(lines).toHaveLength(rows.length + 2);
        for (const line of lines) expect([...line].length).toBeLessThanOrEqual(30);
      }),
    );
  });
});

describe('names in a table', () => {
  const columns = [
    { title: 'candidate', shrinks: 'names' as const },
    { title: 'cost', align: 'right' as const },
  ];

  it('are cut so that they stay different, and stand in full under it', () => {
    const names = ['accounts/fireworks/models/llama-70b', 'accounts/fireworks/models/llama-8b', 'gpt'];
    expect(
      textTable(
        columns,
        names.map((name) => [name, '$1']),
        16,
      ),
    ).toBe(
      'candidate   cost\n…70b          $1\n…8b           $1\ngpt           $1\n' +
        'In full:\n  …70b        accounts/fireworks/models/llama-70b\n  …8b         accounts/fireworks/models/llama-8b\n',
    );
  });

  it('stand there as they are where they fit', () => {
    expect(textTable(columns, [['gpt', '$1']], 40)).toBe('candidate  cost\ngpt          $1\n');
  });

  it('are told apart, whatever they are', () => {
    const name = fc
      .array(fc.constantFrom('org/', 'model-', 'x', '1', 'a-very-long-name'), { minLength: 1, maxLength: 8 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 12 }), (names) => {
        const lines = textTable(
          columns,
          names.map((one) => [one, '$1']),
          24,
        )
          .split('\n')
          .slice(1, names.length + 1);
        expect(new Set(lines).size).toBe(names.length);
        for (const line of lines) expect([...line].length).toBeLessThanOrEqual(24);
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
