import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonBlocks } from '../../../training/outcomes/json-blocks.ts';
import { temporaryFolder } from './temporary-folder.ts';

const { write } = temporaryFolder();

async function read(file: string): Promise<{ documents: unknown[]; lines: number[] }> {
  const documents: unknown[] = [];
  const lines: number[] = [];
  for await (const { bytes, firstLine } of jsonBlocks(file)) {
    for (const [i, line] of Buffer.from(bytes).toString('utf8').split('\n').entries()) {
      if (line.trim() === '') continue;
      documents.push(JSON.parse(line));
      lines.push(firstLine + i);
    }
  }
  return { documents, lines };
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
        for (const text of texts) expect(await read(write('one.json', text))).toEqual({ documents, lines });
      },
    ),
    { numRuns: 30 },
  );
  const pretty = [{ a: { b: '}' } }, { a: [1, '"'] }];
  const text = pretty.map((each) => JSON.stringify(each, null, 2)).join('\n');
  expect(await read(write('two.json', text))).toEqual({ documents: pretty, lines: [1, 2] });
});

test('objects longer than a read of the file come whole', async () => {
  const long = [{ text: 'é"\\'.repeat(2 ** 19) }, { text: 'x' }];
  expect((await read(write('long.json', JSON.stringify(long, null, 1)))).documents).toEqual(long);
});

test('a list that breaks off gives what was whole, and the rest as it is', async () => {
  await expect(read(write('cut.json', '[{"a": 1}, {"b": '))).rejects.toThrow(SyntaxError);
});
