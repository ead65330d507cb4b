// The turns of an agent: it stays with the model that it has until leaving pays, and somebody stronger takes over where it is stuck.
import type { Message, PolicySpec, RouteOptions } from 'pointsman';
import { exampleRouter } from './example-router.ts';
import { runDirectly, type Tell } from './run-directly.ts';

const policy: PolicySpec = {
  kind: 'rules',
  rules: [
    { name: 'stuck', when: 'stall > 1 || toolErrors > 2', then: 'pro' },
    { name: 'long', when: 'userTurn > 30 || toolResults > 50 || conversationTokens > 100000', then: 'coder' },
  ],
  otherwise: { kind: 'session', switchMargin: 0.05, policy: { kind: 'utility', weights: 'balanced' } },
};

type Turn = NonNullable<NonNullable<RouteOptions['conversation']>['turns']>[number];

const user = (content: string) => ({ role: 'user', content });
const read = (path: string) => ({
  role: 'assistant',
  content: null,
  tool_calls: [
    { id: path, type: 'function', function: { name: 'read', arguments: JSON.stringify({ path }) } },
  ],
});
const failed = (path: string) => ({
  role: 'tool',
  tool_call_id: path,
  content: `Error: there is no ${path}`,
});

/** What comes in with each request: what the user asks, or what the tool says that the model had called. */
const STEPS: readonly (readonly Message[])[] = [
  [user('Write a Python function that sorts orders by date and drops the 3 oldest')],
  [
    { role: 'assistant', content: 'Done.' },
    user('Now in Rust: why does this Arc<RwLock<HashMap>> deadlock when two threads write?'),
  ],
  [read('orders.csv'), failed('orders.csv')],
  [read('orders.csv'), failed('orders.csv'), read('orders.csv'), failed('orders.csv')],
];

export async function agentConversation(tell: Tell, folder?: string): Promise<string[]> {
  const router = await exampleRouter({ policy }, folder);
  const messages: Message[] = [];
  // All that is kept between requests, here or in any store: who answered, and the usage that its answer reported.
  const turns: Turn[] = [];
  const paths: string[] = [];
  for (const step of STEPS) {
    messages.push(...step);
    const { candidate, policyPath, signals } = await router.route({ messages }, { conversation: { turns } });
    const { stall, toolErrors, userTurn } = signals;
    const path = policyPath.slice(0, 2).join(' → ');
    tell(`turn ${userTurn}, ${toolErrors} errors of tools, repeated ${stall} times: ${path} → ${candidate}`);
    paths.push(`${path} → ${candidate}`);
    const inputTokens = 2000 * (turns.length + 1);
    turns.push({ candidate, ageMs: 5000, inputTokens, outputTokens: 100, cachedTokens: inputTokens - 2000 });
  }
  return paths;
}

await runDirectly(import.meta.url, agentConversation);
