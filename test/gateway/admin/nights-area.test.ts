import { mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createNightsArea, type NightsAnswer } from '../../../gateway/admin/nights-area.ts';
import { openProgress } from '../../../training/retrain/run-page.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder: top } = temporaryFolder();
const AT = new Date('2026-11-30T03:00:00.000Z');

async function progressIn(folder: string) {
  const area = createNightsArea({ routers: { support: { folder } } });
  const answer = (await (await area.request('/admin/nights')).json()) as NightsAnswer;
  return answer.routers.support;
}

it('a retraining that is under way says its step, its shards and its time left, and nothing when it has ended', async () => {
  const folder = await mkdtemp(join(top, 'router-'));
  expect((await progressIn(folder)).progress).toBeNull();
  const progress = openProgress(folder, () => AT);
  const shards = {
    kind: 'shards',
    step: 'stage',
    total: 40,
    known: 0,
    perSecond: 1,
    secondsLeft: 9,
    workers: 2,
  } as const;
  progress.tell({ ...shards, done: 0 });
  await expect
    .poll(async () => (await progressIn(folder)).progress)
    .toEqual({
      schemaVersion: 1,
      startedAt: AT.toISOString(),
      updatedAt: AT.toISOString(),
      step: 'stage',
      done: 0,
      total: 40,
      unit: 'shards',
      secondsLeft: null,
    });
  // Not more often than once a second, but for another step.
  progress.tell({ ...shards, done: 10 });
  await new Promise((resolve) => setTimeout(resolve, 1100));
  progress.tell({ ...shards, done: 20 });
  await expect.poll(async () => (await progressIn(folder)).progress?.done).toBe(20);
  expect((await progressIn(folder)).progress?.secondsLeft).toBe(1);
  progress.tell({ kind: 'step', what: 'fitting', folds: null });
  await expect
    .poll(async () => (await progressIn(folder)).progress)
    .toMatchObject({ step: 'fitting', done: null, total: null, unit: null, secondsLeft: null });
  expect((await progressIn(folder)).nights).toEqual([]);
  await progress.close();
  expect((await progressIn(folder)).progress).toBeNull();
  expect(await readdir(join(folder, 'runs'))).toEqual([]);
});

it('what is no progress of this version is none', async () => {
  const folder = await mkdtemp(join(top, 'router-'));
  const progress = openProgress(folder, () => AT);
  progress.tell({ kind: 'step', what: 'fitting', folds: null });
  await expect.poll(async () => (await progressIn(folder)).progress).not.toBeNull();
  for (const text of ['', '{', '{"schemaVersion":2}', 'null']) {
    await writeFile(join(folder, 'runs', 'progress.json'), text);
    expect((await progressIn(folder)).progress).toBeNull();
  }
});
