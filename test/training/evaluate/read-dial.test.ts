import { expect, test } from 'vitest';
import { readDial } from '../../../training/evaluate/dial.ts';
import { evaluate } from '../../../training/evaluate/evaluate.ts';
import { syntheticWorld } from './synthetic-world.ts';

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

test('the dial of metrics.json is read back as it was written', () => {
  const evaluation = evaluate(syntheticWorld({ rows: 400 }), { resamples: 100 });
  expect(readDial(bytes(evaluation))).toEqual(evaluation.dial);
});

test.each([
  ['nothing', {}],
  ['none', { dial: null }],
  ['another shape', { dial: { settings: 'all' } }],
  [
    'weights out of bounds',
    { dial: { settings: [{ id: 'best', weights: { quality: -1, cost: 0, latency: 0 } }] } },
  ],
  ['no object', null],
])('%s is no dial', (_, metrics) => {
  expect(readDial(bytes(metrics))).toBeNull();
});

test('what is no JSON is no dial', () => {
  expect(readDial(new TextEncoder().encode('{'))).toBeNull();
});
