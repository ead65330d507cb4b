// LangChain.js: npm install @langchain/openai @langchain/core
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';

export async function langchain(tell, gateway) {
  const model = new ChatOpenAI({
    model: 'auto',
    apiKey: 'none',
    configuration: { baseURL: `${gateway}/v1` },
  });
  const pieces = [];
  for await (const piece of await model.stream('Good morning')) pieces.push(piece.content);
  tell(pieces.join(''));

  const weather = tool(({ place }) => `Sunny in ${place}`, {
    name: 'weather',
    description: 'The weather',
    schema: z.object({ place: z.string() }),
  });
  const question = { role: 'user', content: 'What is the weather in Bern?' };
  const withTools = model.bindTools([weather]);
  const called = await withTools.invoke([question]);
  const results = await Promise.all(called.tool_calls.map((call) => weather.invoke(call)));
  const answer = await withTools.invoke([question, called, ...results]);
  return { text: pieces.join(''), answer: answer.content };
}
