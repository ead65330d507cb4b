import { expect, test } from 'vitest';
import { runGate } from '../../../../training/retrain/gate/gate.ts';
import { weightedCalibration } from '../../../../training/retrain/gate/values.ts';
import { gateInput, gateWorld } from './gate-world.ts';

const LOGGING = [0.2, 0.2, 0.6];
const strong = (kinds: readonly number[]) => kinds.map(() => 2);
/** Poet for verse, reckoner for sums: the best there is. */
const able = (kinds: readonly number[]) => [...kinds];
/** The other way about. */
const foolish = (kinds: readonly number[]) => kinds.map((kind) => 1 - kind);

for (const logging of [null, LOGGING]) {
  const log = logging === null ? 'with every candidate seen' : 'on a log of one candidate a prompt';

  test(`a better challenger passes every test, ${log}`, () => {
    const { kinds, table } = gateWorld({ rows: 600, seed: 1, logging });
    const verdict = runGate(gateInput(table, strong(kinds), able(kinds)));
    expect(verdict.tests.filter(({ passed }) => !passed)).toEqual([]);
    expect(verdict.sentence).toMatch(/^Passed: \+\d\d\.\d points against the champion/);
    expect(verdict.values).toBe(logging === null ? 'full' : 'doubly robust');
  });

  test(`a worse one is refused, and told against whom and by how much, ${log}`, () => {
    const { kinds, table } = gateWorld({ rows: 600, seed: 2, logging });
    const verdict = runGate(gateInput(table, able(kinds), foolish(kinds)));
    expect(verdict.passed).toBe(false);
    expect(verdict.sentence).toMatch(
      /^Refused: −\d\d\.\d points against the champion.*That is \d+\.\d points too low/,
    );
    const against = (kind: string) => verdict.tests.find((one) => one.kind === kind)?.passed;
    expect([against('champion'), against('best single'), against('best fixed mix')]).toEqual([
      false,
      false,
      false,
    ]);
  });
}

test('a challenger like the champion passes, on every log', () => {
  for (let seed = 0; seed < 20; seed++) {
    const { kinds, table } = gateWorld({ rows: 300, seed, logging: LOGGING });
    const verdict = runGate(gateInput(table, able(kinds), able(kinds)));
    expect(verdict.tests.find(({ kind }) => kind === 'champion')).toMatchObject({ passed: true });
    expect(verdict.agreement).toBe(1);
  }
});

test('of logs of one candidate a prompt, hardly one lets a challenger pass that loses 6 points', () => {
  let passed = 0;
  for (let seed = 0; seed < 100; seed++) {
    const { kinds, table } = gateWorld({ rows: 600, seed, logging: LOGGING });
    // Wrong on one prompt in thirteen: 0.8 lost on each.
    const worse = kinds.map((kind, row) => (row % 13 === 0 ? 1 - kind : kind));
    if (runGate(gateInput(table, able(kinds), worse)).passed) passed++;
  }
  expect(passed).toBeLessThanOrEqual(5);
});

test('without a champion, the best single candidate and the best fixed mix must be matched', () => {
  const { kinds, table } = gateWorld({ rows: 600, seed: 3 });
  expect(runGate(gateInput(table, null, able(kinds))).passed).toBe(true);
  const verdict = runGate(gateInput(table, null, foolish(kinds)));
  expect(verdict.sentence).toMatch(/^Refused: .* against strong, the best single candidate in training/);
  expect(verdict.tests.some(({ kind }) => kind === 'champion')).toBe(false);
  expect(verdict.agreement).toBeNull();
});

test('one that only a mix of candidates beats, for the same money, is refused too', () => {
  const { kinds, table } = gateWorld({ rows: 900, seed: 4 });
  // Cheap candidates, and on two prompts of five the wrong one: worth more than the dear candidate where money counts.
  const challenger = kinds.map((kind, row) => (row % 5 < 2 ? 1 - kind : row % 2));
  const verdict = runGate(gateInput(table, null, challenger, { qualityPerUsd: 60 }));
  expect(verdict.tests.find(({ kind }) => kind === 'best single')).toMatchObject({ passed: true });
  expect(verdict.sentence).toMatch(
    /^Refused: −1\d\.\d points of quality minus cost against the best fixed mix of candidates at equal cost/,
  );
});

test('where the policy pays for quality, a cheaper challenger of nearly the same quality passes', () => {
  const { kinds, table } = gateWorld({ rows: 900, seed: 5 });
  // Three points worse, and a fifth of the cost.
  const cheaper = kinds.map((kind, row) => (row % 5 === 0 ? kind : 2));
  const champion = kinds.map(() => 2);
  const dear = runGate(gateInput(table, cheaper, champion, { qualityPerUsd: 20 }));
  expect(dear.passed).toBe(false);
  expect(runGate(gateInput(table, champion, cheaper, { qualityPerUsd: 20 })).passed).toBe(true);
});

test('harm to one task is found though the whole gains, and the task is named', () => {
  const { kinds, table } = gateWorld({ rows: 900, seed: 6 });
  // Gains 0.8 on sums, loses 0.2 on verse.
  const champion = kinds.map(() => 0);
  const challenger = kinds.map((kind) => (kind === 0 ? 2 : 1));
  const verdict = runGate(gateInput(table, champion, challenger));
  expect(verdict.tests.find(({ kind }) => kind === 'champion')).toMatchObject({ passed: true });
  expect(verdict.sentence).toMatch(/^Refused: .* prompts of task "verse"/);
});

test('one batch whose scores are upside down does not carry the verdict', () => {
  const poisoned = gateWorld({
    rows: 900,
    seed: 7,
    distort: (quality, row) => (row % 3 === 0 ? 1 - quality : quality),
  });
  // Worse on the two honest days, better by the upside-down one.
  const challenger = poisoned.kinds.map((kind, row) => (row % 3 === 0 || row % 10 === 1 ? 1 - kind : kind));
  const verdict = runGate(gateInput(poisoned.table, able(poisoned.kinds), challenger), {
    fewestSeen: 0,
  });
  expect(verdict.tests.find(({ kind }) => kind === 'champion')).toMatchObject({ passed: true });
  expect(verdict.sentence).toMatch(/^Refused: Without the 300 prompts of day 0 .* one batch must not carry/);
});

test('a challenger whose probabilities do not hold is refused, unless the champion is no better', () => {
  const { kinds, table } = gateWorld({ rows: 300, seed: 8 });
  const judge = (champion: number, challenger: number) =>
    runGate(gateInput(table, able(kinds), able(kinds), { calibration: { champion, challenger } }));
  expect(judge(0.05, 0.2).sentence).toMatch(
    /^Refused: The calibration error .* is 0.200, the champion's 0.050/,
  );
  expect(judge(0.25, 0.2).passed).toBe(true);
});

test('too few rows, and choices that the log never saw, decide nothing', () => {
  const few = gateWorld({ rows: 60, seed: 9 });
  expect(runGate(gateInput(few.table, null, able(few.kinds))).sentence).toMatch(
    /^Refused: 60 prompts .* 100 are needed/,
  );
  const { kinds, table } = gateWorld({ rows: 600, seed: 10, logging: [0, 0, 1] });
  const blind = runGate(gateInput(table, strong(kinds), able(kinds)));
  expect(blind.sentence).toMatch(
    /^Refused: On 600 prompts .* outcome of 0 of those choices; 6 are needed.*explore/,
  );
});

test('the calibration error is that of the whole traffic, though the log saw some of it seldom', () => {
  // Half of the traffic is predicted right and logged always, half is off by 0.4 and logged one time in ten.
  const cells = Array.from({ length: 2200 }, (_, i) => i);
  const seldom = (i: number) => i >= 2000;
  const error = weightedCalibration(
    cells.map((i) => (seldom(i) ? 0.9 : 0.25)),
    cells.map((i) => Number(i % 4 === 0 || (seldom(i) && i % 4 === 1))),
    cells.map((i) => (seldom(i) ? 10 : 1)),
    cells,
  );
  expect(error).toBeGreaterThan(0.17);
  expect(error).toBeLessThan(0.21);
  expect(weightedCalibration([Number.NaN], [1], [1], [0])).toBeNull();
});
