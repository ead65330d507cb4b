// No SDK at all: fetch, and the events of a stream as they come.
import type { Tell } from '../run-directly.ts';

export async function plainFetch(tell: Tell, gateway: string) {
  const response = await fetch(`${gateway}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'auto',
      stream: true,
      messages: [{ role: 'user', content: 'Good morning' }],
    }),
  });
  if (!response.ok) throw new Error((await response.json()).error.message);
  let text = '';
  let rest = '';
  let isWhole = false;
  for await (const piece of response.body!.pipeThrough(
    new TextDecoderStream(),
  ) as never as AsyncIterable<string>) {
    const events = (rest + piece).split('\n\n');
    rest = events.pop()!;
    for (const event of events) {
      const data = event.replace(/^data: /, '');
      // A stream that breaks ends in an event with `error`, and never with this one.
      if (data === '[DONE]') isWhole = true;
      else text += JSON.parse(data).choices?.[0]?.delta.content ?? '';
    }
  }
  tell(`${response.headers.get('x-pointsman-candidate')}: ${text}`);
  return { text, isWhole, decision: response.headers.get('x-pointsman-decision-id') };
}
