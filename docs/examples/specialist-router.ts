// One router for everything, and another, trained on its own traffic, for code; what is unlike all traffic goes to the
// safe choice.
import type { PolicySpec } from 'pointsman';
import { execute } from 'pointsman/execution';
import { exampleRouter } from './example-router.ts';
import { runDirectly, type Tell } from './run-directly.ts';
import { standIns } from './stand-in-clients.ts';

const policy: PolicySpec = {
  kind: 'hierarchical',
  by: 'task',
  domains: {
    systems: { kind: 'router', router: 'code' },
    scripting: { kind: 'router', router: 'code' },
  },
  otherwise: { kind: 'classifier', abstain: { to: 'pro', outOfDistribution: true } },
};

const REQUESTS = [
  { text: 'Write a Python function that sorts orders by date and drops the 3 oldest', task: 'scripting' },
  { text: 'Where is the museum of Lyon called? 12', task: 'lookup' },
  { text: '∮ ∇×F·dS = ⟨ψ|Ĥ|φ⟩ ⊗ ℵ₀ ⊢ ⊥ … 𝔖𝔬 𝔴𝔥𝔞𝔱? ∀x∃y: ¬(x⊕y)', task: 'other' },
];

export async function specialistRouter(tell: Tell, folder?: string): Promise<string[]> {
  // `await loadRouter('models/code')`: its candidates, policy and limits are its own.
  const code = await exampleRouter({ policy: { kind: 'utility', weights: 'cheapest' } }, folder);
  const router = await exampleRouter({ policy, routers: { code } }, folder);
  const paths: string[] = [];
  for (const { text, task } of REQUESTS) {
    const { candidate, decision } = await execute(router, { text }, standIns, {
      route: { signals: { task } },
    });
    const path = decision.policyPath.join(' → ');
    tell(`${path} → ${candidate}: ${text}`);
    paths.push(`${path} → ${candidate}`);
  }
  return paths;
}

await runDirectly(import.meta.url, specialistRouter);
