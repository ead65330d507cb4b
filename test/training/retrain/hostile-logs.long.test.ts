import { cp, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadRouter, readArtifactFolder } from 'pointsman/node';
import { beforeAll, expect, test } from 'vitest';
import { shortEmbedder } from '../../../data/month/short-embedder.ts';
import { retrain } from '../../../training/retrain/retrain.ts';
import { releaseBatch } from '../../../training/retrain/watch/batches.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import type { PlantedRow } from '../cli/planted-file.ts';
import { dayOfRow, decisionLog, plantedDays, quickConfig, writeDays } from './planted-logs.ts';

const { folder: root } = temporaryFolder();
const embedder = await shortEmbedder(32);
const honest = plantedDays(80, 12);
const daysOf = (rows: readonly PlantedRow[], from: number, to: number) =>
  rows.filter((row) => dayOfRow(row) >= from && dayOfRow(row) <= to);
const night = (day: number) => () => new Date(Date.UTC(2026, 0, day, 3));
let copies = 0;

/** A router that has learned from eight honest days, with its table and its quarantine. */
async function trained() {
  const folder = join(root, `copy-${copies++}`);
  await cp(join(root, 'first'), folder, { recursive: true });
  return quickConfig(folder);
}
const logs = (config: Awaited<ReturnType<typeof trained>>) => join(config.router, '..');

beforeAll(async () => {
  await mkdir(join(root, 'first', 'logs'), { recursive: true });
  const config = quickConfig(join(root, 'first'));
  await writeDays(join(root, 'first'), 'first', daysOf(honest, 1, 8));
  const first = await retrain({ config, embedder, now: night(9) });
  expect(first.outcome).toBe('promoted');
});

/** What the router in use is truly worth, on prompts that nobody has seen. */
async function worthOf(folder: string): Promise<number> {
  const router = await loadRouter(folder);
  const rates = {
    sum: { large: 0.7, poet: 0.2, reckoner: 0.9 },
    verse: { large: 0.7, poet: 0.9, reckoner: 0.2 },
  };
  let value = 0;
  const fresh = plantedDays(200, 1, 77).filter((_, i) => i % 3 === 0);
  for (const { task, text } of fresh) {
    const { candidate } = await router.route({ text: String(text) });
    value += rates[task as 'sum'][candidate as 'poet'];
  }
  return value / fresh.length;
}

test('false scores of sixty new sources, each too small to be judged, are not learned from; honest ones are', async () => {
  const config = await trained();
  const before = await worthOf(config.router);
  expect(before).toBeGreaterThan(0.8);
  const lies = plantedDays(1200, 2, 5).map((row, i) => ({
    ...row,
    requestId: `lie-${Math.floor(i / 3)}`,
    text: `${String(row.text)} (${Math.floor(i / 3)})`,
    timestamp: String(row.timestamp).replace(
      /-01-0(\d)T/,
      (_, day) => `-01-${String(8 + Number(day)).padStart(2, '0')}T`,
    ),
    source: `s${Math.floor(i / 3) % 60}`,
    quality: 1 - Number(row.quality),
  }));
  await writeDays(logs(config), 'second', [...daysOf(honest, 9, 10), ...lies]);
  const poisoned = await retrain({ config, embedder, now: night(11) });
  expect(poisoned.traffic).toMatchObject({ quarantined: 2400 });
  const quarantine = JSON.parse(await readFile(join(config.router, 'quarantine.json'), 'utf8'));
  expect(Object.keys(quarantine.quarantined).filter((batch) => !/ s\d+$/.test(batch))).toEqual([]);
  expect(poisoned.alarms[0].sentence).toContain('neither learned from nor judged by');
  await writeDays(logs(config), 'third', daysOf(honest, 11, 12));
  await retrain({ config, embedder, now: night(13) });
  const after = await worthOf(config.router);
  expect(after).toBeGreaterThan(0.7);
  expect(after).toBeGreaterThan(before - 0.02);
  // What was judged together is released together.
  const [{ pool }] = Object.values<{ pool: string }>(quarantine.quarantined);
  await releaseBatch(config.router, pool);
  const released = JSON.parse(await readFile(join(config.router, 'quarantine.json'), 'utf8'));
  expect(
    Object.values<{ pool: string; released: boolean }>(released.quarantined).every(
      (each) => each.released === (each.pool === pool),
    ),
  ).toBe(true);
});

test('prompts dated in the future or in 1970 empty no window; they are counted, and named once', async () => {
  const config = await trained();
  const others = plantedDays(4, 1, 99).filter((_, i) => i % 3 === 0);
  const odd = (requestId: string, timestamp: string) => ({ ...others.pop(), requestId, timestamp });
  await writeDays(logs(config), 'second', [
    ...daysOf(honest, 9, 10),
    odd('far', '2036-01-01T00:00:00Z'),
    odd('soon', '2026-01-11T05:00:00Z'),
    odd('ahead', '2026-01-11T03:30:00Z'),
    odd('zero', '1970-01-01T00:00:00Z'),
  ]);
  const run = await retrain({ config, embedder, now: night(11) });
  expect(run.traffic).toMatchObject({ future: 2, older: 1, holdoutDays: [expect.any(String), '2026-01-11'] });
  expect(run.traffic?.learn).toBeGreaterThan(400);
  expect(run.alarms).toContainEqual({
    kind: 'future',
    subject: 'far',
    sentence:
      '2 prompts are dated after this run (2026-01-11T03:00:00.000Z), the last on 2036-01-01 (far). They are set aside until then. Look at the clock, or the time zone, of unknown.',
  });
  const again = await retrain({ config, embedder, now: night(11) });
  expect(again.alarms.filter(({ kind }) => kind === 'future')).toEqual([]);
  expect(again.traffic).toMatchObject({ future: 2 });
  const later = await retrain({ config, embedder, now: night(12), dryRun: true });
  expect(later.traffic).toMatchObject({ future: 1 });
});

test('a log of nothing but the future is nothing to learn from yet', async () => {
  const folder = join(root, 'future');
  await mkdir(join(folder, 'logs'), { recursive: true });
  await writeDays(folder, 'first', daysOf(honest, 1, 4));
  const run = await retrain({ config: quickConfig(folder), embedder, now: () => new Date('2025-06-01') });
  expect(run).toMatchObject({ outcome: 'kept', traffic: { future: 320, learn: 0, holdout: 0 } });
  expect(run.alarms).toMatchObject([{ kind: 'future' }]);
});

test('one outcome with an amount that cannot be breaks no retraining', async () => {
  const folder = join(root, 'amounts');
  await mkdir(join(folder, 'logs'), { recursive: true });
  const config = quickConfig(folder, {
    logs: { files: [join(folder, 'logs', '*.jsonl')], format: 'pointsman' },
  });
  const rows = decisionLog(daysOf(honest, 1, 8));
  const odd = ['Infinity', -5, 1e300, 'NaN'].flatMap((amount, i) =>
    rows.slice(7 * i, 7 * i + 7).map((record) =>
      record.kind === 'outcome'
        ? {
            ...record,
            id: `odd-${i}`,
            costUsd: amount,
            latencyMs: amount,
            inputTokens: amount,
            outputTokens: amount,
          }
        : { ...record, id: `odd-${i}` },
    ),
  );
  await writeDays(folder, 'first', [...rows, ...odd]);
  expect((await retrain({ config, embedder, now: night(9) })).outcome).toBe('promoted');
});

test('a change of prices is in what the next router expects, from tokens that were logged long before', async () => {
  const folder = join(root, 'prices');
  await mkdir(join(folder, 'logs'), { recursive: true });
  const config = (price: number) => {
    const prices = { inputPricePerMillionTokens: price, outputPricePerMillionTokens: price };
    const { train, ...rest } = quickConfig(folder, {
      logs: { files: [join(folder, 'logs', '*.jsonl')], format: 'pointsman' },
    });
    return quickConfig(folder, { ...rest, train: { ...train, candidates: { large: prices } } });
  };
  const expectedOf = async (version: string) => {
    const { manifest } = await readArtifactFolder(join(config(1).router, version));
    const router = await loadRouter(join(config(1).router, version));
    const { predictions } = await router.route({ text: 'What is 12 + 9 when ships are counted twice?' });
    const found = predictions.find(({ candidate }) => candidate === 'large')?.expectedCostUsd;
    return {
      mean: manifest.candidates.find(({ name }) => name === 'large')?.meanCostUsd ?? 0,
      found: found ?? 0,
    };
  };
  await writeDays(folder, 'first', decisionLog(daysOf(honest, 1, 8)));
  const first = await retrain({ config: config(10), embedder, now: night(9) });
  const cheap = await expectedOf(first.challenger ?? '');
  // 100 tokens a prompt.
  expect(cheap.mean).toBeCloseTo(0.001, 6);
  await writeDays(folder, 'second', decisionLog(daysOf(honest, 9, 9)));
  const second = await retrain({ config: config(30), embedder, now: night(10) });
  const dear = await expectedOf(second.challenger ?? '');
  expect(dear.mean).toBeCloseTo(0.003, 6);
  expect(dear.found / cheap.found).toBeCloseTo(3, 1);
});
