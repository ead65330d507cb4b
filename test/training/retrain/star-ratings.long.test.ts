import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadRouter } from 'pointsman/node';
import { expect, test } from 'vitest';
import { shortEmbedder } from '../../../data/month/short-embedder.ts';
import type { RetrainConfigInput } from '../../../training/retrain/config.ts';
import { retrain } from '../../../training/retrain/retrain.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import type { PlantedRow } from '../cli/planted-file.ts';
import { dayOfRow, plantedDays, quickConfig, writeDays } from './planted-logs.ts';

const { folder: root } = temporaryFolder();
const embedder = await shortEmbedder(32);
const rows = plantedDays(80, 10);

/** Failures with 1 or 2 stars, successes with 4 or 5. */
const starred = (row: PlantedRow, i: number): PlantedRow => ({
  ...row,
  quality: Number(row.quality) === 1 ? 4 + (i % 2) : 1 + (i % 2),
});
const daysOf = (from: number, to: number) =>
  rows.filter((row) => dayOfRow(row) >= from && dayOfRow(row) <= to);

async function folderWith(
  name: string,
  first: readonly PlantedRow[],
  logs: Partial<RetrainConfigInput['logs']>,
) {
  const folder = join(root, name);
  await mkdir(join(folder, 'logs'), { recursive: true });
  await writeDays(folder, 'first', first);
  const files = [join(folder, 'logs', '*.jsonl')];
  return { folder, config: quickConfig(folder, { logs: { files, ...logs } }) };
}
const night = (day: number) => () => new Date(Date.UTC(2026, 0, day, 3));
/** How often a router takes the better one for the task, on prompts that it has not seen. */
async function rightShare(folder: string): Promise<number> {
  const router = await loadRouter(folder);
  const best: Record<string, string> = { sum: 'reckoner', verse: 'poet' };
  const fresh = plantedDays(100, 1, 77).filter((_, i) => i % 3 === 0);
  let right = 0;
  for (const { task, text } of fresh)
    if ((await router.route({ text: String(text) })).candidate === best[String(task)]) right++;
  return right / fresh.length;
}

test.each([[[1, 5]], ['auto']] as const)(
  'stars with the range %j are learned from the right way up, every night',
  async (scoreRange) => {
    const { config, folder } = await folderWith(`range-${scoreRange}`, daysOf(1, 8).map(starred), {
      scoreRange: scoreRange as [number, number],
    });
    const first = await retrain({ config, embedder, now: night(9) });
    expect(first.outcome).toBe('promoted');
    expect(await rightShare(config.router)).toBeGreaterThan(0.8);
    await writeDays(folder, 'second', daysOf(9, 10).map(starred));
    const second = await retrain({ config, embedder, now: night(11) });
    expect(second.traffic).toMatchObject({ rowsAdded: 480, quarantined: 0 });
    expect(await rightShare(config.router)).toBeGreaterThan(0.8);
  },
);

test('stars without a range stop the run, which says what to give and makes no router', async () => {
  const { config } = await folderWith('unsaid', daysOf(1, 8).map(starred), {});
  await expect(retrain({ config, embedder, now: night(9) })).rejects.toThrow(
    /The scores are on a scale of 1 to 5.*Nothing was read\..*`scoreRange` in code, and under `logs` in a config/s,
  );
  await expect(loadRouter(config.router)).rejects.toThrow();
});

test('nights of another scale than those before stop the run; the router stays as it was', async () => {
  const { config, folder } = await folderWith('mixed', daysOf(1, 8), {});
  expect(await retrain({ config, embedder, now: night(9) })).toMatchObject({ outcome: 'promoted' });
  const pointer = await readFile(join(config.router, 'current.json'), 'utf8');
  await writeDays(folder, 'second', daysOf(9, 10).map(starred));
  await expect(retrain({ config, embedder, now: night(11) })).rejects.toThrow(
    /on several scales: .*first\.jsonl \(0 to 1\), .*second\.jsonl \(1 to 5\).*Nothing was read/s,
  );
  expect(await readFile(join(config.router, 'current.json'), 'utf8')).toBe(pointer);
  expect(await rightShare(config.router)).toBeGreaterThan(0.8);
});

test('a night of nothing but single stars is as bad as it says', async () => {
  const { config, folder } = await folderWith('bad', daysOf(1, 8).map(starred), { scoreRange: 'auto' });
  expect(await retrain({ config, embedder, now: night(9) })).toMatchObject({ outcome: 'promoted' });
  const bad = daysOf(9, 10).map((row) => ({ ...row, quality: 1 }));
  await writeDays(folder, 'second', bad);
  const second = await retrain({ config, embedder, now: night(11) });
  expect(second.alarms[0].sentence).toMatch(/large −\d/);
  expect(second.traffic).toMatchObject({ quarantined: 160 });
});
