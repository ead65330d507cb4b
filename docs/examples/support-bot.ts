// A support bot: who pays nothing gets the cheapest model that will do, who pays most the best one; answers are streamed.
import type { PolicySpec } from 'pointsman';
import { executeStream } from 'pointsman/execution';
import { exampleRouter } from './example-router.ts';
import { runDirectly, type Tell } from './run-directly.ts';
import { standIns } from './stand-in-clients.ts';

const policy: PolicySpec = {
  kind: 'hierarchical',
  by: 'tier',
  domains: {
    free: { kind: 'utility', weights: 'cheapest', limits: { maxCostUsd: 0.005 } },
    team: { kind: 'utility', weights: 'balanced' },
    enterprise: { kind: 'utility', weights: 'best' },
  },
  otherwise: 'mini',
};

export async function supportBot(tell: Tell, folder?: string): Promise<Record<string, string>> {
  const router = await exampleRouter({ policy }, folder);
  const chosen: Record<string, string> = {};
  for (const tier of ['free', 'team', 'enterprise']) {
    const request = {
      messages: [{ role: 'user', content: 'Compare your two plans for our 40 users and explain why.' }],
    };
    const stream = await executeStream(router, request, standIns, { route: { signals: { tier } } });
    let text = '';
    // From here on what comes is the answer: a stream that breaks throws, and is never a short answer.
    for await (const chunk of stream) text += chunk.text ?? '';
    chosen[tier] = (await stream.result).candidate;
    tell(`${tier}: ${text}`);
  }
  return chosen;
}

await runDirectly(import.meta.url, supportBot);
