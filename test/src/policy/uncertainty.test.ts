import { ArtifactError } from 'pointsman';
import { readUncertainty, sigmoid, type UncertaintySpec } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';

const LENGTH = 4;
const CANDIDATES = 2;

/** Two directions along axes of four features, so that all can be worked out by hand. */
function made(options: { covariance?: number[]; outcomes?: number[] } = {}) {
  const spec: UncertaintySpec = {
    file: 'uncertainty.bin',
    components: 2,
    difficulty: { outcomes: 100, penalty: 50, variance: 0.04 },
    advantage: { outcomes: options.outcomes ?? [100, 100], penalty: 20 },
  };
  const covariance = options.covariance ?? [0.09, 0.03, 0.03, 0.16];
  const numbers = [0.1, 2, 1, 1 / 127, 1 / 127, ...covariance];
  const bytes = new Uint8Array(4 * numbers.length + 2 * LENGTH);
  const view = new DataView(bytes.buffer);
  numbers.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  view.setInt8(4 * numbers.length, 127);
  view.setInt8(4 * numbers.length + LENGTH + 1, -127);
  return { spec, bytes };
}

const features = Float32Array.of(1, 2, 0.5, -1);

/** Probabilities that are so many times the expected quality, which is a half. */
const times = (factor: number) => ({
  scores: [0, 0],
  calibrators: [0, 1].map(() => ({ probability: (logit: number) => factor * sigmoid(logit) })),
});

/** x' (n S + λ)⁻¹ x + 1 / n, by the moments 2 and 1 along the two axes and 0.1 elsewhere. */
const leverage = (n: number, penalty: number) =>
  1 / n + 1 / (n * 2 + penalty) + 4 / (n * 1 + penalty) + (0.5 ** 2 + 1) / (n * Math.fround(0.1) + penalty);

describe('how unsure predictions are', () => {
  test('is what Bayesian linear regression says, of each and of the difference', () => {
    const { spec, bytes } = made();
    const uncertainty = readUncertainty(spec, LENGTH, CANDIDATES, bytes).read(features, times(1));
    const shared = 0.04 * leverage(100, 50);
    const own = leverage(100, 20);
    expect(uncertainty.standardError(0)).toBeCloseTo(Math.sqrt(shared + 0.09 * own), 6);
    expect(uncertainty.standardError(1)).toBeCloseTo(Math.sqrt(shared + 0.16 * own), 6);
    expect(uncertainty.differenceError(0, 1)).toBeCloseTo(Math.sqrt((0.09 + 0.16 - 2 * 0.03) * own), 6);
    expect(uncertainty.differenceError(1, 0)).toBeCloseTo(uncertainty.differenceError(0, 1), 12);
    expect(uncertainty.differenceError(1, 1)).toBe(0);
  });

  test('goes by the outcomes of each candidate, and by how steep its calibrator is', () => {
    const { spec, bytes } = made({ outcomes: [100, 25] });
    const reader = readUncertainty(spec, LENGTH, CANDIDATES, bytes);
    const shared = 0.04 * leverage(100, 50);
    const second = shared + 0.16 * leverage(25, 20);
    expect(reader.read(features, times(1)).standardError(1)).toBeCloseTo(Math.sqrt(second), 6);
    expect(reader.read(features, times(0.5)).standardError(1)).toBeCloseTo(0.5 * Math.sqrt(second), 6);
    expect(reader.read(features, times(0)).differenceError(0, 1)).toBe(0);
  });

  test('gives each candidate the share of the draws in which it is first', () => {
    const { spec, bytes } = made();
    const uncertainty = readUncertainty(spec, LENGTH, CANDIDATES, bytes).read(features, times(1));
    const error = uncertainty.differenceError(0, 1);
    // P(Z < z) of the lead in standard errors.
    for (const [z, below] of [
      [0, 0.5],
      [0.5, 0.6915],
      [1, 0.8413],
      [-2, 0.0228],
    ]) {
      const shares = uncertainty.shares([0, 1], Float64Array.of(0.5 + z * error, 0.5), 1);
      expect(Math.abs(shares[0] - below)).toBeLessThan(0.03);
      expect(shares[0] + shares[1]).toBeCloseTo(1, 12);
    }
    expect(uncertainty.shares([1], Float64Array.of(9, 0), 1)).toEqual(Float64Array.of(1));
    expect(uncertainty.shares([0, 1], Float64Array.of(0.5, 0.49), 0)).toEqual(Float64Array.of(1, 0));
  });

  test('candidates that err alike are told apart surely', () => {
    const { spec, bytes } = made({ covariance: [0.09, 0.09, 0.09, 0.09] });
    const uncertainty = readUncertainty(spec, LENGTH, CANDIDATES, bytes).read(features, times(1));
    expect(uncertainty.differenceError(0, 1)).toBeCloseTo(0, 6);
    expect(uncertainty.shares([0, 1], Float64Array.of(0.5, 0.499), 1)[0]).toBe(1);
  });
});

test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
  ['cut', (bytes) => bytes.slice(0, -1)],
  ['longer', (bytes) => Uint8Array.of(...bytes, 0)],
  ['of a variance below 0', () => made({ covariance: [-0.09, 0, 0, 0.1] }).bytes],
  [
    'of candidates that have more in common than they have',
    () => made({ covariance: [0.1, 0.2, 0.2, 0.1] }).bytes,
  ],
  ['not symmetric', () => made({ covariance: [0.1, 0.02, 0.01, 0.1] }).bytes],
  ['not finite', () => made({ covariance: [Number.NaN, 0, 0, 0.1] }).bytes],
])('a file that is %s is refused', (_, changed) => {
  const { spec, bytes } = made();
  expect(() => readUncertainty(spec, LENGTH, CANDIDATES, changed(bytes))).toThrow(ArtifactError);
});
