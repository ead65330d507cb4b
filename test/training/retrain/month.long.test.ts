import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import { beforeAll, expect, test } from 'vitest';
import { monthFigure } from '../../../data/month/month-figure.ts';
import { type Month, type MonthDay, simulateMonth } from '../../../data/month/simulate-month.ts';
import { THE_MONTH } from '../../../data/month/the-month.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { degrade, reprice } = THE_MONTH.events;
const { poison } = THE_MONTH;
const { folder } = temporaryFolder();
let month: Month;
/** Mean cost of the candidate that becomes dearer, as the first version has it; US dollars. */
let firstCost: number;

beforeAll(async () => {
  const onDay = ({ day, run }: MonthDay) => {
    if (day > 1) return;
    firstCost = costOf(
      JSON.parse(readFileSync(join(folder, 'router', run.champion!, 'manifest.json'), 'utf8')),
    );
  };
  month = await simulateMonth({ ...THE_MONTH, folder, onDay });
}, 900_000);

const dateOf = (day: number) => `2026-01-${String(day).padStart(2, '0')}`;
function costOf({ candidates }: Pick<Manifest, 'candidates'>): number {
  return candidates.find(({ name }) => name === reprice.candidate)?.meanCostUsd ?? Number.NaN;
}

/** Days on which there was an alarm about a candidate's quality or cost, with whom it named. */
const alarmsOf = (measure: 'quality' | 'costUsd') =>
  month.days.flatMap(({ day, run }) =>
    (run.drift?.candidates ?? [])
      .filter((shift) => shift.alarm && shift.measure === measure)
      .map(({ candidate, changedOn, shift }) => ({ day, candidate, changedOn, shift: shift ?? 0 })),
  );
/** How much better the night's challenger truly was than the version that had served the day. */
const gained = ({ challenger, router }: MonthDay) =>
  (challenger?.qualityUnexplored ?? router.qualityUnexplored) - router.qualityUnexplored;

test('on no day is the router, exploring included, more than a point under the best single candidate of that day', () => {
  expect(month.days.length).toBe(30);
  const worst = Math.min(...month.days.map(({ bestSingle, router }) => router.quality - bestSingle.quality));
  expect(worst).toBeGreaterThan(-0.01);
});

test('what was promoted was never truly worse by more than all nights may lose, and what was truly worse was never promoted', () => {
  const promoted = month.days.filter(({ run }) => run.outcome === 'promoted');
  const lost = promoted.reduce((sum, day) => sum + Math.min(0, gained(day)), 0);
  // What is measured on 1,000 prompts is uncertain by about a point.
  expect(lost).toBeGreaterThan(-0.015);
  const worse = month.days.filter((day) => gained(day) < -0.02);
  expect(worse.length).toBeGreaterThan(0);
  expect(worse.filter(({ run }) => run.outcome === 'promoted')).toEqual([]);
});

test('no candidate is named before one has changed, though who routes has', () => {
  const early = [...alarmsOf('quality'), ...alarmsOf('costUsd')].filter(({ day }) => day < degrade.day);
  expect(early).toEqual([]);
});

test('the candidate that got worse is named within three days, with the day on which it did', () => {
  const alarms = alarmsOf('quality').filter(
    ({ candidate, shift }) => candidate === degrade.candidate && shift < 0,
  );
  expect(alarms[0].day).toBeGreaterThanOrEqual(degrade.day);
  expect(alarms[0].day).toBeLessThanOrEqual(degrade.day + 3);
  expect([-1, 0, 1].map((apart) => dateOf(degrade.day + apart))).toContain(alarms[0].changedOn);
});

test('the new price is found and taken up without harm', async () => {
  const alarms = alarmsOf('costUsd').filter(({ candidate }) => candidate === reprice.candidate);
  expect(alarms[0].day).toBeGreaterThanOrEqual(reprice.day);
  expect(alarms[0].day).toBeLessThanOrEqual(reprice.day + 3);
  expect(alarms[0].changedOn).toBe(dateOf(reprice.day));
  expect(Math.exp(alarms[0].shift)).toBeCloseTo(reprice.factor, 0);
  // The last night's challenger is still there, whether it was promoted or not.
  const last = await readArtifactFolder(join(folder, 'router', month.days[29].run.challenger!));
  expect(costOf(last.manifest) / firstCost).toBeGreaterThan(2);
  // Dearer or not, mean quality is what it was before.
  const unexplored = (day: number) => month.days[day - 1].router.qualityUnexplored;
  expect(unexplored(30)).toBeGreaterThan(unexplored(reprice.day - 1) - 0.02);
});

test('the poisoned log is put into quarantine the same night, and nothing learns from it or judges by it', () => {
  const night = month.days[poison.day - 1];
  const alarm = night.run.alarms.find(({ kind }) => kind === 'quarantine');
  expect(alarm?.subject).toBe(`${dateOf(poison.day)} pointsman`);
  const held = THE_MONTH.perDay + poison.extra;
  for (const { run } of month.days.slice(poison.day - 1)) expect(run.traffic?.quarantined).toBe(held);
  const others = month.days.flatMap(({ run }) => run.alarms.filter(({ kind }) => kind === 'quarantine'));
  expect(others.map(({ subject }) => subject)).toEqual([alarm?.subject]);
});

test('a challenger that did learn from it is much worse, and refused all the same', () => {
  expect(month.unscreened?.run.outcome).toBe('kept');
  expect(month.unscreened?.run.sentence).toMatch(/^Refused: /);
  const night = month.days[month.unscreened!.day - 1];
  expect(month.unscreened!.challenger.qualityUnexplored).toBeLessThan(night.router.qualityUnexplored - 0.05);
});

test('the figure shows every day, and each night what it decided', async () => {
  const svg = monthFigure(month, THE_MONTH.events, poison);
  expect(svg).toContain(`${degrade.candidate} degrades`);
  expect(svg.match(/<circle/g)?.length).toBeGreaterThanOrEqual(30);
  expect(svg).not.toContain('var(--');
  // The picture in the documents is of this very month; its curves are not compared, since programs that time out may differ.
  const drawn = await readFile(new URL('../../../docs/month.svg', import.meta.url), 'utf8');
  const labels = (of: string) => of.match(/<text[^>]*>[^<]*(?:degrades|price|poison)[^<]*/g);
  expect(labels(drawn)).toEqual(labels(svg));
});
