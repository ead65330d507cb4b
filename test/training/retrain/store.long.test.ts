import { existsSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, test } from 'vitest';
import { main } from '../../../training/cli/main.ts';
import { parseTrainConfig } from '../../../training/config.ts';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { parseRetrainConfig } from '../../../training/retrain/config.ts';
import { withStore } from '../../../training/retrain/run.ts';
import { withTraffic } from '../../../training/train/prepare-traffic.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { capturedIo } from '../cli/captured-io.ts';
import { plantedRows, writeRows } from '../cli/planted-file.ts';
import { tableRows } from '../ingest/formats/log-fixture.ts';

const { path, write } = temporaryFolder();
const work = path('work');
const configOf = (router: string, files: string[], more: object = {}) =>
  parseRetrainConfig({ router: path(router), logs: { files }, work, ...more });
const textsIn = (config: ReturnType<typeof configOf>, keep = false) =>
  withStore(
    config,
    keep,
    () => {},
    async ({ matrix }) => matrix.prompts.map(({ request }) => request.text).sort(),
  );
const log = (name: string, text: string) =>
  write(name, `${JSON.stringify({ requestId: name, text, candidate: 'm', quality: 1 })}\n`);

describe('a router', () => {
  test('has a store by its folder: another of the same name has its own', async () => {
    const eu = configOf('models/eu/support', [log('eu.jsonl', 'Guten Tag')]);
    const us = configOf('models/us/support', [log('us.jsonl', 'Good day')]);
    expect([await textsIn(eu, true), await textsIn(us, true)]).toEqual([['Guten Tag'], ['Good day']]);
    const later = log('later.jsonl', 'Servus');
    expect(await textsIn(configOf('models/eu/support', [later]))).toEqual(['Guten Tag', 'Servus']);
    expect(await textsIn(configOf('models/us/support', [later]))).toEqual(['Good day', 'Servus']);
  });

  test('keeps its store when a run is dry, when it fails, and when two run at once', async () => {
    const config = configOf('models/kept', [log('first.jsonl', 'One')]);
    await textsIn(config, true);
    const again = configOf('models/kept', [log('second.jsonl', 'Two')]);
    await textsIn(again, false);
    await expect(
      withStore(
        again,
        true,
        () => {},
        () => Promise.reject(new Error('the training failed')),
      ),
    ).rejects.toThrow('the training failed');
    const bad = configOf('models/kept', [write('bad.jsonl', '{"a":1}\n')]);
    await expect(textsIn(bad, true)).rejects.toThrow('no usable row');
    const third = configOf('models/kept', [log('third.jsonl', 'Three')]);
    expect(await textsIn(third)).toEqual(['One', 'Three']);
    await Promise.all([textsIn(again, true), textsIn(third, true)]);
    expect(await textsIn(third)).toEqual(['One', 'Three', 'Two']);
    expect(readdirSync(join(work, 'runs'))).toEqual(['.gitignore']);
  });

  test('may have its store elsewhere', async () => {
    const config = configOf('models/else', [log('else.jsonl', 'Here')], { store: path('my store') });
    await textsIn(config, true);
    expect(readdirSync(path('my store'))).toEqual([expect.stringMatching(/^00000001-.*\.parquet$/)]);
  });
});

describe('a store of a version that knew no answers', () => {
  /** The files of a store as that version wrote them. */
  async function forgetAnswers(folder: string): Promise<void> {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    for (const name of readdirSync(folder)) {
      const file = join(folder, name);
      await connection.run(`COPY (SELECT * EXCLUDE (answer, "answerHash", "answerKey", "answerChecks", "answerVersion", "finishReason")
        FROM read_parquet('${file}')) TO '${file}.new' (FORMAT parquet)`);
      renameSync(`${file}.new`, file);
    }
    connection.closeSync();
    instance.closeSync();
  }
  const night = (n: number, more: object = {}) => {
    const row = { requestId: `n${n}`, text: `What is ${n} + 1?`, candidate: 'm', quality: 1 };
    return write(`night-${n}.jsonl`, `${JSON.stringify({ ...row, ...more })}\n`);
  };

  test.each([1, 3])('goes on, after %i nights, with the answers of further nights', async (nights) => {
    const store = path(`store-${nights}`);
    const configFor = (n: number, more: object = {}) =>
      configOf('models/answers', [night(n, more)], { store });
    for (let n = 0; n < nights; n++) await textsIn(configFor(n), true);
    await forgetAnswers(store);
    const read = (n: number, more: object = {}) =>
      withStore(
        configFor(n, more),
        true,
        () => {},
        async ({ matrix }) => matrix,
      );
    const first = await read(nights, { response: 'Zbigniew says 2.' });
    expect(first.prompts).toHaveLength(nights + 1);
    expect(first.answers?.keys).toHaveLength(1);
    const second = await read(nights + 1, { response: 'It is 3.' });
    expect(second.answers?.keys).toHaveLength(2);
    for (const name of readdirSync(store))
      expect(JSON.stringify(await tableRows(join(store, name)))).not.toContain('Zbigniew');
  });
});

describe('a training', () => {
  const router = path('models/trained');
  const files = [
    write(
      'traffic.jsonl',
      plantedRows({ prompts: 60, seed: 1 })
        .map((row) => JSON.stringify(row))
        .join('\n'),
    ),
  ];
  const options = { files, config: parseTrainConfig({}), workFolder: work, router };
  const stored = () =>
    textsIn(parseRetrainConfig({ router, logs: { files: [log('one.jsonl', 'One')] }, work }));

  test('leaves the store of its router alone', async () => {
    await textsIn(parseRetrainConfig({ router, logs: { files: [log('one.jsonl', 'One')] }, work }), true);
    await withTraffic(options, async (traffic, keep) => {
      expect(traffic.matrix.prompts).toHaveLength(60);
      await keep();
    });
    expect(await stored()).toEqual(['One']);
  });

  test('with append learns from the store too, and adds to it what it read once it has succeeded', async () => {
    const append = { ...options, append: true };
    await withTraffic(append, async ({ matrix }) => expect(matrix.prompts).toHaveLength(61));
    await expect(withTraffic(append, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await stored()).toEqual(['One']);
    await withTraffic(append, (_, keep) => keep());
    expect(await stored()).toHaveLength(61);
  });

  test('and another at the same time have tables of their own', async () => {
    const tables = await Promise.all(
      [1, 2, 3].map(() => withTraffic(options, async ({ table, matrix }) => [table, matrix.prompts.length])),
    );
    expect(new Set(tables.map(([table]) => table)).size).toBe(3);
    expect(tables.map(([, prompts]) => prompts)).toEqual([60, 60, 60]);
  });
});

describe('a table of an earlier version', () => {
  const retrain = async (...more: string[]) => {
    const config = write(
      'retrain.json',
      JSON.stringify({ router: path('models/old'), logs: { files: [log('new.jsonl', 'New')] }, work }),
    );
    const io = capturedIo();
    const code = await main(['retrain', '--config', config, '--quiet', ...more], io);
    return { code, ...io.said };
  };

  test('is told of and not used, until it is taken in', async () => {
    const old = join(work, 'old.parquet');
    await ingestOutcomes({
      files: [await writeRows(path('old.jsonl'), plantedRows({ prompts: 5, seed: 2 }))],
      out: old,
    });
    const before = statSync(old).mtimeMs;
    const dry = await retrain('--dry-run');
    expect(dry.err).toMatch(
      /old\.parquet is a table of an earlier version.*is not used.*--import .*old\.parquet\. If not, delete it/s,
    );
    expect(await retrain('--import', old)).toMatchObject({
      code: 0,
      out: expect.stringContaining('has 15 rows now'),
    });
    expect((await retrain('--dry-run')).err).not.toContain('earlier version');
    expect(statSync(old).mtimeMs).toBe(before);
  });
});

test('nothing of what is gathered is there for others, or for git', () => {
  expect(existsSync(join(work, 'routers', '.gitignore'))).toBe(true);
  if (process.platform === 'win32') return;
  for (const entry of readdirSync(join(work, 'routers'), { recursive: true, withFileTypes: true })) {
    const { mode } = statSync(join(entry.parentPath, entry.name));
    expect([entry.name, mode & 0o077]).toEqual([entry.name, 0]);
  }
});
