// A small model on this machine answers first; when it is unsure of its own words, a large one is asked.
// LOCAL_MODEL_URL=http://localhost:11434/v1 LOCAL_MODEL=qwen3:0.6b npx tsx docs/examples/local-cascade.ts
import type { PolicySpec } from 'pointsman';
import { execute } from 'pointsman/execution';
import { createOpenAiClient } from 'pointsman/openai';
import { exampleRouter } from './example-router.ts';
import { startLocalModel } from './local-model.ts';
import { runDirectly, type Tell } from './run-directly.ts';
import { standIns } from './stand-in-clients.ts';

const policy: PolicySpec = {
  kind: 'cascade',
  steps: [
    // Mean log-probability of a token: e^-0.5 is 0.61. `pointsman tune` finds the bound from your own traffic.
    { use: 'mini', accept: { kind: 'logprob', min: -0.5 } },
    { use: 'pro' },
  ],
};

const QUESTIONS = ['What is 25% of 360?', 'Which of the two treaties mattered more, and why?'];

export async function localCascade(tell: Tell, folder?: string): Promise<string[]> {
  const router = await exampleRouter({ policy }, folder);
  const local = await startLocalModel(process.env.LOCAL_MODEL_URL);
  const small = createOpenAiClient({
    model: process.env.LOCAL_MODEL ?? 'stand-in',
    baseUrl: local.baseUrl,
    inputPricePerMillionTokens: 0,
    outputPricePerMillionTokens: 0,
  });
  const answered: string[] = [];
  try {
    for (const text of QUESTIONS) {
      const { candidate, answer, outcome } = await execute(router, { text }, { ...standIns, mini: small });
      tell(`${candidate} ($${outcome.costUsd.toFixed(6)}): ${text} ${answer.text}`);
      answered.push(`${candidate}: ${answer.text}`);
    }
  } finally {
    await local.stop();
  }
  return answered;
}

await runDirectly(import.meta.url, localCascade);
