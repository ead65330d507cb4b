// The AI SDK, 6 or 7: the gateway is a provider that is compatible with OpenAI. Tools run as with any model.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type * as sdk from 'ai';
import { z } from 'zod';
import type { Tell } from '../run-directly.ts';

/** @param ai the package `ai`. */
export async function aiSdk(tell: Tell, gateway: string, ai: typeof sdk) {
  const pointsman = createOpenAICompatible({
    name: 'pointsman',
    baseURL: `${gateway}/v1`,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
  const { text } = await ai.generateText({ model: pointsman('auto'), prompt: 'Good morning' });

  const asked: string[] = [];
  const weather = ai.tool({
    description: 'The weather',
    inputSchema: z.object({ place: z.string() }),
    execute: async ({ place }) => {
      asked.push(place);
      return `Sunny in ${place}`;
    },
  });
  const streamed = ai.streamText({
    model: pointsman('auto'),
    prompt: 'What is the weather in Bern?',
    tools: { weather },
    stopWhen: ai.stepCountIs(3),
  });
  const answer = await streamed.text;
  tell(`${text} ${answer}`);
  return { text, asked, answer };
}
