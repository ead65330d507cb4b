// A default that everybody trusts, and other models only where they are surely better: the rest of the time it stays.
import type { PolicySpec } from 'pointsman';
import { exampleRouter } from './example-router.ts';
import { runDirectly, type Tell } from './run-directly.ts';

const policy: PolicySpec = {
  kind: 'abstain',
  policy: { kind: 'utility', weights: 'balanced' },
  to: 'pro',
  confidence: 0.98,
};

const REQUESTS = [
  { text: 'Where is the museum of Lyon called? 12' },
  { text: '∮ ∇×F·dS = ⟨ψ|Ĥ|φ⟩ ⊗ ℵ₀ ⊢ ⊥ … 𝔖𝔬 𝔴𝔥𝔞𝔱? ∀x∃y: ¬(x⊕y)' },
];

export async function surelyBetter(tell: Tell, folder?: string): Promise<string[]> {
  const router = await exampleRouter({ policy }, folder);
  const paths: string[] = [];
  for (const request of REQUESTS) {
    const { candidate, policyPath, predictions, reasons } = await router.route(request, {
      uncertainty: true,
    });
    tell(`${candidate}: ${reasons[0]}`);
    for (const { candidate: name, successProbability, standardError } of predictions)
      tell(`  ${name}: ${successProbability.toFixed(2)} ± ${standardError?.toFixed(2)}`);
    paths.push(`${policyPath[0]} → ${candidate}`);
  }
  return paths;
}

await runDirectly(import.meta.url, surelyBetter);
