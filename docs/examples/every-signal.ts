// Everything that a router sees of a request before anybody answers it, and rules that look at it.
import { loadLanguageDetector, loadTokenCounter, type PolicySpec, type RouteOptions } from 'pointsman';
import { createClientPool } from 'pointsman/execution';
import { exampleRouter } from './example-router.ts';
import { runDirectly, type Tell } from './run-directly.ts';
import { standIns } from './stand-in-clients.ts';

const policy: PolicySpec = {
  kind: 'rules',
  rules: [
    { name: 'pictures', when: '"image" in modalities', then: 'vision' },
    { name: 'busy', when: 'load["mini"]["inFlight"] > 50.0', then: 'coder' },
    { name: 'paying', when: 'tier == "gold" && quality == "production"', then: 'pro' },
    { name: 'in a hurry', when: 'latencyBudgetMs < 1000 || costBudgetUsd < 0.001', then: 'mini' },
    { name: 'agent', when: 'tools > 0 || structured || turns > 6', then: 'pro' },
    { name: 'code', when: 'codeShare > 0.3 || (task == "systems" && taskConfidence > 0.8)', then: 'coder' },
    { name: 'formulas', when: 'mathsShare > 0.3', then: 'pro' },
    { name: 'foreign', when: 'language != "en" && language != "und"', then: 'pro' },
    { name: 'easy', when: 'complexity < 0.45 && tokens < 100', then: 'mini' },
  ],
  otherwise: { kind: 'utility', weights: 'best' },
};

const REQUESTS: readonly [object, RouteOptions?][] = [
  [{ text: 'When does the library of Porto open? 12' }],
  [{ text: 'Erkläre mir bitte ausführlich, warum der Himmel am Abend rot wird und am Mittag blau ist.' }],
  [{ text: 'Compare the plans.' }, { signals: { tier: 'gold', quality: 'production' } }],
  [{ text: 'Say hello.' }, { signals: { latencyBudgetMs: 800 } }],
  [
    {
      messages: [
        { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.org/a.png' } }] },
      ],
    },
  ],
  [{ text: '```rust\nlet v = Arc::new(RwLock::new(vec![1]));\nv.write().unwrap().push(2);\n```' }],
];

export async function everySignal(tell: Tell, folder?: string): Promise<string[]> {
  const { load } = createClientPool(standIns);
  const router = await exampleRouter(
    { policy, load, countTokens: await loadTokenCounter(), detectLanguage: await loadLanguageDetector() },
    folder,
  );
  const rules: string[] = [];
  for (const [request, options] of REQUESTS) {
    const { candidate, policyPath, signals } = await router.route(request, options);
    tell(`${policyPath[0]} → ${candidate}\n  ${JSON.stringify(signals)}`);
    rules.push(`${policyPath[0]} → ${candidate}`);
  }
  return rules;
}

await runDirectly(import.meta.url, everySignal);
