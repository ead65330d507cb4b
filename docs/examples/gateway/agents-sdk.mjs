// OpenAI's Agents SDK: npm install @openai/agents openai zod. It asks by the Responses API.
import { Agent, OpenAIProvider, Runner, tool } from '@openai/agents';
import OpenAI from 'openai';
import { z } from 'zod';

export async function agentsSdk(tell, gateway) {
  const openAIClient = new OpenAI({ baseURL: `${gateway}/v1`, apiKey: 'none' });
  const runner = new Runner({
    modelProvider: new OpenAIProvider({ openAIClient, useResponses: true }),
    tracingDisabled: true,
  });
  const asked = [];
  const weather = tool({
    name: 'weather',
    description: 'The weather',
    parameters: z.object({ place: z.string() }),
    execute: async ({ place }) => {
      asked.push(place);
      return `Sunny in ${place}`;
    },
  });
  const agent = new Agent({
    name: 'Guide',
    instructions: 'You know the weather.',
    model: 'auto',
    tools: [weather],
  });
  const { finalOutput } = await runner.run(agent, 'What is the weather in Bern?');
  tell(finalOutput);
  return { asked, answer: finalOutput };
}
