import { describe, expect, it } from 'vitest';
import { countAlarms, driftTraffic } from '../../../../bench/simulations/drift.ts';
import { countUnstable } from '../../../../bench/simulations/stability.ts';
import { rescaleChanged } from '../../../../training/retrain/run.ts';
import {
  type CandidateShift,
  findShifts,
  type ScoredTraffic,
} from '../../../../training/retrain/watch/candidate-shifts.ts';

describe('prompts that repeat, where nothing has changed,', () => {
  it.each([
    ['each ten times on its day', 10],
    ['some again and again, on any day', 'again'],
  ] as const)('%s, raise no alarm and rewrite nothing', (_, repeats) => {
    expect(countAlarms({ repeats }, 10)).toEqual({ embeddings: 0, population: 0, candidate: 0, restated: 0 });
  });

  it('do not hide what has: other topics, and a candidate that got worse', () => {
    expect(countAlarms({ repeats: 10, moved: 'topics' }, 5).embeddings).toBe(5);
    const { candidate, restated } = countAlarms({ repeats: 10, moved: 'quality' }, 5);
    expect(candidate).toBeGreaterThanOrEqual(4);
    expect(restated).toBe(candidate);
  });
});

it('copies move no shift of a candidate and none of its standard errors', () => {
  const of = (repeats: number) => {
    const { groups, traffic } = driftTraffic({ repeats, moved: 'quality' }, 1);
    return findShifts(traffic, groups).filter(({ measure }) => measure === 'quality');
  };
  const [once, often] = [of(1), of(10)];
  once.forEach(({ changedOn, days, shift, z }, i) => {
    expect(often[i].changedOn).toBe(changedOn);
    expect(often[i].shift).toBeCloseTo(shift!, 9);
    expect(often[i].z).toBeCloseTo(z!, 6);
    days.forEach((day, d) => {
      expect(often[i].days[d].rows).toBe(10 * day.rows);
      expect(often[i].days[d].residual).toBeCloseTo(day.residual, 9);
      if (day.standardError !== null)
        expect(often[i].days[d].standardError).toBeCloseTo(day.standardError, 9);
    });
  });
});

describe('outcomes of the past', () => {
  /** An alarm, whether or not there is a reason for it. */
  const alarmed = (traffic: ScoredTraffic, candidate: string, day: number): CandidateShift => ({
    candidate: traffic.matrix.candidates.find((name) => name === candidate)!,
    measure: 'quality',
    days: [],
    changedOn: null,
    changedAtMs: day * 86_400_000,
    shift: -0.4,
    z: -6,
    alarm: true,
  });

  it('are not rewritten by an alarm that the rows which are learned from do not bear out', () => {
    let rewritten = 0;
    for (let seed = 0; seed < 40; seed++) {
      const { groups, traffic } = driftTraffic({ repeats: 5 }, seed);
      const learn = Int32Array.from(groups.keys());
      const { matrix, restated } = rescaleChanged(traffic.matrix, groups, learn, traffic, [
        alarmed(traffic, 'b', 10),
      ]);
      rewritten += restated.length;
      if (restated.length === 0) expect(matrix.quality).toEqual(traffic.matrix.quality);
    }
    // Two standard errors, on one side.
    expect(rewritten).toBeLessThanOrEqual(4);
  });

  it('are where they do, and not by copies of a few prompts', () => {
    const { groups, traffic } = driftTraffic({ repeats: 1, moved: 'quality' }, 1);
    const learn = Int32Array.from(groups.keys());
    const shifts = [alarmed(traffic, 'b', 10)];
    const [restated] = rescaleChanged(traffic.matrix, groups, learn, traffic, shifts).restated;
    // 0.4 of a mean of 0.55.
    expect(restated.factor).toBeGreaterThan(0.1);
    expect(restated.factor).toBeLessThan(0.5);
    const few = learn.map((row) => row % 14);
    expect(rescaleChanged(traffic.matrix, few, learn, traffic, shifts).restated).toEqual([]);
  });
});

it('of 57 subjects or 100 tasks, rare ones that are missing on a night are no drift, and a shift is', () => {
  const [subjects, tasks] = [
    { categories: 57, reference: 1000, current: 100 },
    { categories: 100, reference: 3000, current: 300 },
  ];
  for (const traffic of [subjects, tasks]) {
    expect(countUnstable({ ...traffic, moved: 0 }, 60)).toBeLessThanOrEqual(3);
    expect(countUnstable({ ...traffic, moved: 0.25 }, 10)).toBeGreaterThanOrEqual(9);
  }
});
