// What a coding agent such as Claude Code sends: ANTHROPIC_BASE_URL=http://127.0.0.1:8800 claude. Each turn holds the whole
// conversation, with system blocks and the last message marked for the cache, and the results of tools.
import Anthropic from '@anthropic-ai/sdk';
import type { Tell } from '../run-directly.ts';

const CACHED = { cache_control: { type: 'ephemeral' as const } };
const TOOLS: Anthropic.Tool[] = [
  {
    name: 'Bash',
    description: 'Runs a command',
    input_schema: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
  },
];

/** @param run what the tool does. */
export async function codeAgent(tell: Tell, gateway: string, run: (command: string) => string) {
  const client = new Anthropic({ baseURL: gateway, apiKey: 'none' });
  const messages: Anthropic.MessageParam[] = [
    { role: 'user', content: [{ type: 'text', text: 'How many tests are there?', ...CACHED }] },
  ];
  for (let turn = 1; turn <= 10; turn++) {
    const answer = await client.messages
      .stream({
        model: 'auto',
        max_tokens: 32_000,
        thinking: { type: 'enabled', budget_tokens: 4000 },
        system: [{ type: 'text', text: 'You are a coding agent.', ...CACHED }],
        tools: TOOLS,
        messages,
      })
      .finalMessage();
    messages.push({ role: 'assistant', content: answer.content });
    const calls = answer.content.filter((block) => block.type === 'tool_use');
    if (calls.length === 0) {
      const text = answer.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
      tell(`after ${turn} turns: ${text}`);
      return { turns: turn, text };
    }
    messages.push({
      role: 'user',
      content: calls.map(({ id, input }) => ({
        type: 'tool_result',
        tool_use_id: id,
        content: run((input as { command: string }).command),
      })),
    });
  }
  throw new Error('The agent came to no end.');
}
