import fc from 'fast-check';
import { InvalidInputError } from 'pointsman';
import { type CalibratorParameters, createCalibrator } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';

const variants: readonly CalibratorParameters[] = [
  { kind: 'identity' },
  { kind: 'temperature', temperature: 2.5 },
  { kind: 'platt', slope: 0.7, intercept: -0.4 },
  { kind: 'platt', slope: 0, intercept: 1 },
  { kind: 'beta', a: 0.6, b: 1.4, c: 0.2 },
  { kind: 'beta', a: 0, b: 0, c: 0 },
  { kind: 'isotonic', logits: [-2, -1, -1, 3], probabilities: [0.1, 0.2, 0.5, 0.9] },
  { kind: 'isotonic', logits: [0], probabilities: [0.3] },
];

describe.each(variants)('calibrator $kind', (parameters) => {
  const calibrator = createCalibrator(parameters);
  const any = fc.oneof(fc.double({ noNaN: true }), fc.double({ min: -20, max: 20, noNaN: true }));

  test('gives a probability for any logit, and never falls where the logit rises', () => {
    fc.assert(
      fc.property(any, any, (a, b) => {
        const [low, high] = [calibrator.probability(Math.min(a, b)), calibrator.probability(Math.max(a, b))];
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(high - low).toBeGreaterThanOrEqual(-1e-12);
      }),
    );
  });

  test('is made again from its parameters by way of JSON', () => {
    const again = createCalibrator(JSON.parse(JSON.stringify(calibrator.parameters)));
    for (const z of [-5, -1, 0, 0.3, 4]) expect(again.probability(z)).toBe(calibrator.probability(z));
  });

  test('gives NaN for NaN', () => {
    expect(calibrator.probability(Number.NaN)).toBeNaN();
  });
});

test('known values', () => {
  const p = (parameters: CalibratorParameters, z: number) => createCalibrator(parameters).probability(z);
  expect(p({ kind: 'identity' }, Math.log(3))).toBeCloseTo(0.75, 12);
  expect(p({ kind: 'temperature', temperature: 2 }, 2 * Math.log(3))).toBeCloseTo(0.75, 12);
  expect(p({ kind: 'platt', slope: 2, intercept: Math.log(3) }, 0)).toBeCloseTo(0.75, 12);
  // a = b = 1, c = 0 is the identity (Kull et al. 2017, section 3).
  expect(p({ kind: 'beta', a: 1, b: 1, c: 0 }, 1.234)).toBeCloseTo(p({ kind: 'identity' }, 1.234), 12);
  // sigmoid(2 ln p - ln(1 - p) + ln 3) at p = 1/2: odds of 1/2 times 3
  expect(p({ kind: 'beta', a: 2, b: 1, c: Math.log(3) }, 0)).toBeCloseTo(0.6, 12);
  expect(p({ kind: 'isotonic', logits: [0, 2], probabilities: [0.2, 0.6] }, 0.5)).toBeCloseTo(0.3, 12);
});

test('an isotonic calibrator gives at a fitted point what was fitted there, of several at one logit the highest', () => {
  const calibrator = createCalibrator(variants[6]);
  expect([-3, -2, -1, 3, 4].map((z) => calibrator.probability(z))).toEqual([0.1, 0.1, 0.5, 0.9, 0.9]);
});

test.each<CalibratorParameters>([
  { kind: 'temperature', temperature: -1 },
  { kind: 'temperature', temperature: Number.NaN },
  { kind: 'platt', slope: -0.1, intercept: 0 },
  { kind: 'beta', a: 1, b: -1, c: 0 },
  { kind: 'isotonic', logits: [], probabilities: [] },
  { kind: 'isotonic', logits: [0, 1], probabilities: [0.5] },
  { kind: 'isotonic', logits: [1, 0], probabilities: [0, 1] },
  { kind: 'isotonic', logits: [0, 1], probabilities: [1, 0] },
])('refuses $kind with a parameter out of bounds', (parameters) => {
  expect(() => createCalibrator(parameters)).toThrow(InvalidInputError);
});
