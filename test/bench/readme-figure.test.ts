import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { readmeFigure } from '../../bench/readme-figure.ts';
import { evaluate } from '../../training/evaluate/evaluate.ts';
import { syntheticWorld } from '../training/evaluate/synthetic-world.ts';

test('the README figure centres the names of ticks below their ticks, as the report does', () => {
  const { document } = parseHTML(readmeFigure(evaluate(syntheticWorld({ rows: 400 }), { resamples: 50 })));
  const label = document.querySelector('[aria-label="x-axis tick label"] text');
  expect(label).not.toBeNull();
  expect(label!.closest('[text-anchor]')?.getAttribute('text-anchor')).toBe('middle');
});
