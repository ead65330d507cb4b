// Anthropic's SDK: its base URL ends before /v1. Whoever answers, it is a message.
import Anthropic from '@anthropic-ai/sdk';
import type { Tell } from '../run-directly.ts';

export async function anthropicSdk(tell: Tell, gateway: string) {
  const client = new Anthropic({ baseURL: gateway, apiKey: 'none' });
  const asked = {
    model: 'auto',
    max_tokens: 1000,
    messages: [{ role: 'user' as const, content: 'Good morning' }],
  };
  const { input_tokens } = await client.messages.countTokens({ model: 'auto', messages: asked.messages });
  let text = '';
  const stream = client.messages.stream(asked).on('text', (piece) => {
    text += piece;
  });
  const { stop_reason } = await stream.finalMessage();
  tell(`${input_tokens} tokens in, ${text}`);
  return { text, stop_reason, counted: input_tokens };
}
