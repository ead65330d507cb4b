import { expect, test } from 'vitest';
import type { ScoredTraffic } from '../../../../training/retrain/watch/candidate-shifts.ts';
import { batchesOf, screenBatches } from '../../../../training/retrain/watch/screen.ts';
import { type DriftWorldOptions, driftWorld } from './drift-world.ts';

const DAYS = 8;
const LAST = DAYS - 1;
const NAME = '2026-01-08 log';

function screen(traffic: ScoredTraffic, groups?: Int32Array) {
  const rows = traffic.matrix.prompts.length;
  return screenBatches(
    traffic,
    groups ?? Int32Array.from({ length: rows }, (_, row) => row),
    new Set(batchesOf(traffic.matrix)),
    new Set(),
  );
}

const suspects = (traffic: ScoredTraffic, groups?: Int32Array) =>
  screen(traffic, groups)
    .filter(({ suspicions }) => suspicions.length > 0)
    .map(({ batch, suspicions }) => [batch, ...suspicions.map(({ kind }) => kind)]);

const world = (rest: Partial<DriftWorldOptions> = {}) =>
  driftWorld({ days: DAYS, perDay: 120, seed: 1, ...rest });

test('honest logs are believed, whichever seed they have', () => {
  let doubted = 0;
  for (let seed = 0; seed < 60; seed++) doubted += suspects(world({ seed })).length;
  expect(doubted).toBeLessThanOrEqual(1);
});

test('a day whose scores are upside down is not believed, and the days around it are', () => {
  const found = suspects(world({ logged: (quality, _, day) => (day === LAST ? 1 - quality : quality) }));
  expect(found).toEqual([[NAME, 'order']]);
});

test('a day whose scores belong to other prompts is not believed', () => {
  const found = suspects(
    world({ perDay: 300, truth: (predicted, _, day) => (day === LAST ? 0.5 : predicted) }),
  );
  expect(found).toEqual([[NAME, 'order']]);
});

test('one candidate that fails from a day on is a change of the candidate, not of the log', () => {
  expect(
    suspects(world({ truth: (p, candidate, day) => (candidate === 1 && day >= 5 ? 0.1 * p : p) })),
  ).toEqual([]);
});

test('several candidates that change at once are more than a provider does', () => {
  const found = suspects(
    world({ perDay: 300, truth: (p, candidate, day) => (candidate > 0 && day === LAST ? 0.3 * p : p) }),
  );
  expect(found[0]).toEqual(expect.arrayContaining([NAME, 'levels']));
});

test('one that is suddenly praised beyond its best day is not believed; one that recovers is', () => {
  const praised = suspects(world({ logged: (quality, c, day) => (c === 0 && day === LAST ? 1 : quality) }));
  expect(praised[0]).toEqual(expect.arrayContaining([NAME, 'praise']));
  const recovered = world({
    truth: (p, candidate, day) => (candidate === 0 && day > 2 && day < LAST ? 0.2 * p : p),
  });
  expect(suspects(recovered)).toEqual([]);
});

test('a flood of copies is told from a busy day', () => {
  const flooded = driftWorld({ days: DAYS, perDay: 120, seed: 1 });
  const prompts = flooded.matrix.prompts.map((prompt, row) =>
    // The last three days arrive as one.
    row >= 5 * 120 ? { ...prompt, timestampMs: flooded.matrix.prompts[5 * 120].timestampMs } : prompt,
  );
  const traffic = { ...flooded, matrix: { ...flooded.matrix, prompts } };
  expect(suspects(traffic)).toEqual([]);
  const groups = Int32Array.from(prompts, (_, row) => (row >= 5 * 120 ? 5 * 120 + (row % 4) : row));
  expect(suspects(traffic, groups)).toEqual([['2026-01-06 log', 'copies']]);
});

test('other scores for prompts that were scored before are not believed', () => {
  // Every day asks the same prompts, and the same answers earn the same.
  const traffic = world();
  const { quality } = traffic.matrix;
  for (let row = 120; row < quality.length / 3; row++)
    for (let c = 0; c < 3; c++) {
      quality[row * 3 + c] = quality[(row % 120) * 3 + c];
      traffic.success[row * 3 + c] = traffic.success[(row % 120) * 3 + c];
    }
  const groups = Int32Array.from(traffic.matrix.prompts, (_, row) => row % 120);
  expect(suspects(traffic, groups)).toEqual([]);
  for (let cell = LAST * 120 * 3; cell < quality.length; cell++) quality[cell] = 1 - quality[cell];
  expect(suspects(traffic, groups)[0]).toEqual(expect.arrayContaining([NAME, 'repeats']));
});

test('a source that disagrees with all others is found among them', () => {
  const found = suspects(
    world({
      perDay: 200,
      source: (_, row) => (row % 2 === 0 ? 'honest' : 'odd'),
      logged: (quality) => quality,
      truth: (p, _, day, row) => (row % 2 === 1 && day === LAST ? 1 - p : p),
    }),
  );
  expect(found).toEqual([['2026-01-08 odd', 'order']]);
});

test('without a champion, and without anything to compare with, a batch is believed', () => {
  const traffic = world();
  expect(suspects({ ...traffic, success: traffic.success.map(() => Number.NaN) })).toEqual([]);
  expect(screen(driftWorld({ days: 1, perDay: 120, seed: 1 }))).toEqual([
    { batch: '2026-01-01 log', rows: 120, reference: 0, suspicions: [] },
  ]);
});
