import fc from 'fast-check';
import {
  createRouter,
  memoryFiles,
  NoCandidateError,
  type Request,
  type RouteOptions,
  type Router,
  readArtifact,
} from 'pointsman';
import { countRequestTokens, type ManifestCandidate, type ManifestHeads } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import type { BuiltArtifact } from '../../../training/artifact/build-artifact.ts';
import { fakeAsyncEmbedder } from '../../fixtures/fake-embedder.ts';
import { readTinyArtifact, tinyArtifact } from '../../fixtures/tiny-artifact.ts';

const TOKENS = { meanInput: 200, meanOutput: 100, inputFrame: 10, inputRatio: 1.2 };
const DEAR = { inputPricePerMillionTokens: 5, outputPricePerMillionTokens: 20 };
const CHEAP = { inputPricePerMillionTokens: 0.1, outputPricePerMillionTokens: 0.4 };
const LONG = 'Once upon a time, there was a switch. '.repeat(24_000).slice(0, 900_000);

/** Candidates `dear` and `cheap`; the features of every request are the same. */
async function routerOf(
  own: readonly Partial<ManifestCandidate>[],
  heads: Partial<ManifestHeads> = {},
): Promise<Router> {
  const { manifest } = await readTinyArtifact({ candidates: own.length });
  const names = ['dear', 'cheap', 'other'];
  const sealed = await tinyArtifact({
    candidates: own.length,
    manifest: {
      candidates: own.map((candidate, c) => ({
        name: names[c],
        meanQuality: 0.5,
        meanCostUsd: 0.002,
        meanLatencyMs: 500,
        ...candidate,
      })),
      heads: { ...manifest.heads, ...heads },
    },
  });
  return createRouter(await readBack(sealed), {
    embedder: fakeAsyncEmbedder(async (texts) => texts.map(() => new Float32Array(8).fill(0.2))),
  });
}

function readBack({ files }: BuiltArtifact) {
  return readArtifact(memoryFiles(files));
}

const outputHead = (count: number): Partial<ManifestHeads> => ({
  cost: null,
  outputTokens: { head: { kind: 'layers', output: 'cost' }, scales: Array(count).fill(80) },
});

const byTokens = () =>
  routerOf(
    [
      { ...DEAR, tokens: TOKENS },
      { ...CHEAP, tokens: TOKENS },
    ],
    outputHead(2),
  );

async function costs(router: Router, request: Request, options?: RouteOptions) {
  const { predictions } = await router.route(request, options);
  return Object.fromEntries(predictions.map((row) => [row.candidate, row.expectedCostUsd ?? Number.NaN]));
}

describe('where prices and tokens are known', () => {
  test('a cost is counted input times price, and predicted output times price', async () => {
    const router = await byTokens();
    const request = { text: 'What is a pointsman?' };
    const { costUsd, outputTokens = new Float64Array() } = await router.predict(request);
    const input = 10 + 1.2 * countRequestTokens(request);
    expect(outputTokens[0]).toBeGreaterThan(0);
    expect(costUsd[0]).toBeCloseTo((input * 5 + outputTokens[0] * 20) / 1e6, 12);
    expect(costUsd[1]).toBeCloseTo((input * 0.1 + outputTokens[1] * 0.4) / 1e6, 12);
  });

  test('a limit on the cost keeps the dear candidate from 900,000 characters, and lets it have a short prompt', async () => {
    const router = await byTokens();
    const limits = { maxCostUsd: 0.05, allow: ['dear', 'cheap'] };
    const long = await router.route({ text: LONG }, { limits });
    expect(long.candidate).toBe('cheap');
    expect(long.predictions.find(({ candidate }) => candidate === 'dear')?.removedBy).toMatch(
      /^expected cost 1\.\d+ US dollars is over 0\.05 US dollars$/,
    );
    const short = await router.route({ text: 'Once upon a time.' }, { limits });
    expect(short.predictions.every(({ removedBy }) => removedBy === undefined)).toBe(true);
  });

  test('where even the cheapest is over the limit and nothing may give way, it is an error', async () => {
    const sealed = await tinyArtifact({
      candidates: 1,
      manifest: {
        candidates: [
          { name: 'dear', meanQuality: 0.5, meanCostUsd: 0.002, meanLatencyMs: 500, ...DEAR, tokens: TOKENS },
        ],
        policy: { kind: 'utility', relax: [] },
      },
    });
    const router = createRouter(await readBack(sealed), {
      embedder: fakeAsyncEmbedder(),
    });
    await expect(router.route({ text: LONG }, { limits: { maxCostUsd: 0.05 } })).rejects.toThrow(
      NoCandidateError,
    );
  });

  test('a cost grows with all that is read: messages, arguments and results of tools, and definitions of tools', async () => {
    const router = await byTokens();
    const short = await costs(router, { messages: [{ role: 'user', content: 'Hello' }] });
    const words = 'many plain words '.repeat(10_000);
    for (const request of [
      {
        messages: [
          { role: 'system', content: words },
          { role: 'user', content: 'Hello' },
        ],
      },
      {
        messages: [
          { role: 'user', content: 'Hello' },
          { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: words } }] },
        ],
      },
      {
        messages: [
          { role: 'user', content: 'Hello' },
          { role: 'tool', content: words },
        ],
      },
      {
        messages: [{ role: 'user', content: 'Hello' }],
        tools: [{ function: { name: 'f', description: words } }],
      },
    ] satisfies Request[]) {
      expect((await costs(router, request)).dear).toBeGreaterThan(short.dear + 0.14);
    }
  });

  test('a cost never falls as tokens are added, and is linear in them', async () => {
    const router = await byTokens();
    const at = async (tokens: number) => (await costs(router, { text: 'x' }, { signals: { tokens } })).dear;
    await fc.assert(
      fc.asyncProperty(fc.nat(1_000_000), fc.nat(1_000_000), async (a, b) => {
        const [fewer, more] = [Math.min(a, b), Math.max(a, b)];
        expect((await at(more)) - (await at(fewer))).toBeCloseTo(((more - fewer) * 1.2 * 5) / 1e6, 9);
      }),
      { numRuns: 50 },
    );
  });

  test('cached tokens cost the cached price of their candidate, and no more are cached than there are', async () => {
    const router = await routerOf(
      [
        { ...DEAR, cachedInputPricePerMillionTokens: 0.5, tokens: TOKENS },
        { ...CHEAP, tokens: TOKENS },
      ],
      outputHead(2),
    );
    const request = { text: 'x' };
    const at = (cachedTokens: Record<string, number>) =>
      costs(router, request, { signals: { tokens: 100_000 }, cachedTokens });
    const plain = await at({});
    const cached = await at({ dear: 80_000, cheap: 80_000 });
    expect(plain.dear - cached.dear).toBeCloseTo((80_000 * 4.5) / 1e6, 9);
    expect(cached.cheap).toBe(plain.cheap);
    expect((await at({ dear: 1e9 })).dear).toBeCloseTo(plain.dear - ((10 + 120_000) * 4.5) / 1e6, 9);
    await expect(at({ dear: -1 })).rejects.toThrow(/cachedTokens/);
  });

  test('with an embedding alone, the input is as long as the mean of the traffic', async () => {
    const router = await byTokens();
    const { costUsd, outputTokens = new Float64Array() } = router.predictEmbedding(
      new Float32Array(8).fill(0.2),
    );
    expect(costUsd[0]).toBeCloseTo((200 * 5 + outputTokens[0] * 20) / 1e6, 12);
  });

  test('prices that bills agree on stand in for those that are not given', async () => {
    const router = await routerOf(
      [
        { paidPrices: DEAR, tokens: TOKENS },
        { ...CHEAP, paidPrices: DEAR, tokens: TOKENS },
      ],
      outputHead(2),
    );
    const given = await byTokens();
    expect(await costs(router, { text: 'Hello' })).toEqual(await costs(given, { text: 'Hello' }));
  });

  test('no output is expected to be longer or shorter than those that were expected of the traffic', async () => {
    const expected = async (least: number, most: number) => {
      const { outputTokens } = outputHead(1);
      const heads = { cost: null, outputTokens: { ...outputTokens!, bounds: [[least, most]] as const } };
      const router = await routerOf([{ ...DEAR, tokens: TOKENS }], heads);
      return (await router.predict({ text: 'x' })).outputTokens?.[0];
    };
    expect(await expected(1, 7)).toBe(7);
    expect(await expected(5_000, 9_000)).toBe(5_000);
  });

  test('a latency that goes by tokens is a sum over what is read and written', async () => {
    const router = await routerOf(
      [
        {
          ...DEAR,
          tokens: TOKENS,
          latencyByTokens: { fixedMs: 300, perInputTokenMs: 0.5, perOutputTokenMs: 20 },
        },
      ],
      outputHead(1),
    );
    const request = { text: 'What is a pointsman?' };
    const { latencyMs, outputTokens = new Float64Array() } = await router.predict(request);
    const input = 10 + 1.2 * countRequestTokens(request);
    expect(latencyMs[0]).toBeCloseTo(300 + 0.5 * input + 20 * outputTokens[0], 9);
    expect((await router.predict({ text: LONG })).latencyMs[0]).toBeGreaterThan(100_000);
  });
});

describe('where only costs are known', () => {
  test('a cost is never less than what the input alone costs', async () => {
    const router = await routerOf([{ inputPricePerMillionTokens: 5 }, {}]);
    const [short, long] = [await costs(router, { text: 'x' }), await costs(router, { text: LONG })];
    expect(long.dear).toBeCloseTo((countRequestTokens({ text: LONG }) * 5) / 1e6, 9);
    expect(long.cheap).toBe(short.cheap);
  });

  test('what the input costs stands beside what the head says', async () => {
    const { manifest } = await readTinyArtifact({ candidates: 2 });
    const beside = await routerOf([{}, {}], {
      cost: null,
      costBesideInput: { ...manifest.heads.cost!, perInputToken: [2e-6, 0] },
    });
    const whole = await routerOf([{}, {}]);
    const request = { text: 'one two three four five '.repeat(1_000) };
    const [a, b] = [await costs(beside, request), await costs(whole, request)];
    expect(a.dear - b.dear).toBeCloseTo(2e-6 * countRequestTokens(request), 9);
    expect(a.cheap).toBe(b.cheap);
  });

  test('a candidate of which nothing is known has no cost, whatever its prices', async () => {
    const router = await routerOf([{ ...DEAR, meanCostUsd: null }]);
    expect((await router.route({ text: 'x' })).predictions[0].expectedCostUsd).toBeNull();
  });
});
