import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PromptRecord } from '../../../training/outcomes/matrix.ts';
import { type Split, splitByTime, splitOutcomes } from '../../../training/split/split.ts';

function prompt(index: number, fields: Partial<PromptRecord> = {}): PromptRecord {
  return {
    requestId: `r${String(index).padStart(6, '0')}`,
    timestampMs: null,
    request: { text: `prompt number ${index} about thing ${index * 7} and nothing else ${index * 13}` },
    task: null,
    tier: null,
    source: 'test',
    ...fields,
  };
}

const many = (
  n: number,
  fields: (i: number) => Partial<PromptRecord> = () => ({}),
): { prompts: PromptRecord[] } => ({
  prompts: Array.from({ length: n }, (_, i) => prompt(i, fields(i))),
});

test('shares are met, each task is spread alike, and the seed decides', () => {
  const matrix = many(1000, (i) => ({ task: i % 10 < 7 ? 'common' : i % 10 < 9 ? 'rare' : `own ${i}` }));
  const { splits } = splitOutcomes(matrix, { seed: 3 });
  expect([splits.fit.rows.length, splits.calibrate.rows.length, splits.test.rows.length]).toEqual([
    600, 200, 200,
  ]);
  for (const [task, share] of [
    ['common', 0.7],
    ['rare', 0.2],
  ] as const) {
    for (const { rows } of [splits.fit, splits.calibrate, splits.test]) {
      const count = rows.reduce((sum, row) => sum + (matrix.prompts[row].task === task ? 1 : 0), 0);
      expect(count / rows.length).toBeCloseTo(share, 1);
    }
  }
  expect(splitOutcomes(matrix, { seed: 3 }).splits).toEqual(splits);
  expect(splitOutcomes(matrix, { seed: 4 }).splits.fit.rows).not.toEqual(splits.fit.rows);
});

test('counts are met exactly, the rest is for testing', () => {
  const { splits } = splitOutcomes(many(500), { sizes: { fit: 100, calibrate: 50 } });
  expect([splits.fit.rows.length, splits.calibrate.rows.length, splits.test.rows.length]).toEqual([
    100, 50, 350,
  ]);
  const { splits: some } = splitOutcomes(many(500), { sizes: { fit: 100, calibrate: 50, test: 20 } });
  expect([some.fit.rows.length, some.calibrate.rows.length, some.test.rows.length]).toEqual([100, 50, 20]);
});

test('sizes that cannot be are refused with what was given', () => {
  for (const sizes of [
    { fit: 0.9, calibrate: 0.3 },
    { fit: -1, calibrate: 0.2 },
    { fit: 600, calibrate: 500 },
    { fit: 0.5, calibrate: 0.2, test: 0.2 },
    { fit: 10.5, calibrate: 20 },
    { fit: Number.NaN, calibrate: 0.2 },
  ]) {
    expect(() => splitOutcomes(many(1000), { sizes })).toThrow(/`sizes` of a split must be/);
  }
});

test('every prompt is in one split, and no group in two, whatever the tasks and copies', () => {
  const item = fc.record({
    text: fc.integer({ min: 0, max: 30 }),
    task: fc.constantFrom(null, 'a', 'b', 'c'),
  });
  fc.assert(
    fc.property(fc.array(item, { maxLength: 120 }), fc.integer(), (items, seed) => {
      const matrix = many(items.length, (i) => ({
        request: { text: `copy ${items[i].text}` },
        task: items[i].task,
      }));
      const { splits, groups } = splitOutcomes(matrix, { seed });
      const parts = [splits.fit.rows, splits.calibrate.rows, splits.test.rows];
      const all = parts.flatMap((rows) => [...rows]).sort((a, b) => a - b);
      expect(all).toEqual(items.map((_, i) => i));
      const held = parts.map((rows) => new Set([...rows].map((row) => groups.groups[row])));
      for (const group of held[0]) expect(held[1].has(group) || held[2].has(group)).toBe(false);
      for (const group of held[1]) expect(held[2].has(group)).toBe(false);
      for (const rows of parts) expect([...rows]).toEqual([...rows].sort((a, b) => a - b));
    }),
  );
});

test('a shared system prompt does not make two conversations near-duplicates', () => {
  const system = { role: 'system', content: 'You are a helpful assistant of the shop. '.repeat(50) };
  const matrix = many(2, (i) => ({
    request: {
      messages: [system, { role: 'user', content: i === 0 ? 'Where is my parcel?' : 'Cancel it now' }],
    },
  }));
  expect(splitOutcomes(matrix).groups.report.groups).toBe(2);
});

test('by time: fit is older than calibrate, calibrate than test, and later repeats are left out', () => {
  const matrix = many(100, (i) => ({
    timestampMs: 1000 * (99 - i),
    ...(i === 5 ? { request: prompt(90).request } : {}),
  }));
  const { splits, leftOut } = splitByTime(matrix);
  const times = (split: Split<'fit'> | Split<'calibrate'> | Split<'test'>): number[] =>
    [...split.rows].map((row) => matrix.prompts[row].timestampMs ?? 0);
  expect(Math.max(...times(splits.fit))).toBeLessThan(Math.min(...times(splits.calibrate)));
  expect(Math.max(...times(splits.calibrate))).toBeLessThan(Math.min(...times(splits.test)));
  expect([splits.fit.rows.length, splits.calibrate.rows.length, splits.test.rows.length]).toEqual([
    60, 20, 19,
  ]);
  expect([...leftOut]).toEqual([5]);
});

test('by time: prompts of one moment stay together, and a prompt without a time is refused', () => {
  const matrix = many(10, (i) => ({ timestampMs: i < 8 ? 1 : 2 }));
  const { splits } = splitByTime(matrix);
  expect([splits.fit.rows.length, splits.calibrate.rows.length, splits.test.rows.length]).toEqual([8, 0, 2]);
  expect(() => splitByTime(many(3))).toThrow('"r000000" has none');
});

test('the wrong split does not compile', () => {
  const { splits } = splitOutcomes(many(10));
  const fitOnly = (split: Split<'fit'>): number => split.rows.length;
  expect(fitOnly(splits.fit)).toBe(6);
  // @ts-expect-error a test split is no fit split
  expect(fitOnly(splits.test)).toBe(2);
});
