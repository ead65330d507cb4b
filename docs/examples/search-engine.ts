// A search engine: easy queries go to the cheapest model, hard ones to whoever is the likeliest to answer them well.
import type { PolicySpec } from 'pointsman';
import { execute } from 'pointsman/execution';
import { exampleRouter } from './example-router.ts';
import { runDirectly, type Tell } from './run-directly.ts';
import { standIns } from './stand-in-clients.ts';

const policy: PolicySpec = {
  kind: 'rules',
  rules: [{ name: 'easy', when: 'complexity < 0.3 && tokens < 100', then: 'mini' }],
  otherwise: { kind: 'utility', weights: 'best' },
};

const QUERIES = [
  'When does the library of Porto open?',
  'Compare how housing policy in Oslo and Turin changed after 1950, and explain which causes historians weigh most',
];

export async function searchEngine(tell: Tell, folder?: string): Promise<string[]> {
  const router = await exampleRouter({ policy }, folder);
  const chosen: string[] = [];
  for (const text of QUERIES) {
    const { candidate, decision, outcome } = await execute(router, { text }, standIns, {
      deadlineMs: 20_000,
    });
    tell(`${candidate} ($${outcome.costUsd.toFixed(6)}): ${text}\n  ${decision.reasons[0]}`);
    chosen.push(candidate);
  }
  return chosen;
}

await runDirectly(import.meta.url, searchEngine);
