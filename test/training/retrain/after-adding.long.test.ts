import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadRouter, readArtifactFolder } from 'pointsman/node';
import { expect, test } from 'vitest';
import { shortEmbedder } from '../../../data/month/short-embedder.ts';
import { main } from '../../../training/cli/main.ts';
import { retrain } from '../../../training/retrain/retrain.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { capturedIo } from '../cli/captured-io.ts';
import { type PlantedRow, writeRows } from '../cli/planted-file.ts';
import { dayOfRow, plantedDays, quickConfig, writeDays } from './planted-logs.ts';

const { folder } = temporaryFolder();
const embedder = await shortEmbedder(32);
const config = quickConfig(folder);
const rows = plantedDays(80, 14);
const daysOf = (from: number, to: number) =>
  rows.filter((row) => dayOfRow(row) >= from && dayOfRow(row) <= to);
const night = (day: number) => () => new Date(Date.UTC(2026, 0, day, 3));
/** The same with a candidate that answers as "poet" does, and fails one time in eight besides. */
const withBard = (some: readonly PlantedRow[]): PlantedRow[] =>
  some.flatMap((row, i) =>
    row.candidate === 'poet'
      ? [row, { ...row, candidate: 'bard', quality: i % 8 === 0 ? 0 : row.quality, costUsd: 0.00001 }]
      : [row],
  );

test('a candidate that was added is learned by the trainings after it, from what it answered', async () => {
  await mkdir(join(folder, 'logs'), { recursive: true });
  await writeDays(folder, 'first', daysOf(1, 8));
  expect(await retrain({ config, embedder, now: night(9) })).toMatchObject({ outcome: 'promoted' });

  const probes = await writeRows(join(folder, 'probes.jsonl'), withBard(daysOf(9, 9)).slice(0, 160));
  const add = ['candidates', 'add', 'bard', '--router', config.router, '--probes', probes, '--quiet'];
  const io = capturedIo();
  expect(await main([...add, '--work', config.work], io), io.said.err).toBe(0);
  const inUse = async () => JSON.parse(await readFile(join(config.router, 'current.json'), 'utf8')).version;
  const added = await inUse();
  const candidatesOf = async (version: string) =>
    (await readArtifactFolder(join(config.router, version))).manifest.candidates;
  const guessed = (await candidatesOf(added)).find(({ name }) => name === 'bard')!;

  // Its probes are no part of the log: a night without its answers is judged beside a champion that knows one candidate more.
  await writeDays(folder, 'second', daysOf(9, 10));
  const without = await retrain({ config, embedder, now: night(11), dryRun: true });
  expect(without.champion).toBe(added);
  expect(without.gate?.tests.map(({ kind }) => kind)).toContain('champion');
  expect(without.alarms).toEqual([
    {
      kind: 'candidate',
      subject: 'bard',
      sentence: expect.stringMatching(
        /^bard is not known to the challenger: of its answers fewer than 10 have a score .*Let some of the traffic go to it/,
      ),
    },
  ]);

  const answered = withBard(daysOf(11, 14));
  await writeDays(folder, 'third', answered);
  const run = await retrain({ config, embedder, now: night(15) });
  expect(run.champion).toBe(added);
  expect(run.alarms.filter(({ sentence }) => sentence.includes('not known'))).toEqual([]);
  expect(run.gate?.tests.map(({ kind }) => kind)).toContain('champion');
  const learned = (await candidatesOf(run.challenger!)).find(({ name }) => name === 'bard')!;
  const scores = answered
    .filter(({ candidate }) => candidate === 'bard')
    .map(({ quality }) => Number(quality));
  const seen = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  expect(guessed.meanQuality).toBeGreaterThan(0.3);
  expect(Math.abs((learned.meanQuality as number) - seen)).toBeLessThan(0.06);
  const router = await loadRouter(join(config.router, run.challenger!));
  const of = async (text: string) => {
    const { predictions } = await router.route({ text });
    return predictions.find(({ candidate }) => candidate === 'bard')!.successProbability;
  };
  expect(await of('Write a poem about lanterns and ships, with rhymes')).toBeGreaterThan(0.6);
  expect(await of('What is 12 + 9 when ships are counted twice?')).toBeLessThan(0.4);
});
