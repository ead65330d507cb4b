import { spawn } from 'node:child_process';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import Database from 'libsql';
import { expect, it } from 'vitest';
import { openSqliteState } from '../../../gateway/state/sqlite-state.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { aKey, anAccount, aRequest } from './a-request.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const { folder } = temporaryFolder();
let made = 0;
/** In a folder that is not there yet. */
const newPath = () => join(folder, String(made++), 'gateway.db');
const soon = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it('is as it was when it is opened again: keys, buckets, days, and what is under way', async () => {
  const path = newPath();
  let now = Date.UTC(2026, 10, 30, 23, 59, 30);
  const options = { clock: () => now };
  const account = anAccount('a', { requestsPerMinute: 3, nanoUsdPerMonth: 100, tokensPerMinute: 100 });
  const first = await openSqliteState(path, options);
  await first.writeKey(aKey('aaaaaaaaaaaa'));
  const held = aRequest(account, { nanoUsd: 60, tokens: 50 });
  const done = aRequest(account, { nanoUsd: 40, tokens: 50 });
  await first.reserve(held);
  await first.reserve(done);
  await first.settle({ id: done.id, nanoUsd: 30, inputTokens: 20, outputTokens: 30 });
  await first.close();

  const second = await openSqliteState(path, options);
  expect(await second.key('aaaaaaaaaaaa')).toEqual(aKey('aaaaaaaaaaaa'));
  expect(await second.reserve(aRequest(account, { nanoUsd: 11 }))).toMatchObject({
    refusal: { limit: 'budget-per-month' },
  });
  expect(await second.reserve(aRequest(account, { tokens: 1 }))).toMatchObject({
    refusal: { limit: 'tokens-per-minute' },
  });
  expect((await second.reserve(aRequest(account))).state).toBe('reserved');
  expect(await second.reserve(aRequest(account))).toMatchObject({
    refusal: { limit: 'requests-per-minute' },
  });
  // Settled by another process, in the next month, and counted in its own.
  now += 60_000;
  expect(await second.settle({ id: held.id, nanoUsd: 1, inputTokens: 0, outputTokens: 0 })).toBe(true);
  await second.close();

  const third = await openSqliteState(path, options);
  expect(await third.settle({ id: held.id, nanoUsd: 1, inputTokens: 0, outputTokens: 0 })).toBe(false);
  expect(await third.usage('a', 9)).toMatchObject([
    { day: '2026-11-30', nanoUsd: 31, heldNanoUsd: 0, requests: 3, inputTokens: 20, outputTokens: 30 },
  ]);
  await third.close();
});

it('keeps what was used for 400 days', async () => {
  const path = newPath();
  let now = Date.UTC(2026, 0, 1);
  const use = async () => {
    const state = await openSqliteState(path, { clock: () => now });
    await state.reserve(aRequest(anAccount('a'), { isHeld: false }));
    const days = await state.usage('a', 400);
    await state.close();
    return days.map(({ day }) => day);
  };
  await use();
  now = Date.UTC(2027, 1, 5);
  expect(await use()).toEqual(['2027-02-05', '2026-01-01']);
  now = Date.UTC(2027, 1, 6);
  expect(await use()).toEqual(['2027-02-06', '2027-02-05']);
});

it('is decided with by one process at a time; others may change keys, which counts at once', async () => {
  const path = newPath();
  const state = await openSqliteState(path, { lookEveryMs: 5 });
  await expect(openSqliteState(path)).rejects.toThrow('in use by another gateway');
  const key = aKey('aaaaaaaaaaaa');
  const request = (version: number) => aRequest(anAccount(key.id), { key: { id: key.id, version } });
  const command = await openSqliteState(path, { decides: false });
  await command.writeKey(key);
  expect((await state.reserve(request(1))).state).toBe('reserved');
  await command.writeKey({ ...key, version: 2, disabled: true });
  await soon(100);
  expect((await state.reserve(request(1))).state).toBe('key-changed');
  expect((await command.usage(key.id, 1))[0].requests).toBe(1);
  await expect(command.reserve(request(2))).rejects.toThrow('decides on no request');
  await command.close();
  await state.close();
  await (await openSqliteState(path)).close();
});

it.each([
  ['no database', (path: string) => writeFileSync(path, 'hello, '.repeat(1000))],
  [
    'of a newer gateway',
    (path: string) => {
      const db = new Database(path);
      db.exec('PRAGMA user_version = 99');
      db.close();
    },
  ],
])('refuses a file that is %s, and lets go of it', async (_, make) => {
  const path = newPath();
  mkdirSync(dirname(path));
  make(path);
  for (let i = 0; i < 2; i++)
    await expect(openSqliteState(path)).rejects.toThrow(/must be the state of a gateway|newer gateway/);
});

it.skipIf(process.platform === 'win32')('can be read by its owner alone', async () => {
  const path = newPath();
  const state = await openSqliteState(path);
  await state.writeKey(aKey('aaaaaaaaaaaa'));
  for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o077).toBe(0);
  await state.close();
});

it('says so while it cannot write, goes on, and writes it all when it can', async () => {
  const path = newPath();
  const errors: unknown[] = [];
  const state = await openSqliteState(path, {
    writeEveryMs: 1,
    busyMs: 1,
    onError: (error) => errors.push(error),
  });
  const other = new Database(path);
  other.exec('BEGIN IMMEDIATE');
  const account = anAccount('a', { nanoUsdPerDay: 10 });
  expect((await state.reserve(aRequest(account, { nanoUsd: 10 }))).state).toBe('reserved');
  await soon(50);
  expect(errors.length).toBeGreaterThan(0);
  expect(await state.ready()).toBe(false);
  expect((await state.reserve(aRequest(account, { nanoUsd: 1 }))).state).toBe('refused');
  other.exec('ROLLBACK');
  other.close();
  await soon(50);
  expect(await state.ready()).toBe(true);
  expect((await state.usage('a', 1))[0].nanoUsd).toBe(10);
  await state.close();
});

it('keeps what was reserved before `kill -9`', async () => {
  const path = newPath();
  const module = pathToFileURL(join(root, 'gateway/state/sqlite-state.ts')).href;
  const program = `
    const { openSqliteState } = await import(${JSON.stringify(module)});
    const state = await openSqliteState(${JSON.stringify(path)}, { writeEveryMs: 5 });
    for (let i = 0; ; i++) {
      await state.reserve({ ...${JSON.stringify(aRequest(anAccount('a'), { nanoUsd: 1 }))}, id: 'r' + i });
      if (i === 200) setTimeout(() => process.stdout.write('now'), 30);
      await new Promise((resolve) => setTimeout(resolve, i < 200 ? 0 : 1e6));
    }`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    cwd: root,
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    let said = '';
    child.stderr.on('data', (chunk) => {
      said += chunk;
    });
    child.once('exit', () => reject(new Error(said)));
  });
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  const state = await openSqliteState(path);
  expect((await state.usage('a', 1))[0]).toMatchObject({ nanoUsd: 201, heldNanoUsd: 201, requests: 201 });
  expect(await state.settle({ id: 'r7', nanoUsd: 0, inputTokens: 0, outputTokens: 0 })).toBe(true);
  await state.close();
});
