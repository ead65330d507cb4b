import { createRouter, type Manifest, memoryFiles, readArtifact } from 'pointsman';
import { expect, test } from 'vitest';
import { renderCard } from '../../../training/artifact/build-artifact.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';

type Candidate = Manifest['candidates'][number];

const base = { meanQuality: 0.5, meanCostUsd: 0.001, meanLatencyMs: 100 };
const prices = { inputPricePerMillionTokens: 2, outputPricePerMillionTokens: 8 };
const tokens = { meanInput: 50, meanOutput: 20, inputFrame: 3, inputRatio: 1 };
const byTokens = { fixedMs: 50, perInputTokenMs: 0.1, perOutputTokenMs: 2 };
/** One candidate of each way to know what an answer costs and how long it takes. */
const WAYS: readonly Candidate[] = [
  { name: 'plain', ...base },
  { name: 'priced', ...base, ...prices, tokens },
  { name: 'paid', ...base, paidPrices: prices, tokens },
  { name: 'half-priced', ...base, inputPricePerMillionTokens: 0.001 },
  { name: 'streaming', ...base, tokens, latencyByTokens: byTokens },
  { name: 'unknown', ...base, meanCostUsd: null, meanLatencyMs: null },
];

const scales = WAYS.map(() => 0.01);
const headOf = (output: string) => ({ head: { kind: 'layers' as const, output }, scales });
const HEADS: Readonly<Record<string, Partial<Manifest['heads']>>> = {
  'with heads of both': { cost: headOf('cost'), latency: headOf('latency') },
  'without such heads': { cost: null, latency: null },
  'with a head of what costs beside the input': {
    cost: null,
    costBesideInput: { ...headOf('cost'), perInputToken: WAYS.map(() => 1e-6) },
    latency: null,
    outputTokens: headOf('latency'),
  },
};

/** Embeds by length, so that two prompts are never alike. */
const embedder = {
  id: 'fake',
  dimensions: 8,
  embed: (texts: readonly string[]) =>
    Promise.resolve(
      texts.map(({ length }) => Float32Array.from({ length: 8 }, (_, i) => Math.sin(length + i))),
    ),
};

/** What the card says of an amount of each candidate. */
function waysIn(card: string, what: 'Cost' | 'Latency'): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, names, way] of card.matchAll(new RegExp(`${what}(?: of ([^.]*?))? is ([^.]*)\\.`, 'g')))
    for (const name of names === undefined
      ? WAYS.map((one) => one.name)
      : names.replaceAll('\\', '').split(', '))
      found.set(name, way);
  return found;
}

test.each(Object.entries(HEADS))(
  'the card says how the router knows costs and latencies, %s',
  async (_, heads) => {
    const tiny = await tinyArtifact({ candidates: WAYS.length });
    const sealed = await tinyArtifact({
      candidates: WAYS.length,
      manifest: { candidates: WAYS, heads: { ...tiny.manifest.heads, ...heads } },
    });
    const card = renderCard(sealed.manifest, { verdict: 'It is.', figures: [] });
    const router = createRouter(await readArtifact(memoryFiles(sealed.files)), { embedder });
    const [short, long] = await Promise.all(
      ['Hello.', 'Tell me all that is known about the ships of old, please. '.repeat(9)].map((text) =>
        router.route({ text }),
      ),
    );
    for (const [what, field] of [
      ['Cost', 'expectedCostUsd'],
      ['Latency', 'expectedLatencyMs'],
    ] as const) {
      const ways = waysIn(card, what);
      expect([...ways.keys()].sort()).toEqual(WAYS.map(({ name }) => name).sort());
      for (const [name, way] of ways) {
        const [one, other] = [short, long].map(
          ({ predictions }) => predictions.find(({ candidate }) => candidate === name)![field],
        );
        const seen = one === null ? 'not known' : one === other ? 'mean' : 'by request';
        const said = way === 'not known' ? way : way.includes("candidate's mean") ? 'mean' : 'by request';
        expect(said, `${what} of ${name}: ${way}`).toBe(seen);
      }
    }
  },
);

test('one way of all is said of all, and what must be said beside the verdict stands below it', async () => {
  const { manifest } = await tinyArtifact();
  const card = renderCard(manifest, {
    verdict: 'It is better.',
    caveats: ['Only 40 test prompts: read every figure as a hint, not as proof.'],
    figures: [],
  });
  expect(card).toContain('Cost is predicted for each request. Latency is predicted for each request.');
  expect(card).toMatch(/It is better\.\n\n- Only 40 test prompts[^\n]*\n\n## Trained on/);
  expect(renderCard(manifest, { verdict: 'It is.', figures: [] })).toMatch(/It is\.\n\n## Trained on/);
});
