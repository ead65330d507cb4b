import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { LOG_REASONS } from '../../../training/ingest/record/format.ts';
import { logFixture, tableRows } from './formats/log-fixture.ts';
import { lines, reasons } from './ingest-fixture.ts';

const { ingest, out, path, write } = logFixture();
const user = (content: unknown) => [{ role: 'user', content }];
const row = (prompt: object, i: number) => ({ requestId: `r${i}`, candidate: 'm', quality: 1, ...prompt });

/** What is kept of the prompts, in their order; a reason where a row is none. */
async function kept(prompts: readonly object[], options = {}): Promise<unknown[]> {
  const report = await ingest(write('prompts.jsonl', lines(prompts.map(row))), options);
  const rows = new Map((await tableRows(out)).map((each) => [each.requestId, each.messages ?? each.text]));
  const refused = new Map(
    report.rejected.flatMap(({ reason, examples }) => examples.map(({ line }) => [line, reason] as const)),
  );
  expect(report.rowsRead).toBe(prompts.length);
  return prompts.map((_, i) => rows.get(`r${i}`) ?? refused.get(i + 1));
}

describe('the prompt of a row of a table', () => {
  const system = { role: 'system', content: 'Be kind.' };
  const tools = { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function' }] };

  test.each<[string, object, unknown]>([
    ['a text', { text: ' Hi ' }, ' Hi '],
    [
      'plain messages, all that is in them',
      { messages: [system, ...user('Hi'), tools] },
      [system, ...user('Hi'), tools],
    ],
    [
      'parts of text',
      { messages: user([{ type: 'text', text: 'Hi' }]) },
      user([{ type: 'text', text: 'Hi' }]),
    ],
    [
      'a picture beside words',
      {
        messages: user([
          { type: 'text', text: 'Hi' },
          { type: 'image_url', image_url: {} },
        ]),
      },
      user([
        { type: 'text', text: 'Hi' },
        { type: 'image_url', image_url: {} },
      ]),
    ],
    ['parts of the Responses API', { messages: user([{ type: 'input_text', text: 'Hi' }]) }, 'Hi'],
    ['parts of Gemini', { messages: [{ role: 'user', parts: [{ text: 'Hi' }] }] }, 'Hi'],
    ['content of Bedrock', { messages: user([{ text: 'Hi' }]) }, 'Hi'],
    ['the role "human"', { messages: [system, { role: 'human', content: 'Hi' }] }, [system, ...user('Hi')]],
    ['roles with capitals', { messages: [{ role: 'User', content: 'Hi' }] }, 'Hi'],
    [
      'messages of LangChain',
      {
        messages: [
          { type: 'human', content: 'Hi' },
          { type: 'ai', content: 'Ho' },
        ],
      },
      [...user('Hi'), { role: 'assistant', content: 'Ho' }],
    ],
    ['a request that holds the messages', { messages: { messages: user('Hi') } }, 'Hi'],
    ['messages as JSON text', { messages: JSON.stringify([{ role: 'human', content: 'Hi' }]) }, 'Hi'],
    ['messages that are a text', { messages: 'Hi' }, 'Hi'],
    ['messages under the name of a text', { input: user('Hi') }, user('Hi')],
    ['a request under the name of a text', { prompt: { contents: [{ parts: [{ text: 'Hi' }] }] } }, 'Hi'],
    ['a text beside messages without words', { messages: user(null), text: 'Hi' }, 'Hi'],
    [
      'words in angle brackets',
      { text: '<b>Hi</b> [filter] what is removed' },
      '<b>Hi</b> [filter] what is removed',
    ],
    ['a blank text', { text: ' \u00a0\n' }, LOG_REASONS.noWords],
    ['an empty text', { text: '' }, LOG_REASONS.noWords],
    ['messages without content', { messages: user(null) }, LOG_REASONS.noWords],
    ['messages with blanks', { messages: user([{ type: 'text', text: ' \ufeff' }]) }, LOG_REASONS.noWords],
    ['messages of others', { messages: [system, tools] }, LOG_REASONS.noWords],
    ['a picture alone', { messages: user([{ type: 'image_url', image_url: {} }]) }, LOG_REASONS.noWords],
    ['an object without words', { messages: { temperature: 1 } }, LOG_REASONS.noWords],
    ['a placeholder', { text: 'redacted-by-litellm' }, LOG_REASONS.redacted],
    ['a sentence of redaction', { text: 'Content has been redacted' }, LOG_REASONS.redacted],
    ['a placeholder in dashes', { text: '--redacted--' }, LOG_REASONS.redacted],
    ['a run of letters', { text: 'xxxxxxxx' }, LOG_REASONS.redacted],
    [
      'placeholders in messages',
      { messages: [...user('[REDACTED]'), ...user([{ type: 'text', text: '***' }])] },
      LOG_REASONS.redacted,
    ],
    ['no messages', { messages: [] }, '`messages` must be a non-empty list of { role, content }'],
    ['a number', { messages: 5 }, '`messages` must be a non-empty list of { role, content }'],
    ['a number as a text', { text: 5 }, '`text` must be a string'],
    ['nothing', {}, '`text` or `messages` must be given, or `promptHash`'],
  ])('%s', async (_, prompt, expected) => {
    expect((await kept([{ text: 'Another.' }, prompt]))[1]).toEqual(expected);
  });

  test('is judged after it was read: another fault of the row is told as ever', async () => {
    const odd = { messages: [{ role: 'human', content: 'Hi' }] };
    expect(await kept([odd, { ...odd, costUsd: -1 }, odd], { maxRejected: 1 })).toEqual([
      'Hi',
      expect.stringContaining('`costUsd` must be'),
      'Hi',
    ]);
  });

  test('strict stops at the first row without words, in the order of the file', async () => {
    const rows = [
      row({ text: 'Hi' }, 0),
      row({ messages: [{ role: 'human', content: 'Hi' }] }, 1),
      row({ messages: user(' ') }, 2),
      row({ text: 5 }, 3),
    ];
    await expect(ingest(write('strict.jsonl', lines(rows)), { strict: true })).rejects.toThrow(
      /strict\.jsonl, line 3: no words of the user were found/,
    );
  });

  test.each<[string, object, object, unknown]>([
    [
      'messages',
      { messages: 'body.messages' },
      { body: { messages: user('Right') }, input: { a: 1 }, text: 'wrong', prompt: 'wrong' },
      user('Right'),
    ],
    [
      'text',
      { text: 'body.question' },
      { body: { question: 'Right' }, messages: user('wrong'), conversation: 5 },
      'Right',
    ],
  ])('is where --map says that %s is, whatever other columns there are', async (_, map, values, right) => {
    expect(await kept([values], { map })).toEqual([right]);
  });
});

describe('half of a surrogate pair is read as U+FFFD', () => {
  const cut = '{"requestId":"a","candidate":"m","quality":1,"text":"cut \\ud83d here \\\\ud83d"}\n';
  const whole =
    '{"requestId":"b","candidate":"m","quality":1,"messages":[{"role":"user","content":"\\ude00 \\uD83D\\uDE00"}]}\n';
  const messages = '[{"role":"user","content":"cut \\ud83d here"}]';
  const csv = `requestId,candidate,quality,messages\na,m,1,"${messages.replaceAll('"', '""')}"\n`;
  const bytes = (half: number[]): Buffer => {
    const at = cut.indexOf('\\ud83d');
    return Buffer.concat([Buffer.from(cut.slice(0, at)), Buffer.from(half), Buffer.from(cut.slice(at + 6))]);
  };
  const columns = { requestId: ['a'], candidate: ['m'], quality: [1], messages: [messages] };

  test.each<[string, string | Uint8Array, unknown[]]>([
    ['half.jsonl', cut + whole, ['cut \ufffd here \\ud83d', '\ufffd 😀']],
    ['half.json', `[${cut},${whole}]`, ['cut \ufffd here \\ud83d', '\ufffd 😀']],
    ['half.jsonl.gz', gzipSync(cut + whole), ['cut \ufffd here \\ud83d', '\ufffd 😀']],
    ['half.csv', csv, ['cut \ufffd here']],
    ['half.arrow', tableToIPC(tableFromArrays(columns), 'file'), ['cut \ufffd here']],
    ['bytes.jsonl', bytes([0xed, 0xa0, 0xbd]), ['cut \ufffd here \\ud83d']],
    ['pair.jsonl', bytes([0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]), ['cut 😀 here \\ud83d']],
    [
      'bytes.json',
      Buffer.concat([Buffer.from('['), bytes([0xed, 0xb8, 0x80]), Buffer.from(']')]),
      ['cut \ufffd here \\ud83d'],
    ],
    [
      'bytes.csv',
      Buffer.concat([
        Buffer.from('id,model,prompt\na,m,x'),
        Buffer.from([0xed, 0xa0, 0xbd]),
        Buffer.from('y\n'),
      ]),
      ['x\ufffdy'],
    ],
  ])('%s', async (name, content, expected) => {
    const report = await ingest(write(name, content));
    expect(reasons(report)).toEqual([]);
    const rows = await tableRows(out);
    const words = ({ text, messages }: Record<string, unknown>) =>
      text ?? (messages as { content: string }[]).map(({ content }) => content).join();
    expect(rows.map(words)).toEqual(expected);
  });

  test('in Parquet too, within messages that are a text', async () => {
    const instance = await DuckDBInstance.create(':memory:');
    const file = path('half.parquet');
    await (await instance.connect()).run(
      `COPY (SELECT 'a' AS "requestId", 'm' AS candidate, 1 AS quality, '${messages}' AS messages) TO '${file}'`,
    );
    instance.closeSync();
    expect(await ingest(file)).toMatchObject({ rowsAccepted: 1, rejected: [] });
  });

  test('and bytes that are no UTF-8 otherwise stay a refusal', async () => {
    const report = await ingest(
      write('bad.jsonl', Buffer.concat([Buffer.from(whole), bytes([0xed, 0xff])])),
      { maxRejected: 1 },
    );
    expect(reasons(report)).toEqual([['the line is not valid UTF-8', 1, [2]]]);
  });
});
