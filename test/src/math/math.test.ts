import fc from 'fast-check';
import {
  argMax,
  argMin,
  binaryCrossEntropy,
  createRandom,
  dot,
  largest,
  logit,
  logSigmoid,
  mean,
  moments,
  quantile,
  sigmoid,
  smallest,
  softmaxInto,
} from 'pointsman/internal';
import { describe, expect, test } from 'vitest';

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });

describe('random', () => {
  test('the same seed gives the same stream, and the first numbers are those of mulberry32', () => {
    const random = createRandom(1);
    const first = [random.next(), random.next(), random.next()];
    expect(first).toEqual([0.6270739405881613, 0.002735721180215478, 0.5274470399599522]);
  });

  test('normal has mean 0 and variance 1', () => {
    const random = createRandom(7);
    const values = Float64Array.from({ length: 20_000 }, () => random.normal());
    expect(moments(values).mean).toBeCloseTo(0, 1);
    expect(moments(values).variance).toBeCloseTo(1, 1);
  });

  test('shuffle keeps the members, integer stays below n, and integer(0) is 0', () => {
    const random = createRandom(3);
    const order = random.shuffle(Int32Array.from({ length: 50 }, (_, i) => i));
    expect([...order]).not.toEqual([...order].sort((a, b) => a - b));
    expect([...order].sort((a, b) => a - b)).toEqual([...Array(50).keys()]);
    expect(Math.max(...Array.from({ length: 1000 }, () => random.integer(4)))).toBe(3);
    expect(random.integer(0)).toBe(0);
  });
});

describe('softmax', () => {
  test('sums to 1 for any finite logits', () => {
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 20 }), (logits) => {
        const out = new Float64Array(logits.length);
        softmaxInto(logits, out);
        expect(out.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      }),
    );
  });

  test('a masked logit gets 0, all masked gives 0, NaN spreads, temperature flattens', () => {
    const out = new Float64Array(2);
    softmaxInto([Number.NEGATIVE_INFINITY, 3], out);
    expect([...out]).toEqual([0, 1]);
    softmaxInto([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY], out);
    expect([...out]).toEqual([0, 0]);
    softmaxInto([Number.NaN, 1], out);
    expect([...out]).toEqual([Number.NaN, Number.NaN]);
    softmaxInto([0, Math.log(9)], out, 2);
    expect(out[1]).toBeCloseTo(0.75, 12);
  });
});

describe('logarithms and sigmoids', () => {
  test('sigmoid and logit are inverse; the tails stay finite', () => {
    fc.assert(
      fc.property(fc.double({ min: -15, max: 15, noNaN: true }), (x) => {
        expect(logit(sigmoid(x))).toBeCloseTo(x, 6);
        expect(Math.exp(logSigmoid(x))).toBeCloseTo(sigmoid(x), 12);
      }),
    );
    expect(sigmoid(-1000)).toBe(0);
    expect(sigmoid(Number.POSITIVE_INFINITY)).toBe(1);
    expect(logSigmoid(-1000)).toBe(-1000);
    expect(logit(0)).toBe(Number.NEGATIVE_INFINITY);
    expect(logit(2)).toBeNaN();
  });

  test('log-loss is ln 2 at logit 0, 0 when certain and right, Infinity when certain and wrong', () => {
    expect(binaryCrossEntropy(0, 0.3)).toBeCloseTo(Math.LN2, 12);
    expect(binaryCrossEntropy(Number.POSITIVE_INFINITY, 1)).toBeCloseTo(0, 12);
    expect(binaryCrossEntropy(Number.NEGATIVE_INFINITY, 1)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('sums and orders', () => {
  test('the extremes of a list are those of Math, for any number of values', () => {
    for (const values of [[], [2, -1, 2], [1, Number.NaN, 3]]) {
      expect(largest(values)).toBe(Math.max(...values));
      expect(smallest(values)).toBe(Math.min(...values));
    }
    const many = Float64Array.from({ length: 1_000_000 }, (_, i) => i % 999_983);
    expect([largest(many), smallest(many)]).toEqual([999_982, 0]);
  });

  test('dot, argMax, argMin and mean say what empty and NaN give', () => {
    expect(dot([1, 2, 3], [4, 5, 6])).toBe(32);
    expect(dot([], [])).toBe(0);
    expect(argMax([1, 3, 3])).toBe(1);
    expect(argMax([Number.NaN, Number.NEGATIVE_INFINITY])).toBe(1);
    expect(argMax([])).toBe(-1);
    expect(argMin([3, 1, 1])).toBe(1);
    expect(argMin([Number.NaN, Number.POSITIVE_INFINITY])).toBe(1);
    expect(argMin([])).toBe(-1);
    expect(mean([1, Number.NaN, 3])).toBe(2);
    expect(mean([])).toBeNaN();
  });

  test('moments are stable far from 0', () => {
    const { mean: centre, variance, count } = moments([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16, Number.NaN]);
    expect([centre, variance, count]).toEqual([1e9 + 10, 30, 4]);
    expect(moments([1]).variance).toBeNaN();
  });

  test('quantiles agree with numpy', () => {
    expect(quantile([4, 1, 3, 2], 0.4)).toBeCloseTo(2.2, 12);
    expect(quantile([4, 1, Number.NaN], 1)).toBe(4);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
