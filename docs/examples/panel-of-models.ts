// A panel: three models vote on what has one right answer; of what has none, one of them makes one answer of all.
import type { PolicySpec } from 'pointsman';
import { execute } from 'pointsman/execution';
import { exampleRouter } from './example-router.ts';
import { runDirectly, type Tell } from './run-directly.ts';
import { standIns } from './stand-in-clients.ts';

const policy: PolicySpec = {
  kind: 'hierarchical',
  by: 'task',
  domains: {
    // A vote counts as much as its model's calibrated chance of being right.
    sum: { kind: 'ensemble', members: 3, combine: { kind: 'weighted' } },
    research: { kind: 'ensemble', members: ['mini', 'coder'], combine: { kind: 'judge', judge: 'pro' } },
  },
  otherwise: 'mini',
};

/** Models that can add, but for one. */
const clients = {
  ...standIns,
  mini: async () => ({ text: '36' }),
  coder: async () => ({ text: '36 ' }),
  pro: async ({ text = '' }) => ({ text: text.includes('Answer 2') ? 'What both say.' : '35' }),
  vision: async () => ({ text: '36' }),
};

export async function panelOfModels(tell: Tell, folder?: string): Promise<string[]> {
  const router = await exampleRouter({ policy }, folder);
  const answers: string[] = [];
  for (const [text, task] of [
    ['What is 10 percent of 360?', 'sum'],
    ['Compare how housing policy in Oslo and Turin changed after 1950', 'research'],
  ]) {
    const route = { signals: { task } };
    const { answer, trace, outcome } = await execute(router, { text }, clients, { route });
    const asked = trace.attempts.map(({ candidate, role }) => `${candidate} (${role})`);
    tell(`${asked.join(', ')} for $${outcome.costUsd.toFixed(4)}: ${answer.text}`);
    answers.push(answer.text.trim());
  }
  return answers;
}

await runDirectly(import.meta.url, panelOfModels);
