import fc from 'fast-check';
import { createRouter, InvalidInputError, NoCandidateError, type Request } from 'pointsman';
import { NUMERIC_SIGNAL_NAMES } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { fakeAsyncEmbedder, fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { floatBytes, readTinyArtifact } from '../../fixtures/tiny-artifact.ts';

const NUMERIC = NUMERIC_SIGNAL_NAMES.length;
/** An artifact that reads the text too, and not only its embedding. */
const reading = await readTinyArtifact({
  manifest: {
    features: {
      blocks: [
        { kind: 'embedding', embedder: 'fake', dimensions: 8 },
        { kind: 'numeric', names: NUMERIC_SIGNAL_NAMES },
      ],
      length: 8 + NUMERIC,
      standardisation: 'both.bin',
    },
  },
  files: new Map([
    ['both.bin', floatBytes([...Array(8 + NUMERIC).fill(0), ...Array(8 + NUMERIC).fill(0.1)])],
  ]),
});
const plain = await readTinyArtifact();

describe.each([
  ['a synchronous embedder', fakeEmbedder],
  ['an asynchronous embedder', fakeAsyncEmbedder()],
])('with %s', (_, embedder) => {
  test('a decision is complete, plain data, and says how it came about', async () => {
    const router = createRouter(reading, { embedder });
    const decision = await router.route({ text: 'What is 17 * 23?' });
    expect(JSON.parse(JSON.stringify(decision))).toEqual(decision);
    expect(decision.artifactId).toBe(reading.manifest.id);
    expect(decision.policyPath).toEqual(['utility:best']);
    expect(decision.predictions.map((row) => row.candidate).sort()).toEqual(['m0', 'm1', 'm2']);
    expect(decision.predictions[0].candidate).toBe(decision.candidate);
    expect(decision.confidence).toBe(decision.predictions[0].successProbability);
    expect(decision.margin).toBeCloseTo(
      decision.predictions[0].utility - decision.predictions[1].utility,
      12,
    );
    const sum = Object.values(decision.probabilities).reduce((total, p) => total + p, 0);
    expect(sum).toBeCloseTo(1, 12);
    expect(decision.predictions.every((row) => row.expectedCostUsd! > 0 && row.expectedLatencyMs! > 0)).toBe(
      true,
    );
    expect(decision.routerMs).toBeGreaterThanOrEqual(0);
  });

  test('no content makes it throw', async () => {
    const router = createRouter(reading, { embedder });
    const image = { type: 'image_url', image_url: { url: 'data:' } };
    const requests: Request[] = [
      { text: '' },
      { text: ' \n\t' },
      { text: 'x'.repeat(2 ** 20) },
      { text: '😀'.repeat(1000) },
      { text: '\ud800 lone \udc00' },
      { text: '\0\u200b\ufeff\u202e' },
      { messages: [{ role: 'user', content: [image] }] },
      { messages: [{ role: 'user', content: [{ type: 'hologram', data: 1n }] }] },
      { messages: [{ role: 'assistant', content: null, tool_calls: [{ type: 'function' }] }] },
      { messages: [{ role: 'system', content: 'Say hello.' }] },
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'hologram', data: 1n },
              { type: 'text', text: 'hi' },
            ],
          },
        ],
      },
      { messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: null }] }] },
      { messages: [{ role: 'tool', content: 'x', name: 'y' }], tools: [null, 1, { type: 'function' }] },
      { text: 'hi', tools: [], responseFormat: { type: 'json_schema' } },
    ];
    for (const request of requests) {
      const decision = await router.route(request);
      expect(Number.isFinite(decision.confidence)).toBe(true);
    }
  });

  test.each<[string, Request, string]>([
    ['no messages', { messages: [] }, '`messages` of request must not be empty'],
    ['no messages beside a text', { text: 'hi', messages: [] }, 'must not be empty'],
    ['no content', { messages: [{ role: 'user' }] }, 'they must have words, or pictures'],
    ['null', { messages: [{ role: 'user', content: null }] }, 'Got 1 without any. Look at their `content`.'],
    ['no parts', { messages: [{ role: 'user', content: [] }] }, 'must have words'],
    ['blank text', { messages: [{ role: 'user', content: ' \n' }] }, 'must have words'],
    [
      'blank parts',
      { messages: [{ role: 'user', content: [{ type: 'text', text: '' }] }] },
      'must have words',
    ],
    [
      'several of nothing',
      {
        messages: [
          { role: 'system', content: '' },
          { role: 'user', content: [{ type: 'input_text', text: '' }] },
        ],
      },
      'Got 2 without any',
    ],
  ])(
    '%s in the messages is an error that says so, and not a prompt of nothing',
    async (_, request, message) => {
      const router = createRouter(reading, { embedder });
      await expect(router.route(request)).rejects.toThrow(message);
      await expect(router.route(request)).rejects.toBeInstanceOf(InvalidInputError);
      await expect(router.predict(request)).rejects.toThrow(message);
    },
  );

  test('where a limit gave way, those that break it by more are fallen back on last', async () => {
    const router = createRouter(plain, { embedder });
    const { candidate, fallback, predictions, margin } = await router.route(
      { text: 'x' },
      { limits: { maxCostUsd: 0 } },
    );
    const costs = predictions.map(({ expectedCostUsd }) => expectedCostUsd!);
    expect(costs).toEqual([...costs].sort((a, b) => a - b));
    expect([candidate, ...fallback]).toEqual(predictions.map((row) => row.candidate));
    expect(margin).toBeNull();
    const strict = router.route({ text: 'x' }, { limits: { maxCostUsd: 0 }, strict: true });
    await expect(strict).rejects.toThrow(`The nearest is ${candidate}, outside maxCostUsd`);
  });

  test('a picture alone is routed, also where the embedder makes NaN of no words', async () => {
    const embed = async (texts: readonly string[]) =>
      texts.map((text) => new Float32Array(8).fill(text.trim() === '' ? Number.NaN : 0.1));
    const router = createRouter(plain, { embedder: fakeAsyncEmbedder(embed) });
    const picture = {
      messages: [{ role: 'user', content: [{ type: 'input_image', image_url: 'https://x' }] }],
    };
    const { confidence } = await router.route(picture);
    expect(confidence).toBe((await router.route({ text: '' })).confidence);
  });

  test('nor does any Unicode, in any shape of conversation', async () => {
    const router = createRouter(reading, { embedder });
    const text = fc.string({ unit: 'binary', maxLength: 200 });
    const part = fc.oneof(
      fc.record({ type: fc.constant('text' as const), text }),
      fc.record({ type: text, data: fc.anything() }),
    );
    const message = fc.record({ role: text, content: fc.oneof(text, fc.array(part), fc.constant(null)) });
    const hello = { role: 'user', content: 'hello' };
    const request: fc.Arbitrary<Request> = fc.oneof(
      fc.record({ text }),
      fc.record({
        messages: fc.array(message).map((messages) => [...messages, hello]),
        tools: fc.array(fc.anything()),
      }),
    );
    await fc.assert(
      fc.asyncProperty(request, async (some) => {
        const { confidence, probabilities } = await router.route(some);
        expect(confidence >= 0 && confidence <= 1).toBe(true);
        expect(Object.values(probabilities).every((p) => p >= 0 && p <= 1)).toBe(true);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  test('many at once give what one after the other gives', async () => {
    const router = createRouter(reading, { embedder });
    const texts = Array.from({ length: 50 }, (_, i) => `prompt ${i} ${'a'.repeat(i)}`);
    const apart = [];
    for (const text of texts) apart.push(await router.predict({ text }));
    expect(await Promise.all(texts.map((text) => router.predict({ text })))).toEqual(apart);
  });

  test('an embedding that is there already gives the same decision at once', async () => {
    const router = createRouter(reading, { embedder });
    const request = { messages: [{ role: 'user', content: 'Prove that 2 is prime.' }] };
    const [embedding] = await embedder.embed(['Prove that 2 is prime.']);
    const { routerMs: _a, ...first } = await router.route(request);
    const { routerMs: _b, ...second } = router.routeEmbedding([...embedding], request);
    expect(second).toEqual(first);
    expect(router.predictEmbedding(embedding, request)).toEqual(await router.predict(request));
  });
});

test('the request may be left out when the features are the embedding alone, and only then', () => {
  const embedding = new Float32Array(8).fill(0.1);
  expect(createRouter(plain, { embedder: fakeEmbedder }).routeEmbedding(embedding).candidate).toMatch(
    /^m\d$/,
  );
  expect(() => createRouter(reading, { embedder: fakeEmbedder }).routeEmbedding(embedding)).toThrow(
    InvalidInputError,
  );
});

test('each head gives the number that its formula gives', async () => {
  const artifact = await readTinyArtifact({ success: 'linear' });
  const model = JSON.parse(new TextDecoder().decode(artifact.file('model.json')));
  const bytes = artifact.file('weights.bin').slice();
  const weights = new Float32Array(bytes.buffer);
  const embedding = Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8);
  const features = [...embedding].map((x) => (x - Math.fround(0.1)) * 1.5);
  const logits: Record<string, number[]> = {};
  let offset = 0;
  for (const { name } of model.weightsManifest[0].weights) {
    if (!name.endsWith('/kernel')) continue;
    const kernel = weights.subarray(offset, offset + 24);
    const bias = weights.subarray(offset + 24, offset + 27);
    offset += 27;
    logits[name.slice(0, -'/kernel'.length)] = [0, 1, 2].map((c) =>
      features.reduce((sum, x, i) => sum + x * kernel[i * 3 + c], bias[c]),
    );
  }
  const got = createRouter(artifact, { embedder: fakeEmbedder }).predictEmbedding(embedding);
  const exps = logits.choice.map((z) => Math.exp(z / 1.5));
  const total = exps.reduce((sum, e) => sum + e, 0);
  const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));
  const [z0, z1, z2] = logits.success;
  close(
    got.choice,
    exps.map((e) => e / total),
  );
  close(got.success, [sigmoid(z0), sigmoid(z1 / 1.3), sigmoid(0.8 * z2 + 0.1)]);
  close(
    got.costUsd,
    logits.cost.map((z) => 0.01 * Math.exp(z)),
  );
  close(
    got.latencyMs,
    logits.latency.map((z) => 0.01 * Math.exp(z)),
  );
});

function close(got: Float64Array, expected: readonly number[]): void {
  for (const [i, value] of expected.entries()) expect(Math.abs(got[i] - value)).toBeLessThan(1e-5);
}

test('without costs in the traffic they are null, and the policy goes by quality', async () => {
  const router = createRouter(await readTinyArtifact({ amounts: false }), { embedder: fakeEmbedder });
  const decision = await router.route({ text: 'hi' }, { weights: 'balanced' });
  expect(
    decision.predictions.every((row) => row.expectedCostUsd === null && row.expectedLatencyMs === null),
  ).toBe(true);
  expect(decision.reasons).toContain('Where a cost is not known, it counted nothing.');
});

test('where there is no cost head, the mean of the traffic stands in', async () => {
  const tiny = await readTinyArtifact();
  const artifact = { ...tiny, manifest: { ...tiny.manifest, heads: { ...tiny.manifest.heads, cost: null } } };
  const { costUsd } = await createRouter(artifact, { embedder: fakeEmbedder }).predict({ text: 'hi' });
  expect([...costUsd]).toEqual([0.001, 0.002, 0.003]);
});

test('a request brings its own limits and weights', async () => {
  const router = createRouter(plain, { embedder: fakeEmbedder });
  const decision = await router.route({ text: 'hi' }, { limits: { allow: ['m2'] } });
  expect(decision.candidate).toBe('m2');
  expect(decision.margin).toBeNull();
  expect(decision.predictions.map((row) => row.removedBy)).toEqual([
    undefined,
    'not in `allow`',
    'not in `allow`',
  ]);
  const none = router.route({ text: 'hi' }, { limits: { allow: [] } });
  await expect(none).rejects.toBeInstanceOf(NoCandidateError);
});

test('a router can be given another policy than the one it was exported with', async () => {
  const router = createRouter(plain, { embedder: fakeEmbedder, policy: { kind: 'classifier' } });
  const { candidate, probabilities } = await router.route({ text: 'hi' });
  expect(probabilities[candidate]).toBe(Math.max(...Object.values(probabilities)));
});

test('candidates may have any name', async () => {
  const names = ['__proto__', 'constructor', 'a/b:c', '模型'];
  const router = createRouter(await readTinyArtifact({ names }), { embedder: fakeEmbedder });
  const { probabilities } = await router.route({ text: 'hi' });
  expect(Object.keys(probabilities)).toEqual(names);
});

test.each<[string, unknown, unknown, RegExp]>([
  [
    'a text that is no text',
    { text: 1 },
    undefined,
    /`text` of request must be text. Got a value of type number/,
  ],
  ['a bare string', 'hi', undefined, /The request must be an object with `text` or `messages`/],
  ['nothing', undefined, undefined, /The request must be an object/],
  ['null', null, undefined, /Got null/],
  ['an empty object', {}, undefined, /Got neither/],
  ['messages that are no list', { messages: 'hi' }, undefined, /`messages` of request must be a list/],
  ['a message that is no object', { messages: ['hi'] }, undefined, /`messages\[0\]` of request/],
  ['tools that are no list', { text: '', tools: {} }, undefined, /`tools` of request must be a list/],
  ['an option of no name', { text: '' }, { wieghts: 1 }, /The route options must be without `wieghts`/],
  ['a limit below 0', { text: '' }, { limits: { maxCostUsd: -1 } }, /`limits.maxCostUsd` of route options/],
  ['weights of no name', { text: '' }, { weights: 'worst' }, /`weights` of route options/],
  [
    'a candidate of no name',
    { text: '' },
    { limits: { deny: ['x'] } },
    /must name candidates among m0, m1, m2/,
  ],
])('%s is an error of its own kind', async (_, request, options, expected) => {
  const router = createRouter(plain, { embedder: fakeEmbedder });
  const error = await router.route(request as Request, options as object).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(InvalidInputError);
  expect((error as Error).message).toMatch(expected);
});

test('a vector of another length, or of what is no number, is an error and not a decision', async () => {
  const router = createRouter(plain, { embedder: fakeEmbedder });
  expect(() => router.routeEmbedding(new Float32Array(7))).toThrow('The embedding must be 8 numbers. Got 7.');
  expect(() => router.routeEmbedding(new Float32Array(8).fill(Number.NaN))).toThrow(InvalidInputError);
  expect(() => router.routeEmbedding(undefined as unknown as number[])).toThrow(InvalidInputError);
  const broken = fakeAsyncEmbedder(async () => []);
  await expect(createRouter(plain, { embedder: broken }).route({ text: 'x' })).rejects.toBeInstanceOf(
    InvalidInputError,
  );
});

test('an embedder must be the one of the training; where the artifact carries none, the message says which', () => {
  expect(() => createRouter(plain)).toThrow(
    /trained with the custom embedder "fake".*pass it as \{ embedder \}/,
  );
  expect(() => createRouter(plain, { embedder: { ...fakeEmbedder, id: 'other' } })).toThrow(
    '`embedder` of router must be the one it was trained with, "fake" of 8 dimensions. Got "other" of 8.',
  );
});
