// Traffic to learn from: now and then another model than the likeliest, drawn with a probability that is written down.
// Outcomes divided by it say what each model is worth, also where it was rarely asked.
import type { PolicySpec } from 'pointsman';
import { exampleRouter } from './example-router.ts';
import { exampleTraffic } from './example-traffic.ts';
import { runDirectly, type Tell } from './run-directly.ts';

const policy: PolicySpec = {
  kind: 'explore',
  method: 'epsilon-greedy',
  epsilon: 0.3,
  policy: { kind: 'utility', weights: 'balanced' },
};

export async function learningTraffic(tell: Tell, folder?: string): Promise<Record<string, number>> {
  const router = await exampleRouter({ policy, seed: 3 }, folder);
  const truth = new Map(exampleTraffic(600, 11).map((row) => [`${row.text} ${row.candidate}`, row.quality]));
  const texts = [...new Set(exampleTraffic(600, 11).map(({ text }) => text))];
  const sums: Record<string, number> = {};
  for (const text of texts) {
    const { candidate, propensity } = await router.route({ text });
    const quality = truth.get(`${text} ${candidate}`) ?? 0;
    sums[candidate] = (sums[candidate] ?? 0) + quality / propensity / texts.length;
  }
  for (const [name, value] of Object.entries(sums)) {
    tell(`${name} would answer ${(100 * value).toFixed(0)} % well, alone`);
  }
  return sums;
}

await runDirectly(import.meta.url, learningTraffic);
