import { createPolicy } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import {
  acceptScores,
  acceptTest,
  cascadeFamily,
  cascadePaths,
  measureSetting,
  type TuningRows,
} from '../../../training/tune/settings.ts';
import { tunePolicy } from '../../../training/tune/tune-policy.ts';
import { judgedAnswers } from './judged-answers.ts';

function inputOf(rows: TuningRows) {
  const count = rows.quality.length / 3;
  const unknown = new Float32Array(3 * count).fill(Number.NaN);
  const matrix: OutcomeMatrix = {
    candidates: ['small', 'medium', 'large'],
    prompts: Array.from({ length: count }, (_, i) => ({
      requestId: String(i),
      timestampMs: null,
      request: { text: '' },
      task: null,
      tier: null,
      source: '',
    })),
    quality: rows.quality,
    costUsd: rows.costUsd,
    latencyMs: unknown,
    propensity: unknown,
  };
  const half = count >> 1;
  const part = (from: number, to: number) => ({
    rows: Int32Array.from({ length: to - from }, (_, i) => from + i),
    success: rows.success.subarray(3 * from, 3 * to),
  });
  return { matrix, groups: rows.groups, tune: part(0, half), test: part(half, count) };
}

describe('a cascade that judges answers', () => {
  const goal = { kind: 'max-quality-loss', loss: 0.03 } as const;

  test('keeps to the loss, saves, and runs as it is', () => {
    const candidates = ['small', 'large'];
    const { policy, test: other } = tunePolicy({
      ...inputOf(judgedAnswers(8_000, 1)),
      candidates,
      accept: { kind: 'agreement', samples: 2 },
      goal,
    });
    expect(policy).toMatchObject({
      kind: 'cascade',
      steps: [{ use: 'small', accept: { kind: 'agreement', samples: 2 } }, { use: 'large' }],
    });
    expect(other?.loss).toBeLessThanOrEqual(0.03);
    expect(other?.costSaved).toBeGreaterThan(0.1);
    const known = candidates.map((name) => ({ name, meanCostUsd: 1, meanLatencyMs: 1 }));
    expect(createPolicy(policy, known).spec).toEqual(policy);
  });

  test('pays whoever is asked in vain, as often as it is asked', () => {
    const rows = judgedAnswers(4_000, 2);
    const count = (least: number) => {
      let passed = 0;
      for (let at = 0; at < rows.success.length; at += 3) if (rows.success[at] >= least) passed++;
      return passed / 4_000;
    };
    const share = count(0.9);
    const { costSaved, strongShare } = measureSetting(cascadeFamily([0, 2], { asked: 3 }), 0.9, rows);
    expect(strongShare).toBeCloseTo(1 - share, 10);
    expect(costSaved).toBeCloseTo(1 - (3 * 1 + (1 - share) * 10) / 10, 5);
    const before = measureSetting(cascadeFamily([0, 2]), 0.9, rows);
    expect(before.costSaved).toBeCloseTo(1 - (share * 1 + (1 - share) * 10) / 10, 5);
  });

  test('passes over answers without a score, as the executor does', () => {
    const rows = judgedAnswers(1_000, 3);
    rows.success.fill(Number.NaN);
    expect(measureSetting(cascadeFamily([0, 1, 2], { asked: 1 }), 0, rows).strongShare).toBe(1);
  });

  test('says so when even the strictest threshold lets through too much', () => {
    const rows = judgedAnswers(2_000, 4);
    rows.success.fill(1);
    const input = { ...inputOf(rows), candidates: ['small', 'large'], goal };
    expect(() => tunePolicy({ ...input, accept: { kind: 'verifier', verifier: 'grade' } })).toThrow(
      /Even at the strictest threshold \d+\.\d points are lost, and 3\.0 are allowed/,
    );
  });
});

describe('a threshold for each step', () => {
  test('paths begin at the safest setting and every one is a cascade to the last candidate', () => {
    const rows = judgedAnswers(200, 5);
    const paths = cascadePaths([0, 1, 2]);
    expect(paths).toHaveLength(5);
    for (const family of paths) {
      expect(family.dials[0]).toBe(1);
      expect(family.candidates.at(-1)).toBe(2);
      const shares = Array.from(family.dials, (dial) => measureSetting(family, dial, rows).strongShare);
      expect(shares).toEqual([...shares].sort((a, b) => b - a));
    }
    expect(cascadePaths([0, 2])).toHaveLength(1);
  });

  test('is written into the policy, step by step', () => {
    const { policy } = tunePolicy({
      ...inputOf(judgedAnswers(8_000, 6)),
      candidates: ['small', 'medium', 'large'],
      perStep: true,
      goal: { kind: 'max-quality-loss', loss: 0.05 },
    });
    if (policy.kind !== 'cascade') throw new TypeError('It must be a cascade.');
    expect(policy.steps.at(-1)).toEqual({ use: 'large' });
    expect(policy.steps.slice(0, -1).every(({ minSuccess }) => minSuccess !== undefined)).toBe(true);
  });
});

describe('scores of answers', () => {
  test('a threshold on the dial is the same in the unit of the test', () => {
    const [score] = acceptScores({ kind: 'logprob' }, Float32Array.of(-0.25));
    const accept = acceptTest({ kind: 'logprob' }, score);
    expect(accept).toMatchObject({ kind: 'logprob' });
    if (accept.kind === 'logprob') expect(accept.min).toBeCloseTo(-0.25, 6);
    expect(acceptTest({ kind: 'logprob' }, 0)).toEqual({ kind: 'logprob', min: -20 });
    const agreement = { kind: 'agreement', samples: 5 } as const;
    expect(acceptScores(agreement, Float32Array.of(0.6, Number.NaN))).toEqual(
      Float32Array.of(0.6, Number.NaN),
    );
    expect(acceptTest(agreement, 0.6)).toEqual({ ...agreement, min: 0.6 });
  });

  test('out of range they are an error that says the unit', () => {
    expect(() => acceptScores({ kind: 'logprob' }, Float32Array.of(0.5))).toThrow(
      /must be mean log-probabilities a token, at most 0. Got 0.5/,
    );
    const grade = { kind: 'verifier', verifier: 'grade' } as const;
    expect(() => acceptScores(grade, Float32Array.of(7))).toThrow(/must be from 0 to 1. Got 7/);
  });
});
