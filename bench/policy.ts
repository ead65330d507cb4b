import { createRouter, memoryFiles, type PolicySpec, readArtifact, readPrompt } from 'pointsman';
import {
  compileCel,
  createPolicy,
  createRandom,
  type PolicyContext,
  quantileSorted,
  readSignals,
} from 'pointsman/internal';
import { tinyArtifact } from '../test/fixtures/tiny-artifact.ts';
import { atMost, type BenchLine } from './bench-line.ts';
import { benchPrompts } from './prompts.ts';

const WARM_UP = 5_000;
const ROUNDS = 20_000;
const CANDIDATES = 9;

/** Four levels: rules, a domain each, a cascade, and thresholds and utilities inside. */
const NESTED: PolicySpec = {
  kind: 'rules',
  limits: { maxCostUsd: 1, maxLatencyMs: 60_000 },
  rules: [
    { name: 'pictures', when: '"image" in modalities', then: 'm8' },
    { name: 'short', when: 'tokens < 8 && complexity < 0.2', then: 'm0' },
    { name: 'free tier', when: 'tier == "free" && success["m0"] > 0.7', then: 'm0' },
  ],
  otherwise: {
    kind: 'hierarchical',
    by: 'tier',
    domains: {
      free: { kind: 'utility', weights: 'cheapest', limits: { minSuccessProbability: 0.3 } },
      paid: {
        kind: 'cascade',
        steps: [
          { use: { kind: 'threshold', weak: 'm1', strong: 'm2', threshold: 0.05 }, minSuccess: 0.6 },
          {
            use: { kind: 'utility', weights: 'balanced', limits: { deny: ['m0', 'm1'] } },
            minSuccess: 0.5,
            accept: { kind: 'logprob', min: -0.5 },
          },
          { use: 'm8' },
        ],
      },
    },
    otherwise: { kind: 'classifier', abstain: { to: 'm8', below: 0.2 } },
  },
};

/** What a nested policy takes beside the predictions: signals read, four levels decided. */
export async function benchPolicy(): Promise<BenchLine[]> {
  const { texts, from } = await benchPrompts(1_000, 1_000);
  const prompts = texts.map((text) => readPrompt({ text }));
  const artifact = await readArtifact(
    memoryFiles((await tinyArtifact({ candidates: CANDIDATES, success: 'linear' })).files),
  );
  const { candidates } = artifact.manifest;
  const names = candidates.map(({ name }) => name);
  const random = createRandom(1);
  const router = createRouter(artifact, {
    embedder: { id: 'fake', dimensions: 8, embed: async () => [] },
  });
  const predictions = Array.from({ length: 200 }, () =>
    router.predictEmbedding(Float32Array.from({ length: 8 }, () => random.normal())),
  );
  const contextOf = (i: number): PolicyContext => {
    const prompt = prompts[i % prompts.length];
    const predicted = predictions[i % predictions.length];
    const signals = readSignals(
      {
        request: { text: prompt.text },
        prompt,
        modalities: ['text'],
        success: predicted.success,
        classifyTask: undefined,
        candidates: names,
      },
      {},
      { tier: 'paid' },
    );
    return {
      predictions: predicted,
      needs: { tokens: 250, modalities: ['text'], tools: false },
      overrides: {},
      signals: () => signals,
      novelty: () => null,
      uncertainty: () => undefined,
      random: () => 0.5,
    };
  };
  const nested = createPolicy(NESTED, candidates, { compile: compileCel });
  const explore = createPolicy(
    { kind: 'explore', method: 'thompson', policy: { kind: 'utility', weights: 'balanced' } },
    candidates,
  );
  const note = `${CANDIDATES} candidates, ${ROUNDS} decisions, prompts of 1,000 characters (${from})`;
  const lines: BenchLine[] = [];
  for (const [name, decide] of [
    ['nested policy of four levels', (i: number) => nested.decide(contextOf(i))],
    ['Thompson sampling over a utility', (i: number) => explore.decide(contextOf(i))],
  ] as const) {
    const times = new Float64Array(ROUNDS);
    for (let i = -WARM_UP; i < ROUNDS; i++) {
      const started = performance.now();
      decide(i + WARM_UP);
      if (i >= 0) times[i] = 1000 * (performance.now() - started);
    }
    times.sort();
    lines.push(atMost(`${name}, p50`, quantileSorted(times, 0.5), 'µs', 20, note));
    lines.push({
      name: `  ${name}, p99`,
      value: quantileSorted(times, 0.99),
      unit: 'µs',
      target: null,
      met: null,
      note,
    });
  }
  return lines;
}
