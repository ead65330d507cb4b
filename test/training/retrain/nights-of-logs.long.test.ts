import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readArtifactFolder } from 'pointsman/node';
import { expect, test } from 'vitest';
import { shortEmbedder } from '../../../data/month/short-embedder.ts';
import { retrain } from '../../../training/retrain/retrain.ts';
import type { RetrainRun } from '../../../training/retrain/run.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { dayOfRow, plantedDays, quickConfig, writeDays } from './planted-logs.ts';

const { folder } = temporaryFolder();
const embedder = await shortEmbedder(32);
const rows = plantedDays(80, 12);
const daysOf = (from: number, to: number) =>
  rows.filter((row) => dayOfRow(row) >= from && dayOfRow(row) <= to);

test('with the screening off, a challenger that learned from such a log is refused by the days after it', async () => {
  const elsewhere = join(folder, 'unscreened');
  await mkdir(join(elsewhere, 'logs'), { recursive: true });
  const unscreened = quickConfig(elsewhere, { screening: { enabled: false } });
  await writeDays(elsewhere, 'honest', daysOf(1, 8));
  await retrain({ config: unscreened, embedder });
  // The next four days: two upside down, which by then are most of what is learned from, and two that are honest.
  const many = plantedDays(1000, 1, 9).map((row, i) => ({
    ...row,
    requestId: `flood-${Math.floor(i / 3)}`,
    text: `${String(row.text)} (flood)`,
    timestamp: `2026-01-09T00:00:${String(i % 60).padStart(2, '0')}Z`,
    quality: 1 - Number(row.quality),
  }));
  await writeDays(elsewhere, 'poison', many);
  await writeDays(elsewhere, 'after', daysOf(10, 11));
  const refused = await retrain({ config: unscreened, embedder });
  expect(refused.outcome).toBe('kept');
  expect(refused.sentence).toMatch(/^Refused: /);
  expect((await readdir(unscreened.router)).filter((name) => name.startsWith('v-')).length).toBe(2);
});

test('a log of one answer a prompt is learned from beside what the champion knows, and the same log but once', async () => {
  const elsewhere = join(folder, 'one-answer');
  await mkdir(join(elsewhere, 'logs'), { recursive: true });
  const plain = quickConfig(elsewhere);
  const own = { ...plain, train: { ...plain.train, offPolicy: { ...plain.train.offPolicy, memory: 0.01 } } };
  // Three rows a prompt: one of them is kept.
  const asked = rows
    .filter((_, i) => i % 3 === (Math.floor(i / 3) * 7) % 3)
    .map((row) => ({ ...row, propensity: 1 / 3 }));
  const between = (from: number, to: number) =>
    asked.filter((row) => dayOfRow(row) >= from && dayOfRow(row) <= to);
  const methodOf = async ({ challenger }: RetrainRun) => {
    const { manifest } = await readArtifactFolder(join(own.router, challenger!));
    return (manifest.provenance.config as { chosen: unknown }).chosen;
  };
  await writeDays(elsewhere, 'first', between(1, 8));
  const alone = await retrain({ config: own, embedder });
  expect(alone.outcome).toBe('promoted');
  expect(await methodOf(alone)).toMatchObject({ log: { method: 'none' } });
  expect(await retrain({ config: own, embedder })).toMatchObject({
    outcome: 'kept',
    challenger: alone.challenger,
    sentence: 'Kept: nothing is new: the version in use was made of this very traffic, by this config.',
  });
  await writeDays(elsewhere, 'second', between(9, 10));
  const beside = await retrain({ config: own, embedder });
  expect(beside.challenger).not.toBe(alone.challenger);
  expect(await methodOf(beside)).toMatchObject({ log: { method: 'anchored' } });
  const forgot = await retrain({ config: plain, embedder, dryRun: true });
  expect(forgot.challenger).not.toBe(beside.challenger);
});
