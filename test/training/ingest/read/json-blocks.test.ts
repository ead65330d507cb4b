import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonBlocks } from '../../../../training/ingest/read/json.ts';
import { REFUSED_MARK } from '../../../../training/ingest/sql/rows.ts';
import { REASONS } from '../../../../training/outcomes/outcome.ts';
import { temporaryFolder } from '../../../fixtures/temporary-folder.ts';

const { path, write } = temporaryFolder();
const { notJson, notObject } = REASONS;

/** The documents of a file, the lines they are said to be on, and the reasons why others are none. */
async function read(text: string): Promise<{ documents: unknown[]; lines: number[]; refused: string[] }> {
  const documents: unknown[] = [];
  const lines: number[] = [];
  const refused: string[] = [];
  for await (const { bytes, firstLine } of jsonBlocks(write('one.json', text))) {
    for (const [i, line] of Buffer.from(bytes).toString('utf8').split('\n').entries()) {
      if (line.trim() === '') continue;
      if (line.startsWith(REFUSED_MARK)) {
        refused.push(line.slice(1));
        continue;
      }
      try {
        documents.push(JSON.parse(line));
        lines.push(firstLine + i);
      } catch {
        refused.push(notJson);
      }
    }
  }
  return { documents, lines, refused };
}

test('a list, objects one after the other, and an object a line hold the same documents', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.dictionary(fc.string(), fc.jsonValue()), { minLength: 1 }),
      async (values) => {
        const documents = JSON.parse(JSON.stringify(values));
        const lines = values.map((_, i) => i + 1);
        const texts = [
          documents.map((each: unknown) => JSON.stringify(each)).join('\n'),
          JSON.stringify(documents),
          JSON.stringify(documents, null, 2),
        ];
        for (const text of texts) expect(await read(text)).toEqual({ documents, lines, refused: [] });
      },
    ),
    { numRuns: 30 },
  );
  const pretty = [{ a: { b: '}' } }, { a: [1, '"'] }];
  const text = pretty.map((each) => JSON.stringify(each, null, 2)).join('\n');
  expect(await read(text)).toEqual({ documents: pretty, lines: [1, 2], refused: [] });
});

test('objects longer than a read of the file come whole', async () => {
  const long = [{ text: 'é"\\'.repeat(2 ** 19) }, { text: 'x' }];
  expect((await read(JSON.stringify(long, null, 1))).documents).toEqual(long);
});

test('an object that is nested ever deeper is read as one, in linear time', async () => {
  const deep = `${'{"requestId":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
  expect((await read(`[${deep},{"a":2}]`)).documents).toHaveLength(2);
  expect((await read(`[${'{"requestId":'.repeat(200_000)}`)).documents).toEqual([]);
});

describe('what is broken costs the object that it is in', () => {
  const ten = Array.from({ length: 10 }, (_, i) => ({
    requestId: `r${i}`,
    text: `Question ${i}?`,
    messages: [{ role: 'user', content: 'a "b" {c' }],
    metadata: { a: [{}] },
  }));
  const compact = JSON.stringify(ten);
  const pretty = JSON.stringify(ten, null, 2);
  const each = ten.map((one) => JSON.stringify(one));

  test.each<[string, string, number, string[]]>([
    ['nothing in a list', compact, 10, []],
    ['nothing in a list with line breaks', pretty, 10, []],
    [
      'nothing in objects with line breaks',
      ten.map((one) => JSON.stringify(one, null, 1)).join('\n'),
      10,
      [],
    ],
    ['nothing in objects without any break', each.join(''), 10, []],
    ['nothing in objects with commas behind them', each.join(',\n'), 10, []],
    ['nothing in a list of lists', JSON.stringify([ten.slice(0, 4), ten.slice(4)]), 10, []],
    ['lines whose first is cut', `{"requestId":"x",\n${each.join('\n')}`, 10, [notJson]],
    [
      'lines whose first two are cut',
      `{"requestId":"x",\n{"requestId":\n${each.join('\n')}`,
      10,
      [notJson, notJson],
    ],
    ['lines whose first is the end of one', `"b"}]}\n${each.join('\n')}`, 10, [notJson]],
    ['a line break between lines', each.join('\n').replace('}\n{', '}{'), 10, []],
    ['a closing brace', compact.replace('{"a":[{}]}},', '{"a":[{}]},'), 9, [notJson]],
    ['a closing brace within', compact.replace('{c"}]', '{c"]'), 9, [notJson]],
    ['a closing brace of a list with line breaks', pretty.replace('\n  },', '\n  ,'), 9, [notJson]],
    ['a closing bracket', compact.replace('{}]', '{}'), 9, [notJson]],
    ['a quote', compact.replace('n 1?"', 'n 1?'), 9, [notJson]],
    ['a quote of a list with line breaks', pretty.replace('n 1?"', 'n 1?'), 9, [notJson]],
    ['a line break in a text', compact.replace('n 1?', 'n\n1?'), 9, [notJson]],
    ['a brace too many', compact.replace('{}]}}', '{}]}}}'), 10, [notObject]],
    ['the end', compact.slice(0, -30), 9, [notJson]],
    ['what is no object', `[null, ${each[0]}, "a, {b", 7, ${each[1]}, true]`, 2, Array(4).fill(notObject)],
  ])('%s', async (_, text, whole, told) => {
    const { documents, refused } = await read(text);
    expect(documents).toHaveLength(whole);
    expect(refused).toEqual(told);
  });

  test('whatever byte is missing or wrong, all objects but two are read, and the others are told', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(compact, pretty, `${each.join('\n')}\n`),
        fc.nat(),
        fc.constantFrom('', ' ', '"', '{', '}', '[', ']', ',', ':', '\\', 'x', '\n'),
        async (text, at, byte) => {
          const place = 1 + (at % (text.length - 2));
          const { documents, refused } = await read(text.slice(0, place) + byte + text.slice(place + 1));
          const known = documents.filter((document) =>
            ten.some((one) => JSON.stringify(one) === JSON.stringify(document)),
          );
          expect(known.length).toBeGreaterThanOrEqual(8);
          // Two objects that share a line with something between them are one bad line.
          const lines = text[place] === '\n' ? 9 : 10;
          expect(documents.length + refused.length).toBeGreaterThanOrEqual(lines);
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('a file that is gone by then is told of, and ends nothing else', async () => {
  await expect(jsonBlocks(path('gone.json')).next()).rejects.toThrow(
    /gone\.json cannot be read: ENOENT.* Check the file and try again\./,
  );
  // What a stream that nobody listens to says comes later.
  await setTimeout(20);
});
