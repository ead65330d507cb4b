import { expect, test } from 'vitest';
import { placeLabels } from '../../../training/report/cost-quality-figure.ts';

const area = { left: 0, right: 200, top: 0, bottom: 100 };

test('a label goes to the right, to the left at the right edge, and nowhere when all sides are taken', () => {
  expect(placeLabels([{ x: 50, y: 50, text: 'name' }], area, 10)).toEqual(['right']);
  expect(placeLabels([{ x: 190, y: 50, text: 'name' }], area, 10)).toEqual(['left']);
  const around = [62, 38].flatMap((x) => [36, 50, 64].map((y) => ({ x, y })));
  expect(placeLabels([{ x: 50, y: 50, text: 'name' }], area, 10, around)).toEqual([null]);
});

test('labels of points that lie close take different sides', () => {
  const sides = placeLabels(
    [
      { x: 100, y: 50, text: 'first' },
      { x: 100, y: 56, text: 'second' },
    ],
    area,
    10,
  );
  expect(new Set(sides).size).toBe(2);
});

test('a label stands askew of its point where the four sides are taken', () => {
  const around = [
    { x: 70, y: 50 },
    { x: 30, y: 50 },
    { x: 44, y: 36 },
    { x: 44, y: 64 },
  ];
  expect(placeLabels([{ x: 50, y: 50, text: 'name' }], area, 10, around)).toEqual(['above right']);
});

test('a long name in narrow letters is not taken for a wide one', () => {
  const [narrow, wide] = ['lilliput-tilt-ii', 'WOMBAT-MAMMOTH-W'].map((text) => ({ x: 100, y: 50, text }));
  expect(placeLabels([narrow], area, 12)).toEqual(['right']);
  expect(placeLabels([wide], area, 12)).not.toEqual(['right']);
});
