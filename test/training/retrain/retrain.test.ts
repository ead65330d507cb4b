import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { loadRouter } from 'pointsman/node';
import { beforeAll, expect, test } from 'vitest';
import { shortEmbedder } from '../../../data/month/short-embedder.ts';
import { withRetrainLock } from '../../../training/artifact/versions.ts';
import { main } from '../../../training/cli/main.ts';
import { retrain } from '../../../training/retrain/retrain.ts';
import type { RetrainRun } from '../../../training/retrain/run.ts';
import { releaseBatch } from '../../../training/retrain/watch/batches.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { capturedIo } from '../cli/captured-io.ts';
import { dayOfRow, plantedDays, quickConfig, writeDays } from './planted-logs.ts';

const { folder } = temporaryFolder();
const config = quickConfig(folder);
const router = config.router;
const embedder = await shortEmbedder(32);
const rows = plantedDays(80, 12);
const daysOf = (from: number, to: number) =>
  rows.filter((row) => dayOfRow(row) >= from && dayOfRow(row) <= to);
const inUse = async () => JSON.parse(await readFile(join(router, 'current.json'), 'utf8'));
/** Nights come one after another. */
let night = Date.UTC(2026, 0, 12);
const run = (rest: Partial<Parameters<typeof retrain>[0]> = {}) => {
  night += 60_000;
  const at = new Date(night);
  return retrain({ config, embedder, now: () => at, ...rest });
};
let first: RetrainRun;

beforeAll(async () => {
  await mkdir(join(folder, 'logs'), { recursive: true });
  await writeDays(folder, 'first', daysOf(1, 8));
  first = await run();
});

test('the first challenger must beat having no router, and comes into use', async () => {
  expect(first.outcome).toBe('promoted');
  expect(first.champion).toBeNull();
  expect(first.gate?.tests.map(({ kind, passed }) => [kind, passed])).toEqual([
    ['rows', true],
    ['best single', true],
    ['best fixed mix', true],
    ['batch', true],
    ['slice', true],
    ['calibration', true],
  ]);
  expect(first.traffic).toMatchObject({
    rowsAdded: 1920,
    holdout: 160,
    learnDays: ['2026-01-01', '2026-01-06'],
    holdoutDays: ['2026-01-07', '2026-01-08'],
  });
  // Nothing was in use that it could lose against.
  expect(JSON.parse(await readFile(join(router, 'gate.json'), 'utf8'))).toMatchObject({
    schemaVersion: 1,
    spent: 0,
    version: first.challenger,
  });
  const decision = await (await loadRouter(router)).route({
    text: 'What is 12 + 9 when ships are counted twice?',
  });
  expect(decision.candidate).toBe('reckoner');
});

test('every run leaves a record and a page that loads nothing', async () => {
  const runs = await readdir(join(router, 'runs'));
  expect(runs).toContain(`${first.id}.json`);
  expect(JSON.parse(await readFile(join(router, 'runs', `${first.id}.json`), 'utf8'))).toEqual(first);
  const page = await readFile(join(router, 'runs', `${first.id}.html`), 'utf8');
  expect(page).toContain(first.sentence.slice(10, 30));
  expect(page).not.toMatch(/<script|src=|href=/);
});

test('the same logs again add no row and make no other challenger', async () => {
  const again = await run();
  expect(again).toMatchObject({
    outcome: 'kept',
    sentence: 'Kept: nothing is new: the version in use was made of this very traffic, by this config.',
    challenger: first.challenger,
  });
  expect(again.traffic).toMatchObject({ rowsAdded: 0, fingerprint: first.traffic?.fingerprint });
});

test('a dry run judges, and changes neither router nor table nor quarantine', async () => {
  await writeDays(folder, 'second', daysOf(9, 9));
  const before = [
    await inUse(),
    await readdir(config.work),
    await readFile(join(router, 'quarantine.json'), 'utf8'),
  ];
  const dry = await run({ dryRun: true });
  expect(dry.gate).not.toBeNull();
  expect(dry.traffic?.rowsAdded).toBe(240);
  expect([
    await inUse(),
    await readdir(config.work),
    await readFile(join(router, 'quarantine.json'), 'utf8'),
  ]).toEqual(before);
});

test('an upside-down day is put into quarantine with an alarm, judges nobody, and can be released', async () => {
  const upsideDown = daysOf(10, 10).map((row) => ({
    ...row,
    source: 'broken',
    quality: 1 - Number(row.quality),
  }));
  await writeDays(folder, 'third', upsideDown);
  const told: RetrainRun[] = [];
  const found = await run({
    onAlert: (alerted) => {
      told.push(alerted);
    },
  });
  expect(found.alarms[0]).toMatchObject({ kind: 'quarantine', subject: '2026-01-10 broken' });
  expect(found.alarms[0].sentence).toContain('neither learned from nor judged by');
  expect(told.map(({ id }) => id)).toEqual([found.id]);
  expect(found.traffic).toMatchObject({ quarantined: 80, holdoutDays: ['2026-01-08', '2026-01-09'] });
  // Still so on the next night, without another alarm.
  expect(await run()).toMatchObject({ alarms: [], traffic: { quarantined: 80 } });
  await expect(releaseBatch(router, '2026-01-11 x')).rejects.toThrow('There are: 2026-01-10 broken');
  await releaseBatch(router, '2026-01-10 broken');
  const released = await run({ dryRun: true });
  expect(released.traffic).toMatchObject({ quarantined: 0, holdoutDays: ['2026-01-09', '2026-01-10'] });
});

test('a run that fails is recorded and told, and the router stays as it is', async () => {
  const before = await inUse();
  const told: RetrainRun[] = [];
  const missing = { ...config, logs: { ...config.logs, files: [join(folder, 'nowhere', '*.jsonl')] } };
  const failing = run({
    config: missing,
    onAlert: (alerted) => {
      told.push(alerted);
    },
  });
  await expect(failing).rejects.toThrow('nowhere');
  expect(told[0]).toMatchObject({ outcome: 'failed', alarms: [{ kind: 'failed' }] });
  expect(await inUse()).toEqual(before);
});

test('alarms go to a program and to an address; who cannot be told stops nothing', async () => {
  const posted: string[] = [];
  const server = createServer((request, response) => {
    request.on('data', (chunk) => posted.push(String(chunk)));
    request.on('end', () => response.writeHead(503).end());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as { port: number };
  const file = join(folder, 'told.json');
  const script =
    "let s='';process.stdin.on('data',d=>s+=d).on('end',()=>require('fs').writeFileSync(process.argv[1],s))";
  const alert = { command: [process.execPath, '-e', script, file], url: `http://127.0.0.1:${port}/` };
  const missing = { ...config, alert, logs: { ...config.logs, files: [join(folder, 'nowhere', '*')] } };
  await expect(run({ config: missing })).rejects.toThrow('nowhere');
  server.close();
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ router: 'router', outcome: 'failed' });
  expect(JSON.parse(posted.join('')).alarms[0].kind).toBe('failed');
  const names = (await readdir(join(router, 'runs'))).filter((name) => name.endsWith('.json')).sort();
  const last = JSON.parse(await readFile(join(router, 'runs', names[names.length - 1]), 'utf8'));
  expect(last.alertProblem).toBe(`127.0.0.1:${port}: it answered 503`);
});

test('a quarantine that cannot be read stops the run rather than trusting everything', async () => {
  const file = join(router, 'quarantine.json');
  const kept = await readFile(file, 'utf8');
  await writeFile(file, '{"quarantined": ');
  await expect(run()).rejects.toThrow('Put it right, or delete it to trust every batch');
  await writeFile(file, kept);
});

test('the command tells by its exit code what became of it, and rolls back', async () => {
  const file = join(folder, 'retrain.yaml');
  const elsewhere = join(folder, 'command');
  await mkdir(join(elsewhere, 'logs'), { recursive: true });
  await writeDays(elsewhere, 'first', daysOf(1, 8));
  const { router: name, ...rest } = quickConfig(elsewhere);
  await writeFile(file, JSON.stringify({ router: name, ...rest }));
  const command = async (...argv: string[]) => {
    const io = capturedIo();
    return { code: await main(argv, io), ...io.said };
  };
  const promoted = await command('retrain', '--config', file, '--quiet');
  expect(promoted).toMatchObject({
    code: 0,
    err: expect.stringMatching(/^Note: there is no router in .*\n$/),
  });
  expect(promoted.out).toMatch(/^Promoted: .*\n(.*\n)*Router {3}v-\w{12} is in use\nRecord {3}.*\.html\n$/);
  const kept = await command('retrain', '--config', file, '--quiet', '--json');
  expect(kept.code).toBe(3);
  expect(JSON.parse(kept.out)).toMatchObject({ outcome: 'kept', dryRun: false });
  await withRetrainLock(name, async () => {
    const busy = await command('retrain', '--config', file, '--quiet');
    expect(busy).toMatchObject({ code: 4, out: '' });
    expect(busy.err).toContain('is being retrained by process');
  });
  const versions = await command('versions', name);
  expect(versions.out).toMatch(/^version +state +written.*\nv-\w{12} +in use/);
  const alone = await command('rollback', name);
  expect(alone).toMatchObject({ code: 1 });
  expect(alone.err).toContain('It has no other version.');
  expect(await command('retrain', '--config', file, '--schedule', 'every night')).toMatchObject({ code: 1 });
});
