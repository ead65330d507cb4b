// OpenAI's SDK: the base URL is the gateway's, and `auto` lets the router choose. Nothing else is changed.
import OpenAI from 'openai';
import type { Tell } from '../run-directly.ts';

export async function openAiSdk(tell: Tell, gateway: string) {
  const client = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: 'none' });
  const { data, response } = await client.chat.completions
    .create({ model: 'auto', messages: [{ role: 'user', content: 'Good morning' }] })
    .withResponse();
  tell(`${response.headers.get('x-pointsman-candidate')}: ${data.choices[0].message.content}`);

  const stream = client.responses.stream({ model: 'auto', input: 'Good morning' });
  let text = '';
  for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta;
  const { status, usage } = await stream.finalResponse();
  return { whole: data.choices[0].message.content, text, status, tokens: usage?.total_tokens };
}
