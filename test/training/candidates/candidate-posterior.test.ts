import { createRandom } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { candidatePosterior } from '../../../training/candidates/probes.ts';

const MEANS = [0.3, 0.5, 0.6, 0.7];

/** Prompts of random difficulty; the new candidate is as good as its row of `truth` says. */
function draw(count: number, seed: number, truth: (expected: Float64Array) => number, shareOfPrompt = 0) {
  const random = createRandom(seed);
  const columns = MEANS.length;
  const expected = new Float64Array(count * columns);
  const others = new Float64Array(count * columns).fill(Number.NaN);
  const quality = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const difficulty = random.normal() * 0.1;
    const kind = random.normal() * 0.1;
    const row = Float64Array.from(MEANS, (mean, c) => mean - difficulty + (c % 2 === 0 ? kind : -kind));
    expected.set(row, i * columns);
    const luck = shareOfPrompt * random.normal();
    const answer = (chance: number) => (random.next() < chance + luck ? 1 : 0);
    if (shareOfPrompt > 0)
      row.forEach((chance, c) => {
        others[i * columns + c] = answer(chance);
      });
    quality[i] = answer(truth(row));
  }
  return { expected, others, quality, means: Float64Array.from(MEANS), family: null };
}

describe('what is believed of a new candidate', () => {
  test('its 95 % interval holds the truth in 90 of 100 draws or more, wherever among the others it is', () => {
    for (const share of [0, 0.3, 0.7, 1]) {
      let held = 0;
      for (let seed = 0; seed < 100; seed++) {
        const input = draw(50, seed, (row) => share * row[0] + (1 - share) * row[3]);
        const { mean, deviation } = candidatePosterior(input);
        const truth = share * MEANS[0] + (1 - share) * MEANS[3];
        if (Math.abs(mean - truth) <= 1.96 * deviation) held++;
      }
      expect(held).toBeGreaterThanOrEqual(90);
    }
  });

  test('it is the mean of its family where next to nothing is known, and moves with evidence', () => {
    const few = draw(1, 1, () => 0);
    const start = candidatePosterior({ ...few, family: [3] });
    expect(start.mean).toBeCloseTo(0.7, 0);
    const distance = (count: number) =>
      Math.abs(candidatePosterior({ ...draw(count, 3, (row) => row[0]), family: [3] }).mean - 0.3);
    expect(distance(20)).toBeGreaterThan(distance(200));
    expect(distance(2000)).toBeLessThan(0.05);
  });

  test('the weights sum to 1, and with evidence are largest for whom it is like', () => {
    const { weights } = candidatePosterior(draw(2000, 5, (row) => row[1]));
    expect(weights.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 10);
    expect(weights.indexOf(Math.max(...weights))).toBe(1);
  });

  test('answers of the others to the same prompts make it surer', () => {
    let narrower = 0;
    for (let seed = 0; seed < 20; seed++) {
      const input = draw(50, seed, (row) => row[2], 0.3);
      const alone = { ...input, others: input.others.map(() => Number.NaN) };
      if (candidatePosterior(input).deviation < candidatePosterior(alone).deviation) narrower++;
    }
    expect(narrower).toBeGreaterThanOrEqual(18);
  });

  test('more probes make it surer, a family too, in three of four draws', () => {
    let surer = 0;
    for (let seed = 0; seed < 40; seed++) {
      const of = (count: number) => draw(count, seed, (row) => row[2]);
      expect(candidatePosterior(of(200)).deviation).toBeLessThan(candidatePosterior(of(50)).deviation);
      const few = of(20);
      if (candidatePosterior({ ...few, family: [2] }).deviation < candidatePosterior(few).deviation) surer++;
    }
    expect(surer).toBeGreaterThanOrEqual(30);
  });
});
