// Requests with pictures go to a model that sees them: a hard limit, which no preference for the cheap gets past.
import type { PolicySpec } from 'pointsman';
import { execute } from 'pointsman/execution';
import { exampleRouter } from './example-router.ts';
import { runDirectly, type Tell } from './run-directly.ts';
import { standIns } from './stand-in-clients.ts';

const policy: PolicySpec = { kind: 'utility', weights: 'cheapest' };

const PICTURE = { type: 'image_url', image_url: { url: 'https://example.org/receipt.png' } };
const QUESTION = { type: 'text', text: 'What is the total of the prices?' };

export async function multimodal(tell: Tell, folder?: string): Promise<string[]> {
  const router = await exampleRouter({ policy }, folder);
  const chosen: string[] = [];
  for (const content of [[QUESTION], [QUESTION, PICTURE]]) {
    const request = { messages: [{ role: 'user', content }] };
    const { candidate, decision } = await execute(router, request, standIns);
    const removed = decision.predictions.filter(({ removedBy }) => removedBy !== undefined);
    tell(`${content.map(({ type }) => type).join(' + ')} → ${candidate}`);
    for (const row of removed) tell(`  not ${row.candidate}: ${row.removedBy}`);
    chosen.push(candidate);
  }
  return chosen;
}

await runDirectly(import.meta.url, multimodal);
