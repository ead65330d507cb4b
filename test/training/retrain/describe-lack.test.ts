import { expect, test } from 'vitest';
import { describeLack, splitTraffic } from '../../../training/retrain/watch-traffic.ts';
import { plantedTraffic } from '../../fixtures/planted-traffic.ts';

const DAY_MS = 86_400_000;
const FIRST_MS = Date.UTC(2026, 0, 1);
const options = { learnDays: 60, learnPrompts: 100_000, holdoutDays: 3, holdoutPrompts: 300 };
const aside = { future: 0, quarantined: 0, repeats: 0, undated: 0 };

/** Some prompts a day from the first of January on. */
function traffic(perDay: number, days: number, change: { dated?: boolean; scored?: boolean } = {}) {
  const matrix = plantedTraffic({ prompts: perDay * days, seed: 1 });
  return {
    ...matrix,
    quality: change.scored === false ? matrix.quality.map(() => Number.NaN) : matrix.quality,
    prompts: matrix.prompts.map((prompt, i) => ({
      ...prompt,
      timestampMs:
        change.dated === false ? null : FIRST_MS + Math.floor(i / perDay) * DAY_MS + (i % perDay) * 1000,
    })),
  };
}

function lackOf(matrix: ReturnType<typeof traffic>, more: Partial<typeof options> = {}) {
  const settings = { ...options, ...more };
  const groups = Int32Array.from(matrix.prompts.keys());
  const parted = splitTraffic(matrix, groups, () => true, settings);
  return describeLack(matrix, parted, { ...aside, undated: parted.undated }, settings);
}

test('the first nights say which window is empty, and on which day there will be enough', () => {
  expect(lackOf(traffic(40, 2))).toBe(
    'the days that teach have no prompts with a quality, and 50 are the fewest that can: the newest 3 days judge, and more until there are 300 prompts; ' +
      'there are 80 in all, of 2026-01-01 to 2026-01-02. At 40 prompts with a quality a day there will be enough about 2026-01-10; fewer `traffic.holdoutDays` or `holdoutPrompts` would do sooner.',
  );
  expect(lackOf(traffic(40, 9))).not.toBeNull();
  expect(lackOf(traffic(40, 10))).toBeNull();
});

test('a window that has a few says how many', () => {
  expect(lackOf(traffic(200, 4), { holdoutDays: 4 })).toMatch(/^the days that teach have no prompts/);
  expect(lackOf(traffic(20, 17))).toMatch(
    /^the days that teach have 40 prompts with a quality, and 50 are the fewest.*about 2026-01-18/,
  );
});

test.each<[string, ReturnType<typeof traffic>, RegExp]>([
  [
    'qualities',
    traffic(100, 10, { scored: false }),
    /^there is nothing to learn from: none of 1,000 prompts has a quality yet/,
  ],
  [
    'timestamps',
    traffic(100, 10, { dated: false }),
    /no prompt with a quality can be used yet\. Besides, 1,000 have no timestamp\.$/,
  ],
])('traffic without %s says so', (_, matrix, sentence) => {
  expect(lackOf(matrix)).toMatch(sentence);
});

test('traffic that is too thin for its window says that days are too few', () => {
  expect(lackOf(traffic(1, 40), { learnDays: 20, holdoutPrompts: 5 })).toMatch(
    /20 days are too few: raise `traffic\.learnDays`\.$/,
  );
});
