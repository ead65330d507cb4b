// A chat that never keeps its user waiting: a second model is started when the first takes longer than it usually does,
// and the first of the two to begin has the word.
import type { PolicySpec } from 'pointsman';
import { type Client, executeStream } from 'pointsman/execution';
import { exampleRouter } from './example-router.ts';
import { runDirectly, type Tell } from './run-directly.ts';
import { standIns } from './stand-in-clients.ts';

// Without `delayMs` the second starts at the 95th percentile of the first one's latency, as the traffic has it.
const policy: PolicySpec = { kind: 'speculative', fast: 'mini', slow: 'pro', delayMs: 20 };

/** Hangs until it is told that nobody waits. */
const stuck: Client = (_, { signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

export async function hedgedChat(tell: Tell, folder?: string): Promise<string[]> {
  const router = await exampleRouter({ policy }, folder);
  const winners: string[] = [];
  for (const mini of [standIns.mini, stuck]) {
    const stream = await executeStream(router, { text: 'Good morning!' }, { ...standIns, mini });
    let text = '';
    for await (const chunk of stream) text += chunk.text ?? '';
    const { candidate, trace } = await stream.result;
    tell(`${trace.attempts.map((a) => `${a.candidate}: ${a.state}`).join(', ')}: ${text}`);
    winners.push(candidate);
  }
  return winners;
}

await runDirectly(import.meta.url, hedgedChat);
