import type { Manifest } from 'pointsman';
import { countRequestTokens, createHead, createRandom, readLayersModel } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { expectedAmounts } from '../../../src/router/predictor.ts';
import { parseTrainConfig, type TrainConfigInput } from '../../../training/config.ts';
import { exportLayersModel } from '../../../training/fit/tensorflow.ts';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { splitOutcomes } from '../../../training/split/split.ts';
import { fitAmounts } from '../../../training/train/amounts.ts';
import { startRun } from '../../../training/train/training-run.ts';
import {
  FRAME,
  RATIO,
  SUM_TOKENS,
  TIMES,
  TOKEN_PRICES,
  tokenTraffic,
  VERSE_TOKENS,
  without,
} from '../../fixtures/token-traffic.ts';

/** The mean of a log-normal length is so much above its median. */
const SKEW = Math.exp(0.5 ** 2 / 2);
const VERSE = Float32Array.of(1, 0);
const SUM = Float32Array.of(-1, 0);

type Configured = TrainConfigInput['candidates'];

/** On two features, the kind of a prompt and noise. */
async function amountsOfLog(matrix: OutcomeMatrix, candidates: Configured = {}) {
  const random = createRandom(11);
  const { splits, groups } = splitOutcomes(matrix, { seed: 0 });
  const values = Float32Array.from(
    matrix.prompts.flatMap(({ task }) => [task === 'verse' ? 1 : -1, random.normal()]),
  );
  const run = await startRun({
    config: parseTrainConfig({ seed: 0, folds: 3, candidates }),
    matrix,
    splits,
    groups: groups.groups,
    features: {
      matrix: { rows: matrix.prompts.length, columns: 2, values },
      variance: 2,
      embedding: { from: 0, to: 2 },
      blocks: [],
      standardisation: '',
      files: new Map(),
    },
    onStep: () => {},
  });
  return fitAmounts(run);
}

/** What the code that ships makes of the fitted amounts. */
async function fitted(matrix: OutcomeMatrix, configured: Configured = {}) {
  const amounts = await amountsOfLog(matrix, configured);
  const { modelJson, weights } = await exportLayersModel(amounts.chains);
  const layers = readLayersModel(JSON.parse(modelJson), weights);
  const means = (cells: Float32Array, c: number) => {
    const seen = cells.filter((value, i) => i % matrix.candidates.length === c && !Number.isNaN(value));
    return seen.length === 0 ? null : seen.reduce((sum, value) => sum + value, 0) / seen.length;
  };
  const candidates = matrix.candidates.map((name, c) => ({
    name,
    meanQuality: 0.5,
    meanCostUsd: means(matrix.costUsd, c),
    meanLatencyMs: means(matrix.latencyMs, c),
    ...configured[name],
    ...amounts.learned[c],
  }));
  const expected = expectedAmounts({ candidates, heads: amounts.heads } as unknown as Manifest, (_, spec) =>
    createHead(spec, { layers, file: () => new Uint8Array() }),
  );
  const expect = (kind: Float32Array, tokens: number) => {
    const out = {
      choice: new Float64Array(),
      success: new Float64Array(),
      costUsd: new Float64Array(candidates.length),
      latencyMs: new Float64Array(candidates.length),
      outputTokens: new Float64Array(candidates.length),
    };
    expected.writeInto(kind, { tokens }, out);
    return out;
  };
  return { ...amounts, expect };
}

const near = (share: number, value: number) => (got: number) => Math.abs(got / value - 1) < share;
const traffic = tokenTraffic({ prompts: 600, seed: 1, longest: 200 });
const { large, poet } = TOKEN_PRICES;

describe('from a log with tokens', () => {
  test('how each candidate counts its input is learned: the frame and the ratio', async () => {
    const { learned } = await fitted(traffic, TOKEN_PRICES);
    for (const { tokens } of learned) {
      expect(tokens?.inputRatio).toSatisfy(near(0.05, RATIO));
      expect(tokens?.inputFrame).toSatisfy(near(0.3, FRAME));
    }
  });

  test('expected lengths go by the prompt, and are right in the mean though lengths are skewed', async () => {
    const { expect: amountsOf } = await fitted(traffic, TOKEN_PRICES);
    for (let c = 0; c < 3; c++) {
      expect(amountsOf(SUM, 50).outputTokens[c]).toSatisfy(near(0.15, SUM_TOKENS * SKEW));
      expect(amountsOf(VERSE, 50).outputTokens[c]).toSatisfy(near(0.15, VERSE_TOKENS * SKEW));
    }
  });

  test.each<[string, OutcomeMatrix, Configured]>([
    ['at the prices of the config, without a bill', without(traffic, 'costUsd'), TOKEN_PRICES],
    [
      'at the prices of the config, whatever the bills',
      { ...traffic, costUsd: traffic.costUsd.map((cost) => 3 * cost) },
      TOKEN_PRICES,
    ],
    ['at the prices that bills agree on', traffic, {}],
  ])('a cost is tokens times prices, also of far longer prompts: %s', async (_, told, configured) => {
    const { expect: amountsOf, heads } = await fitted(told, configured);
    expect(heads.cost).toBeNull();
    for (const tokens of [50, 10_000, 200_000]) {
      const input = FRAME + RATIO * tokens;
      const cost = (input * 5 + VERSE_TOKENS * SKEW * 15) / 1e6;
      expect(amountsOf(VERSE, tokens).costUsd[0]).toSatisfy(near(0.15, cost));
    }
  });

  test('other prices give other costs, and nothing else changes', async () => {
    const told = without(traffic, 'costUsd');
    const [before, after] = [
      await fitted(told, TOKEN_PRICES),
      await fitted(told, {
        ...TOKEN_PRICES,
        large: { inputPricePerMillionTokens: 10, outputPricePerMillionTokens: 30 },
      }),
    ];
    const [a, b] = [before.expect(SUM, 100).costUsd, after.expect(SUM, 100).costUsd];
    expect(b[0] / a[0]).toBeCloseTo(2, 6);
    expect(b[1]).toBe(a[1]);
    expect(after.learned).toEqual(before.learned);
  });

  test('a latency is a time to the first token and one for each, where that says it', async () => {
    const { expect: amountsOf, learned } = await fitted(traffic, TOKEN_PRICES);
    for (const { latencyByTokens } of learned) {
      expect(latencyByTokens?.perOutputTokenMs).toSatisfy(near(0.15, TIMES.perOutputTokenMs));
    }
    const expected = TIMES.fixedMs + TIMES.perOutputTokenMs * VERSE_TOKENS * SKEW;
    expect(amountsOf(VERSE, 50).latencyMs[0]).toSatisfy(near(0.15, expected));
  });

  test('a latency that goes by the prompt and not by tokens is left to its head', async () => {
    const columns = traffic.candidates.length;
    const contrary = traffic.latencyMs.map((_, cell) =>
      traffic.prompts[Math.floor(cell / columns)].task === 'sum' ? 5_000 : 200,
    );
    const { expect: amountsOf, heads, learned } = await fitted({ ...traffic, latencyMs: contrary });
    expect(heads.latency).not.toBeNull();
    expect(learned.every(({ latencyByTokens }) => latencyByTokens === undefined)).toBe(true);
    expect(amountsOf(SUM, 50).latencyMs[0]).toSatisfy(near(0.2, 5_000));
  });

  test('one candidate a prompt will do', async () => {
    const columns = traffic.candidates.length;
    const seen = (cells: Float32Array) =>
      cells.map((value, cell) =>
        cell % columns === Math.floor(cell / columns) % columns ? value : Number.NaN,
      );
    const { expect: amountsOf } = await fitted(
      {
        ...traffic,
        inputTokens: seen(traffic.inputTokens!),
        outputTokens: seen(traffic.outputTokens!),
        costUsd: seen(traffic.costUsd),
        latencyMs: seen(traffic.latencyMs),
      },
      { large, poet },
    );
    const { costUsd } = amountsOf(VERSE, 10_000);
    const input = FRAME + RATIO * 10_000;
    expect(costUsd[0]).toSatisfy(near(0.25, (input * 5 + VERSE_TOKENS * SKEW * 15) / 1e6));
    expect(costUsd[2]).toSatisfy(near(0.25, (input * 0.2 + VERSE_TOKENS * SKEW * 0.8) / 1e6));
  });

  test('a candidate without tokens has what its bills say, beside others that have them', async () => {
    const columns = traffic.candidates.length;
    const notLarge = (cells: Float32Array) =>
      cells.map((value, cell) => (cell % columns === 0 ? Number.NaN : value));
    const { expect: amountsOf, learned } = await fitted({
      ...traffic,
      inputTokens: notLarge(traffic.inputTokens!),
      outputTokens: notLarge(traffic.outputTokens!),
    });
    expect(learned[0].tokens).toBeUndefined();
    expect(amountsOf(SUM, 50).costUsd[0]).toBeGreaterThan(0);
    expect(amountsOf(SUM, 50).outputTokens[0]).toBeNaN();
    expect(amountsOf(SUM, 50).outputTokens[1]).toSatisfy(near(0.15, SUM_TOKENS * SKEW));
  });
});

describe('from a log with bills alone', () => {
  const bills = without(traffic, 'tokens');

  test('what goes with the input is told from what stands beside it, and holds for longer prompts', async () => {
    const { expect: amountsOf, heads } = await fitted(bills);
    expect(heads.cost).toBeNull();
    const rate = heads.costBesideInput!.perInputToken[0];
    expect(rate).toSatisfy(near(0.35, (5 * RATIO) / 1e6));
    const cost = amountsOf(SUM, 100_000).costUsd[0];
    expect(cost).toSatisfy(near(0.35, (100_000 * 5 * RATIO) / 1e6));
  });

  test('where a bill has nothing to do with the length, nothing is made of it', async () => {
    const random = createRandom(5);
    const flat = { ...bills, costUsd: bills.costUsd.map(() => 0.002 * (0.5 + random.next())) };
    const { expect: amountsOf, heads } = await fitted(flat);
    expect(heads.costBesideInput).toBeUndefined();
    expect(amountsOf(SUM, 1_000_000).costUsd[0]).toSatisfy(near(0.2, 0.002));
  });

  test('a known price of the input holds, whatever the bills of short prompts say', async () => {
    const { expect: amountsOf } = await fitted(bills, { large: { inputPricePerMillionTokens: 5 } });
    expect(amountsOf(SUM, 100_000).costUsd[0]).toBeGreaterThanOrEqual((100_000 * 5) / 1e6);
    expect(amountsOf(SUM, 100_000).costUsd[0]).toBeLessThan((110_000 * 5) / 1e6);
  });

  test('prompts whose words are not kept are learned from, too', async () => {
    const hashed = {
      ...bills,
      prompts: bills.prompts.map((prompt, i) => ({
        ...prompt,
        request: {},
        promptHash: String(i).padStart(64, '0'),
      })),
    };
    const { expect: amountsOf, heads } = await fitted(hashed);
    expect(heads.costBesideInput).toBeUndefined();
    expect(amountsOf(VERSE, 50).costUsd[0]).toBeGreaterThan(0.003);
  });
});

describe('amounts of nothing, and below', () => {
  const columns = traffic.candidates.length;
  const isVerse = (cell: number) => traffic.prompts[Math.floor(cell / columns)].task === 'verse';
  const bills = without(traffic, 'tokens');

  test('are far below the mean, and leave those of other prompts what they are', async () => {
    const latencyMs = traffic.latencyMs.map((_, cell) => (isVerse(cell) ? 0 : 5_000));
    const { expect: amountsOf } = await fitted({ ...bills, latencyMs });
    expect(amountsOf(SUM, 50).latencyMs[0]).toSatisfy(near(0.2, 5_000));
    expect(amountsOf(VERSE, 50).latencyMs[0]).toBeGreaterThan(0);
    expect(amountsOf(VERSE, 50).latencyMs[0]).toBeLessThan(5);
  });

  test('amounts below the mean are learned as they are', async () => {
    const latencyMs = traffic.latencyMs.map((_, cell) => (isVerse(cell) ? 200 : 5_000));
    const { expect: amountsOf } = await fitted({ ...bills, latencyMs });
    expect(amountsOf(VERSE, 50).latencyMs[0]).toSatisfy(near(0.2, 200));
  });

  test('are held at a share of the mean, so that the unit does not matter', async () => {
    const inUnit = async (unit: number) => {
      const latencyMs = traffic.latencyMs.map((_, cell) => unit * (isVerse(cell) ? 0 : 5_000));
      return (await fitted({ ...bills, latencyMs })).expect(VERSE, 50).latencyMs[0];
    };
    expect((await inUnit(1e-9)) / (await inUnit(1))).toSatisfy(near(0.01, 1e-9));
  });

  test('bills below the price of their input, as of a cache, leave the mean of all bills right', async () => {
    const price = 5;
    const costUsd = bills.costUsd.map((_, cell) => {
      const ofInput = (price * countRequestTokens(bills.prompts[Math.floor(cell / columns)].request)) / 1e6;
      return Math.floor(cell / columns) % 2 === 0 ? 0.5 * ofInput : ofInput + 0.002;
    });
    const configured = Object.fromEntries(
      bills.candidates.map((name) => [name, { inputPricePerMillionTokens: price }]),
    );
    const { expect: amountsOf } = await fitted({ ...bills, costUsd }, configured);
    const [seen, expected] = [0, 0].map((_, of) =>
      bills.prompts.reduce((sum, { request, task }, row) => {
        const kind = task === 'verse' ? VERSE : SUM;
        const own = amountsOf(kind, countRequestTokens(request)).costUsd[0];
        return sum + (of === 0 ? costUsd[row * columns] : own);
      }, 0),
    );
    expect(expected).toSatisfy(near(0.1, seen));
  });
});

test('nothing is fitted where nothing was seen', async () => {
  const nothing = without(traffic, 'tokens', 'costUsd', 'latencyMs');
  expect(await amountsOfLog(nothing)).toEqual({
    heads: { cost: null, latency: null },
    chains: {},
    learned: [{}, {}, {}],
  });
});
