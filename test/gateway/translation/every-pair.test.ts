import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { mockUpstream, recordOf, resetBeforeEach, testGateway } from '../gateway-fixture.ts';
import { everyProvider, type Said, sayByWire, USAGE } from './wire-upstreams.ts';

const upstream = await mockUpstream();
const gateway = await testGateway({
  ...everyProvider(upstream.url),
  execution: { retryDelayMs: 0, retries: 0 },
});
const sent: Response[] = [];
const fetch = async (url: unknown, init?: RequestInit) => {
  const response = await gateway.fetch(new Request(String(url), init));
  sent.push(response);
  return response;
};
const openai = new OpenAI({ apiKey: 'none', baseURL: 'http://gateway/v1', fetch, maxRetries: 0 });
const anthropic = new Anthropic({ apiKey: 'none', baseURL: 'http://gateway', fetch, maxRetries: 0 });

resetBeforeEach(upstream, sayByWire({ text: 'Good morning.' }));

const SAID: Said = {
  reasoning: 'The user wants the weather in two places.',
  text: 'I will look.',
  calls: [
    { id: 'call1abcd', name: 'weather', input: { place: 'Bern', days: 3 } },
    { id: 'call2abcd', name: 'weather', input: { place: 'Zürich "West"' } },
  ],
  finish: 'calls',
};
const schema = { type: 'object' as const, properties: { place: { type: 'string' } }, required: ['place'] };
const ANTHROPIC_TOOLS = [{ name: 'weather', description: 'The weather', input_schema: schema }];
const CHAT_TOOLS = [
  {
    type: 'function' as const,
    function: { name: 'weather', description: 'The weather', parameters: schema },
  },
];

/** What each SDK was given, in the same words. */
interface Heard {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly id: string; readonly name: string; readonly input: unknown }[];
  readonly finish: unknown;
  readonly usage: readonly unknown[];
  readonly model: unknown;
}

const chatBody = (model: string) => ({
  model,
  messages: [{ role: 'user' as const, content: 'What is the weather?' }],
  tools: CHAT_TOOLS,
});
const heardOfChat = ({ choices, model, usage }: OpenAI.ChatCompletion): Heard => {
  const [{ finish_reason: finish, message }] = choices;
  return {
    text: message.content ?? '',
    reasoning: String((message as never as Record<string, unknown>).reasoning_content ?? ''),
    calls: (message.tool_calls ?? []).map((call) => ({
      id: call.id,
      name: 'function' in call ? call.function.name : '',
      input: 'function' in call ? JSON.parse(call.function.arguments) : '',
    })),
    finish,
    usage: [usage?.prompt_tokens, usage?.prompt_tokens_details?.cached_tokens, usage?.completion_tokens],
    model,
  };
};
const heardOfMessage = ({ content, model, stop_reason: finish, usage }: Anthropic.Message): Heard => ({
  text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
  reasoning: content.map((block) => (block.type === 'thinking' ? block.thinking : '')).join(''),
  calls: content.flatMap((block) =>
    block.type === 'tool_use' ? [{ id: block.id, name: block.name, input: block.input }] : [],
  ),
  finish,
  usage: [
    usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0),
    usage.cache_read_input_tokens,
    usage.output_tokens,
  ],
  model,
});
const heardOfResponse = (response: OpenAI.Responses.Response): Heard => ({
  text: response.output_text,
  reasoning: response.output
    .flatMap((item) => (item.type === 'reasoning' ? item.summary.map(({ text }) => text) : []))
    .join(''),
  calls: response.output.flatMap((item) =>
    item.type === 'function_call'
      ? [{ id: item.call_id, name: item.name, input: JSON.parse(item.arguments) }]
      : [],
  ),
  finish: response.status,
  usage: [
    response.usage?.input_tokens,
    response.usage?.input_tokens_details.cached_tokens,
    response.usage?.output_tokens,
  ],
  model: response.model,
});

/** Each SDK in front, whole and streamed. */
const CLIENTS: Readonly<Record<string, (model: string, stream: boolean) => Promise<Heard>>> = {
  chat: async (model, stream) => {
    if (!stream) return heardOfChat(await openai.chat.completions.create(chatBody(model)));
    const streamed = openai.chat.completions.stream({
      ...chatBody(model),
      stream_options: { include_usage: true },
    });
    let reasoning = '';
    for await (const { choices } of streamed)
      reasoning += (choices[0]?.delta as Record<string, unknown>)?.reasoning_content ?? '';
    const heard = heardOfChat(await streamed.finalChatCompletion());
    return { ...heard, reasoning };
  },
  messages: async (model, stream) => {
    const body = {
      model,
      max_tokens: 2000,
      messages: [{ role: 'user' as const, content: 'What is the weather?' }],
      tools: ANTHROPIC_TOOLS,
    };
    return heardOfMessage(
      stream ? await anthropic.messages.stream(body).finalMessage() : await anthropic.messages.create(body),
    );
  },
  responses: async (model, stream) => {
    const body = {
      model,
      input: 'What is the weather?',
      tools: [{ type: 'function' as const, name: 'weather', parameters: schema, strict: false }],
    };
    return heardOfResponse(
      stream ? await openai.responses.stream(body).finalResponse() : await openai.responses.create(body),
    );
  },
};

const FINISHES: Readonly<Record<string, string>> = {
  chat: 'tool_calls',
  messages: 'tool_use',
  responses: 'completed',
};
/** Who says nothing of thoughts, or gives calls ids of its own, or does not tell of its cache. */
const WITHOUT_THOUGHTS = ['mistral'];
const OWN_IDS = ['google'];
const WITHOUT_CACHE = ['mistral'];

const pairs = Object.keys(CLIENTS).flatMap((client) =>
  Object.keys(everyProvider('').candidates).map((provider) => ({ client, provider })),
);

describe.each(pairs)('a client of $client and an upstream of $provider', ({ client, provider }) => {
  it.each([false, true])('text, thoughts, calls, usage and the end survive (stream: %s)', async (stream) => {
    upstream.answer = sayByWire(SAID);
    const heard = await CLIENTS[client](provider, stream);
    expect(heard).toEqual({
      text: SAID.text,
      reasoning: WITHOUT_THOUGHTS.includes(provider) ? '' : SAID.reasoning,
      calls: SAID.calls!.map((call) =>
        OWN_IDS.includes(provider) ? { ...call, id: expect.stringMatching(/./) } : call,
      ),
      finish: FINISHES[client],
      usage: [
        USAGE.input,
        WITHOUT_CACHE.includes(provider) ? expect.toBeOneOf([0, 40]) : USAGE.cached,
        USAGE.output,
      ],
      model: everyProvider('').candidates[provider as 'openai'].model,
    });
    const response = sent.at(-1)!;
    expect(response.headers.get('x-pointsman-candidate')).toBe(provider);
    expect(response.headers.get('x-pointsman-not-carried')).toBeNull();
    const { attempts, candidate, costUsd } = await recordOf(gateway, response);
    expect([candidate, attempts.length]).toEqual([provider, 1]);
    if (!WITHOUT_CACHE.includes(provider)) expect(costUsd).toBeCloseTo((60 + 40 * 0.5 + 10 * 10) / 1e6, 12);
  });
});
