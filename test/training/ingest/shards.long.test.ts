import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { IngestOptions } from '../../../training/ingest/options.ts';
import { ingestBothWays, LONG_ROWS, longRow, WIDE_ROWS } from '../../fixtures/ingest-both-ways.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder, write } = temporaryFolder();
const logs = fileURLToPath(new URL('../../fixtures/logs/', import.meta.url));
const jsonl = (rows: readonly string[], name: string) => write(name, `${rows.join('\n')}\n`);

describe('on shards an ingest is what it is as a whole, its report and the digest of its rows,', () => {
  it.each<[string, () => Omit<IngestOptions, 'out'>]>([
    ['of rows in long form', () => ({ files: [jsonl(LONG_ROWS, 'long.jsonl')] })],
    ['of rows in wide form, with cells that are none', () => ({ files: [jsonl(WIDE_ROWS, 'wide.jsonl')] })],
    [
      'of blank lines, broken lines and repeats, each told by its own line',
      () => ({
        files: [
          jsonl(
            [
              '',
              ...LONG_ROWS.slice(0, 5),
              '  ',
              '',
              '{"broken',
              ...LONG_ROWS.slice(3),
              longRow(99, { quality: 7 }),
            ],
            'odd.jsonl',
          ),
        ],
      }),
    ],
    [
      'of blank lines alone between good ones',
      () => ({
        files: [
          jsonl(
            LONG_ROWS.flatMap((line) => [line, '']),
            'blank.jsonl',
          ),
        ],
      }),
    ],
    [
      'of a column that comes late, and of another order',
      () => ({
        files: [
          jsonl(
            [...LONG_ROWS, longRow(50, { costUsd: 0.5, model_name: 'x' }), longRow(51, { latency_ms: 20 })],
            'late.jsonl',
          ),
        ],
      }),
    ],
    [
      'of a file without a last line break, with Windows ends',
      () => ({ files: [write('windows.jsonl', LONG_ROWS.join('\r\n'))] }),
    ],
    ['of a file in gzip', () => ({ files: [write('zipped.jsonl.gz', gzipSync(LONG_ROWS.join('\n')))] })],
    [
      'of several files, one of them in CSV',
      () => ({
        files: [
          jsonl(LONG_ROWS, 'a.jsonl'),
          write('b.csv', 'requestId,text,candidate,quality\nx1,hello there,large,1\nx2,good day,large,0\n'),
        ],
      }),
    ],
    [
      'of a list of objects, which is one shard',
      () => ({ files: [write('list.json', `[${LONG_ROWS.join(',\n')}]`)] }),
    ],
    [
      'of stars under names of their own',
      () => ({
        files: [
          jsonl(
            Array.from({ length: 20 }, (_, i) =>
              JSON.stringify({ uid: `u${i}`, q: { text: `words ${i}` }, llm: 'small', stars: 1 + (i % 5) }),
            ),
            'stars.jsonl',
          ),
        ],
        map: { requestId: 'uid', text: 'q.text', candidate: 'llm', quality: 'stars' },
        scoreRange: 'auto',
      }),
    ],
    [
      'of tokens and prices',
      () => ({
        files: [
          jsonl(
            LONG_ROWS.map((line, i) =>
              JSON.stringify({ ...JSON.parse(line), inputTokens: i, outputTokens: 2 }),
            ),
            'tokens.jsonl',
          ),
        ],
        prices: { small: { inputPricePerMillionTokens: 1, outputPricePerMillionTokens: 2 } },
      }),
    ],
    [
      'of votes, which are told by their lines',
      () => ({
        format: 'preferences',
        files: [
          jsonl(
            Array.from({ length: 9 }, (_, i) =>
              JSON.stringify({ prompt: `q${i}`, a: 'small', b: 'large', winner: 'a' }),
            ),
            'votes.jsonl',
          ),
        ],
      }),
    ],
    [
      'that stops where nothing can be used',
      () => ({ files: [jsonl(['{"a":1}', '{"a":2}'], 'nothing.jsonl')] }),
    ],
    [
      'that stops at the first bad row',
      () => ({
        strict: true,
        files: [jsonl([...LONG_ROWS, '{"broken', longRow(60, { quality: 'x' })], 'strict.jsonl')],
      }),
    ],
    [
      'that stops where a mapped column is not there',
      () => ({ map: { text: 'nowhere' }, files: [jsonl(LONG_ROWS, 'unmapped.jsonl')] }),
    ],
  ])('%s', async (_, options) => {
    const { parts, whole } = await ingestBothWays(folder, options());
    expect(parts).toEqual(whole);
  });

  it('of logs of every format', async () => {
    for (const name of (await readdir(logs)).sort()) {
      const { parts, whole } = await ingestBothWays(
        folder,
        { files: [join(logs, name)], format: 'auto' },
        2000,
      );
      expect({ name, report: parts }).toEqual({ name, report: whole });
    }
  });
});
