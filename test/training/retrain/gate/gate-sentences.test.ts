import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { runGate, testCalibration } from '../../../../training/retrain/gate/gate.ts';
import {
  GATE_DEFAULTS,
  sayNotWorse,
  testNotWorse,
  testRows,
  testSeen,
  testSlices,
} from '../../../../training/retrain/gate/tests.ts';
import { gateInput, gateWorld } from './gate-world.ts';

const about = { name: 'the champion', unit: 'points', confidence: 0.9, tolerance: 0.02 };
const found = (estimate: number, low: number | null) => ({
  estimate,
  low,
  high: estimate,
  rows: 500,
  groups: 500,
});

describe('what the gate says of a comparison', () => {
  it.each([
    [
      found(0.012, -0.004),
      '+1.2 points against the champion, and with 90 % confidence at least −0.4; −2.0 is allowed.',
    ],
    [
      found(-0.03, -0.052),
      '−3.0 points against the champion, and with 90 % confidence at least −5.2; −2.0 is allowed. That is 3.2 points too low.',
    ],
    // What is too low by a hair is printed so that it is.
    [
      found(-0.01, -0.02001),
      '−1.0 points against the champion, and with 90 % confidence at least −2.001; −2.000 is allowed. That is 0.001 points too low.',
    ],
    [
      found(-0.01, -0.02),
      '−1.0 points against the champion, and with 90 % confidence at least −2.0; −2.0 is allowed.',
    ],
    [found(0.5, null), 'It could not be compared with the champion.'],
  ])('%o', (interval, sentence) => {
    expect(sayNotWorse(interval, about)).toBe(sentence);
  });

  it('agrees with its own printed figures, whatever they are', () => {
    const quality = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(quality, quality, fc.double({ min: 0, max: 0.2, noNaN: true }), (a, b, tolerance) => {
        const [low, estimate] = [Math.min(a, b), Math.max(a, b)];
        const sentence = sayNotWorse(found(estimate, low), { ...about, tolerance }).replaceAll('−', '-');
        const [, sure, allowed] = sentence.match(/at least ([+-]?[\d.]+); ([+-]?[\d.]+) is allowed/)!;
        const short = /That is ([\d.]+) points too low/.exec(sentence)?.[1];
        expect(short !== undefined).toBe(low < -tolerance);
        if (short === undefined) expect(Number(sure)).toBeGreaterThanOrEqual(Number(allowed));
        else expect(Number(sure)).toBeLessThanOrEqual(Number(allowed));
      }),
    );
  });

  it('fails where there is nothing to be sure of', () => {
    const { table } = gateWorld({ rows: 3, seed: 1 });
    const difference = new Float64Array(3).fill(Number.NaN);
    const opponent = {
      kind: 'champion' as const,
      ...about,
      difference,
      doubt: { leverage: new Float64Array(3) },
    };
    expect(testNotWorse(opponent, table, GATE_DEFAULTS)).toMatchObject({ passed: false });
  });
});

test('points from which cost was taken are not called points of quality alone', () => {
  const { kinds, table } = gateWorld({ rows: 300, seed: 5 });
  const able = [...kinds];
  expect(runGate(gateInput(table, able, able)).sentence).toMatch(/^Passed: 0\.00 points against/);
  expect(runGate(gateInput(table, able, able, { qualityPerUsd: 20 })).sentence).toMatch(
    /^Passed: 0\.00 points of quality minus cost against/,
  );
});

test('one prompt is one prompt, and none are not counted out', () => {
  expect(testRows(gateWorld({ rows: 1, seed: 2 }).table, GATE_DEFAULTS).sentence).toBe(
    '1 prompt with a quality score to judge by; 100 are needed.',
  );
  const { kinds, table } = gateWorld({ rows: 50, seed: 2 });
  const able = Int32Array.from(kinds);
  expect(testSeen(table, able, able, GATE_DEFAULTS)).toMatchObject({
    passed: true,
    sentence: 'It chooses as the champion does on every prompt.',
  });
});

test('where the log lacks outcomes of other choices, it is said what brings them, by what the version in use does', () => {
  const { kinds, table } = gateWorld({ rows: 100, seed: 2, logging: [0, 0, 1] });
  const [champion, challenger] = [Int32Array.from(kinds, () => 2), Int32Array.from(kinds)];
  const said = (explores: boolean | null) =>
    testSeen(table, champion, challenger, GATE_DEFAULTS, explores).sentence;
  for (const explores of [true, false, null])
    expect(said(explores)).toMatch(
      /^On 100 prompts it chooses otherwise than the champion, and the log has the outcome of 0 of those choices; 1 is needed\. /,
    );
  expect(said(false)).toMatch(/The version in use does not explore.*Train it again with an `explore` policy/);
  expect(said(true)).toMatch(/The version in use explores: with more prompts/);
  expect(said(null)).not.toMatch(/does not explore|explores:/);
  expect(runGate(gateInput(table, champion, challenger, { explores: false })).tests).toContainEqual(
    expect.objectContaining({ kind: 'seen', sentence: said(false) }),
  );
});

test('a tolerance is a positive number of points, and one slice is one', () => {
  const { table } = gateWorld({ rows: 200, seed: 3 });
  const opponent = {
    kind: 'champion' as const,
    ...about,
    difference: new Float64Array(200),
    doubt: { leverage: new Float64Array(200) },
  };
  const half = {
    ...table,
    slices: [{ by: 'task' as const, of: table.batches.map((_, i) => (i % 2 ? 'a' : null)) }],
  };
  const [one] = testSlices(opponent, half, GATE_DEFAULTS);
  expect(one.sentence).toBe(
    'It is not surely worse than the champion by more than 3.0 points in the one slice that is large enough.',
  );
  const [two] = testSlices(opponent, table, GATE_DEFAULTS);
  expect(two.sentence).toMatch(/by more than 3\.0 points in any of 2 slices/);
});

test('a calibration error that is over its limit is printed over it', () => {
  const judged = (challenger: number | null) =>
    testCalibration({ challenger, champion: null }, GATE_DEFAULTS);
  expect(judged(0.10004)).toMatchObject({
    passed: false,
    sentence: 'The calibration error of its probabilities is 0.10004; 0.10000 is allowed.',
  });
  expect(judged(0.05).sentence).toBe(
    'The calibration error of its probabilities is 0.050; 0.100 is allowed.',
  );
  expect(judged(null).sentence).toContain('is not known; 0.100 is allowed');
});
