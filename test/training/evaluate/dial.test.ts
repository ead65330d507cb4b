import { createRouter, memoryFiles, readArtifact } from 'pointsman';
import { createRandom } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { toBanditLog } from '../../../bench/bandit-log.ts';
import { describeDial } from '../../../training/cli/terminal/describe-dial.ts';
import {
  dialNotes,
  foundWeights,
  readDial,
  sayWorth,
  settingToTry,
} from '../../../training/evaluate/dial.ts';
import {
  DIAL_LOSSES,
  DIAL_SETTINGS,
  type Dial,
  type DialSettingId,
  settingLabel,
} from '../../../training/evaluate/evaluation.ts';
import { type EvaluationInput, trainMeans } from '../../../training/evaluate/evaluation-input.ts';
import {
  keepToCost,
  type ValuedRows,
  valueRows,
  weighRows,
} from '../../../training/evaluate/setting-worth.ts';
import { loggingPropensities } from '../../../training/off-policy/propensities.ts';
import { dialSection } from '../../../training/report/sections.ts';
import { riskiestSetting } from '../../../training/tune/guarantee.ts';
import { chooseByWeights, WEIGHT_SETTINGS } from '../../../training/tune/settings.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';
import { dialOf, setting, TRUTH } from './dial-world.ts';
import { syntheticWorld } from './synthetic-world.ts';

/** Of a world with enough prompts to show each of its losses; what several tests look at. */
const standard = dialOf(syntheticWorld({ rows: 12_000, truth: TRUTH }));

describe('the dial of a router', () => {
  const dial = standard;

  it('runs from the highest quality to the lowest cost, beside the best single candidate', () => {
    expect(dial.settings.map(({ id }) => id)).toEqual(DIAL_SETTINGS);
    expect(dial.against!.candidate).toBe('great');
    expect(dial.against!.quality.estimate).toBeCloseTo((0.91 + 0.9 + 0.9) / 3, 1);
    expect(dial.missing).toBeNull();
    expect(dial.inUse).toBe('best');
    const costs = ['best', 'lose-1', 'lose-5', 'cheapest'].map(
      (id) => setting(dial, id as DialSettingId).worth!.costUsd.estimate!,
    );
    expect(costs).toEqual([...costs].sort((a, b) => b - a));
    expect(setting(dial, 'cheapest').worth!.shares[0]).toBeCloseTo(1, 9);
    expect(setting(dial, 'cheapest').worth!.quality.estimate).toBeCloseTo((0.9 + 0.8 + 0.2) / 3, 1);
  });

  it('gives the saving in dollars and as a share, both with intervals, as the costs of both say', () => {
    const { costUsd } = dial.against!;
    for (const { worth } of dial.settings) {
      const { saving, savedShare, costUsd: own, difference, quality } = worth!;
      expect(saving.estimate).toBeCloseTo(costUsd.estimate! - own.estimate!, 12);
      expect(savedShare!.estimate).toBeCloseTo(saving.estimate! / costUsd.estimate!, 9);
      for (const { low, estimate, high } of [saving, savedShare!, difference, quality]) {
        expect(low).toBeLessThanOrEqual(estimate!);
        expect(high).toBeGreaterThanOrEqual(estimate!);
      }
    }
    expect(setting(dial, 'best').worth!.savedShare!.low!).toBeGreaterThanOrEqual(0);
  });

  it('finds the cheapest weights of which the calibrate split shows that they keep to a loss', () => {
    for (const [id, loss] of Object.entries(DIAL_LOSSES)) {
      const { guarantee, weights, worth, reason } = setting(dial, id as DialSettingId);
      expect(reason).toBeNull();
      expect(guarantee).toEqual({ maxLoss: loss, confidence: 0.9, rows: 3000, by: 'learn-then-test' });
      expect(WEIGHT_SETTINGS).toContainEqual(weights);
      // Half an interval beside: the test split is another draw.
      expect(-worth!.difference.estimate!).toBeLessThan(loss + 0.015);
    }
    expect(setting(dial, 'lose-5').worth!.savedShare!.estimate).toBeGreaterThan(0.5);
  });

  it('chooses nothing on the test split', () => {
    const world = syntheticWorld({ rows: 4000, truth: TRUTH });
    const flipped = world.matrix.quality.slice();
    for (const row of world.splits.test.rows)
      for (let c = 0; c < 3; c++) flipped[3 * row + c] = 1 - flipped[3 * row + c];
    const other = dialOf({ ...world, matrix: { ...world.matrix, quality: flipped } });
    const own = dialOf(world);
    const weights = ({ settings }: Dial) => settings.map((one) => [one.weights, one.guarantee]);
    expect(weights(other)).toEqual(weights(own));
    expect(other.settings[0].worth).not.toEqual(own.settings[0].worth);
  });
  it('says what is missing where costs are not known', () => {
    expect(dialOf(syntheticWorld({ rows: 400, costs: null }))).toMatchObject({
      settings: [],
      missing: expect.stringMatching(
        /^No cost is known of basic, good, great, so nothing .* Give their prices/,
      ),
    });
  });

  it('says how many prompts it takes where they are too few', () => {
    const few = dialOf(syntheticWorld({ rows: 400, truth: TRUTH }));
    const { guarantee, reason, weights, worth } = setting(few, 'lose-1');
    expect([guarantee, weights, worth]).toEqual([null, null, null]);
    expect(reason).toMatch(/^100 prompts are too few to show a loss of at most 1\.0 points; \d{3} would do/);
  });

  it('says what the weights of the highest quality lose, where that is too much', () => {
    const world = syntheticWorld({ rows: 4000, truth: [[0.9, 0.2, 0.1]] });
    // A router that believes in the worst.
    const upside = (said: EvaluationInput['predictions']) => ({
      ...said,
      success: said.success.map((p) => 1 - p),
    });
    const { calibrate, ...rest } = world.dial!;
    const wrong = dialOf({
      ...world,
      predictions: upside(world.predictions),
      dial: { ...rest, calibrate: { ...calibrate!, predictions: upside(calibrate!.predictions) } },
    });
    expect(setting(wrong, 'lose-2').reason).toMatch(
      /^Even the weights of the highest quality lose 8\d\.\d points on the 1,000 prompts/,
    );
  });

  it('says so where a setting would choose candidates with too few outcomes', () => {
    const world = syntheticWorld({ rows: 2000, truth: TRUTH });
    const quality = world.matrix.quality.map((value, i) =>
      i % 3 === 0 && i % 30 !== 0 ? Number.NaN : value,
    );
    const some = dialOf({ ...world, matrix: { ...world.matrix, quality } });
    expect(setting(some, 'cheapest')).toMatchObject({
      worth: null,
      reason: 'It chooses basic, of which there are too few outcomes: let it answer more of the traffic.',
    });
    expect(setting(some, 'best').worth).not.toBeNull();
  });
});

describe('the dial of a log with one answer a prompt', () => {
  const full = syntheticWorld({ rows: 12_000, truth: TRUTH });
  it('is refused, with the reason, where the log left nothing to chance', async () => {
    const matrix = toBanditLog(full.matrix, { seed: 4, policy: () => [0, 0, 1] });
    const propensities = await loggingPropensities(matrix);
    const { missing, settings } = dialOf({ ...full, matrix, propensities });
    expect(settings.every(({ worth }) => worth === null)).toBe(true);
    expect(missing ?? settings[0].reason).toMatch(/certainty|No candidate|no candidate/);
  });
});

it('weights choose as the router that ships does, whatever they are', async () => {
  const artifact = await readArtifact(memoryFiles((await tinyArtifact({ candidates: 5 })).files));
  const retired = artifact.manifest.candidates.map((one, c) => (c === 2 ? { ...one, retired: true } : one));
  const router = createRouter(
    { ...artifact, manifest: { ...artifact.manifest, candidates: retired } },
    { embedder: fakeEmbedder, policy: { kind: 'utility' } },
  );
  const random = createRandom(3);
  for (let row = 0; row < 50; row++) {
    const embedding = Float32Array.from({ length: 8 }, () => random.normal());
    const { predictions } = router.routeEmbedding(embedding);
    const at = (name: string) => predictions.find(({ candidate }) => candidate === name)!;
    const column = (value: (one: ReturnType<typeof at>) => number) =>
      Float32Array.from(retired, ({ name }) => value(at(name)));
    const said = {
      success: column((one) => one.successProbability),
      expectedCostUsd: column((one) => one.expectedCostUsd!),
      expectedLatencyMs: column((one) => one.expectedLatencyMs!),
      removed: Uint8Array.from(retired, ({ name }) => Number(at(name).removedBy !== undefined)),
    };
    for (const weights of WEIGHT_SETTINGS) {
      const [chosen] = chooseByWeights(retired, said, weights);
      expect(retired[chosen].name).toBe(router.routeEmbedding(embedding, undefined, { weights }).candidate);
    }
  }
});

describe('losses of near-duplicates', () => {
  const passes = (groups: readonly number[]) =>
    riskiestSetting(1, () => new Float64Array(groups.length), groups, { maxQualityLoss: 0.02 }) === 0;
  const copied = (prompts: number, copies: number) =>
    Array.from({ length: prompts * copies }, (_, i) => Math.floor(i / copies));

  it('count as one draw: ten copies of 100 prompts show no more than 100 prompts', () => {
    expect(passes(copied(100, 1))).toBe(false);
    expect(passes(copied(1000, 1))).toBe(true);
    expect(passes(copied(100, 10))).toBe(false);
    expect(passes(copied(1000, 10))).toBe(true);
  });

  it('show as much, and no more, where every prompt has as many copies', () => {
    const random = createRandom(1);
    const losses = Float64Array.from({ length: 900 }, () =>
      random.next() < 0.03 ? 1 : random.next() < 0.02 ? -1 : 0,
    );
    const settings = (copies: number) =>
      riskiestSetting(
        20,
        (i) => Float64Array.from(copied(900, copies), (prompt) => (losses[prompt] * i) / 10),
        copied(900, copies),
        { maxQualityLoss: 0.04 },
      );
    expect(settings(1)).toBeGreaterThan(0);
    expect([settings(3), settings(10)]).toEqual([settings(1), settings(1)]);
  });

  it('do not hide what all others show behind one prompt of many copies', () => {
    const large = [...copied(1000, 1), ...new Array<number>(50).fill(1000)];
    expect(passes(large)).toBe(true);
    // But what is lost on all copies of it counts in full.
    const lost = Float64Array.from(large, (group) => Number(group === 1000));
    expect(riskiestSetting(1, () => lost, large, { maxQualityLoss: 0.02 })).toBe(-1);
  });
});

describe('weights that keep to a mean cost', () => {
  const world = syntheticWorld({ rows: 8000, truth: TRUTH });
  const { predictions, rows } = world.dial!.calibrate!;
  const splits = { ...world.splits, test: { role: 'test', rows } as const };
  const valued = valueRows({ ...world, splits, predictions }, trainMeans(world.matrix, rows), {
    seed: 1,
    resamples: 2,
  }) as ValuedRows;
  const weighed = weighRows(valued, predictions, world.dial!.candidates);

  it.each([0.002, 0.008, 0.1])('are of the highest quality that costs %f dollars or less', (maxCostUsd) => {
    const { guarantee, weights } = keepToCost(weighed, maxCostUsd);
    expect(guarantee).toEqual({ maxCostUsd, confidence: 0.9, rows: 2000 });
    const costOf = (i: number) =>
      weighed
        .choose(WEIGHT_SETTINGS[i])
        .reduce((sum, c, row) => sum + valued.comparison.costUsd![3 * row + c], 0) / 2000;
    const at = WEIGHT_SETTINGS.indexOf(weights!);
    expect(costOf(at)).toBeLessThan(maxCostUsd);
    // The next dearer one that chooses otherwise costs more, or cannot be shown not to.
    if (at > 0) expect(costOf(at - 1)).toBeGreaterThan(0.95 * maxCostUsd);
    else expect(maxCostUsd).toBe(0.1);
  });

  it('are refused under the cost of the cheapest', () => {
    expect(keepToCost(weighed, 0.0001).reason).toMatch(
      /^Even the cheapest weights cost \$0\.000993 a request, and \$0\.000100 a request is the most/,
    );
  });
});

it('says a setting as a user would', () => {
  const dial = standard;
  expect(settingLabel('lose-2')).toBe('lose at most 2 points');
  expect(dialNotes(dial)).toEqual([
    'At most 1, 2 and 5 points below always using great: each shown on 3,000 prompts of the calibrate split, with 90 % ' +
      'confidence (Learn-then-Test).',
  ]);
  expect(sayWorth(setting(dial, 'lose-5').worth!, 'great')).toMatch(
    /^it is .* always using great.*, at \d+ % of the cost, which saves \$\d\.\d\d per 1,000 requests$/,
  );
});

it('says that a policy explores beside the settings, and of no other', () => {
  const world = syntheticWorld({ rows: 3000, truth: TRUTH });
  const note = /^Settings are measured without exploring; the policy in use explores beside/;
  const best = { kind: 'utility', weights: 'best' };
  for (const [policy, explores] of [
    [{ kind: 'explore', strategy: { kind: 'epsilon', epsilon: 0.1 }, policy: best }, true],
    [best, false],
  ] as const) {
    const shown = dialOf({ ...world, dial: { ...world.dial!, policy } });
    expect(shown.inUse).toBe('best');
    expect(dialNotes(shown).some((one) => note.test(one))).toBe(explores);
    const read = readDial(new TextEncoder().encode(JSON.stringify({ dial: shown })))!;
    expect(dialNotes(read)).toEqual(dialNotes(shown));
  }
});

it('names a setting to try that there is, in the terminal and in the report', () => {
  const dial = standard;
  const without = (...ids: DialSettingId[]): Dial => ({
    ...dial,
    settings: dial.settings.map((one) =>
      ids.includes(one.id) ? { ...one, weights: null, worth: null, guarantee: null, reason: 'No.' } : one,
    ),
  });
  for (const [shown, id] of [
    [dial, 'lose-2'],
    [without('lose-2'), 'lose-5'],
    [without('lose-2', 'lose-5'), 'lose-1'],
    [without('lose-1', 'lose-2', 'lose-5'), 'balanced'],
  ] as const) {
    expect(settingToTry(shown)).toBe(id);
    expect(describeDial(shown, 'models/a', 100)).toContain(`tune models/a --setting ${id} --apply`);
    expect(dialSection({ dial: shown } as never)!.markup).toContain(`tune FOLDER --setting ${id} --apply`);
  }
});

it('on other traffic without what training found, no setting is said to be found', () => {
  const world = syntheticWorld({ rows: 3000, truth: TRUTH });
  const { reason, weights } = setting(
    dialOf({ ...world, dial: { ...world.dial!, calibrate: null } }),
    'lose-1',
  );
  expect([weights, reason]).toEqual([
    null,
    "Training looks for it, and what this router's training found is not known here.",
  ]);
});

it('on other traffic, settings have the weights that were found, or the reason why there are none', () => {
  const dial = standard;
  const [lost, ...others] = dial.settings.filter(({ id }) => id in DIAL_LOSSES);
  const first: Dial = {
    ...dial,
    settings: [
      { ...lost, weights: null, worth: null, guarantee: null, reason: '30 prompts are too few.' },
      ...others,
    ],
  };
  const found = foundWeights(first);
  expect(found).toEqual({
    'lose-1': 'The training found none: 30 prompts are too few.',
    'lose-2': setting(dial, 'lose-2').weights,
    'lose-5': setting(dial, 'lose-5').weights,
  });
  expect(foundWeights({ ...dial, settings: [], missing: 'Costs are missing.' })['lose-5']).toBe(
    'The training found none: Costs are missing.',
  );
  const world = syntheticWorld({ rows: 3000, truth: TRUTH });
  const later = dialOf({ ...world, dial: { ...world.dial!, calibrate: null, found } });
  expect(setting(later, 'lose-1')).toMatchObject({ weights: null, worth: null, reason: found['lose-1'] });
  expect(setting(later, 'lose-2')).toMatchObject({ weights: found['lose-2'], guarantee: null });
  expect(setting(later, 'lose-2').worth).not.toBeNull();
  expect(dialNotes(later)).toEqual([
    'The weights that keep to a loss are those that the training found; here they are measured, and nothing more is shown of them.',
    'lose at most 1 point: The training found none: 30 prompts are too few.',
  ]);
});
