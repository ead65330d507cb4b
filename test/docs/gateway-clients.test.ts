import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as ai6 from 'ai';
import { describe, expect, it } from 'vitest';
import { aiSdk } from '../../docs/examples/gateway/ai-sdk.ts';
import { anthropicSdk } from '../../docs/examples/gateway/anthropic-sdk.ts';
import { codeAgent } from '../../docs/examples/gateway/code-agent.ts';
import { openAiSdk } from '../../docs/examples/gateway/openai-sdk.ts';
import { plainFetch } from '../../docs/examples/gateway/plain-fetch.ts';
import { root } from '../architecture/source-files.ts';
import { mockUpstream, resetBeforeEach, testConfig, testServer } from '../gateway/gateway-fixture.ts';
import { type askedOf, everyProvider, sayByWire } from '../gateway/translation/wire-upstreams.ts';

const upstream = await mockUpstream();
const { upstreams } = everyProvider(upstream.url);

/** Each gateway has one router, and all its candidates behind one provider: what is asked for in one protocol is answered by another. */
const serverOf = async (provider: 'openai' | 'anthropic' | 'google') => {
  const config = await testConfig(upstream, { upstreams: { mock: upstreams[provider] as never } });
  return (await testServer(config)).url;
};
const gateways = {
  openai: await serverOf('openai'),
  anthropic: await serverOf('anthropic'),
  google: await serverOf('google'),
};

const GREETING = 'Good morning to you.';
const SUNNY = 'It is sunny in Bern.';

/** Asks for the tool where there is one, and answers once its result is there. */
const answering =
  (name: string, input: object) =>
  (
    got: Parameters<typeof askedOf>[0] & { readonly headers: never; readonly closed: never },
    response: never,
  ) => {
    const text = JSON.stringify(got.body);
    const hasTool = text.includes(`"${name}"`);
    const hasResult = /"tool_result"|"functionResponse"|"function_call_output"|"role":"tool"/.test(text);
    const said = !hasTool
      ? { text: GREETING }
      : hasResult
        ? { text: SUNNY }
        : { reasoning: 'I look.', calls: [{ id: 'call1abcd', name, input }], finish: 'calls' as const };
    sayByWire(said)(got, response);
  };
resetBeforeEach(upstream, answering('weather', { place: 'Bern' }) as never);

const told: string[] = [];
const tell = (line: string) => void told.push(line);
const EVERY = Object.entries(gateways);

/** An example in JavaScript, of a package that only the gate installs. */
const example = async (file: string, name: string) => {
  try {
    const module = await import(pathToFileURL(join(root, 'docs/examples/gateway', file)).href);
    return module[name] as (say: typeof tell, gateway: string) => Promise<Record<string, unknown>>;
  } catch (error) {
    if (!/Cannot find (package|module)|Failed to (load|resolve)/.test(String(error))) throw error;
    return undefined;
  }
};
const langchain = await example('langchain.mjs', 'langchain');
const agentsSdk = await example('agents-sdk.mjs', 'agentsSdk');
const ai7 = await import(['ai', '7'].join('-')).catch(() => undefined);

describe.each(EVERY)('in front of upstreams of %s', (_, gateway) => {
  it('the SDK of OpenAI', async () => {
    const heard = await openAiSdk(tell, gateway);
    expect(heard).toEqual({ whole: GREETING, text: GREETING, status: 'completed', tokens: 110 });
  });

  it('the SDK of Anthropic', async () => {
    const heard = await anthropicSdk(tell, gateway);
    expect(heard).toEqual({ text: GREETING, stop_reason: 'end_turn', counted: expect.any(Number) });
  });

  it('ai 6', async () => {
    expect(await aiSdk(tell, gateway, ai6)).toEqual({ text: GREETING, asked: ['Bern'], answer: SUNNY });
  });

  it.skipIf(ai7 === undefined)('ai 7 (npm install --no-save ai-7@npm:ai@7)', async () => {
    expect(await aiSdk(tell, gateway, ai7)).toEqual({ text: GREETING, asked: ['Bern'], answer: SUNNY });
  });

  it.skipIf(langchain === undefined)(
    'LangChain.js (npm install --no-save @langchain/openai @langchain/core)',
    async () => {
      expect(await langchain!(tell, gateway)).toEqual({ text: GREETING, answer: SUNNY });
    },
  );

  it.skipIf(agentsSdk === undefined)('the Agents SDK (npm install --no-save @openai/agents)', async () => {
    expect(await agentsSdk!(tell, gateway)).toEqual({ asked: ['Bern'], answer: SUNNY });
  });

  it('a coding agent, turn by turn', async () => {
    upstream.answer = answering('Bash', { command: 'npm test' }) as never;
    const commands: string[] = [];
    const run = (command: string) => `${commands.push(command)} run`;
    expect(await codeAgent(tell, gateway, run)).toEqual({ turns: 2, text: SUNNY });
    expect(commands).toEqual(['npm test']);
    expect(JSON.stringify(upstream.got.at(-1)!.body)).toContain('1 run');
  });

  it('plain fetch', async () => {
    expect(await plainFetch(tell, gateway)).toEqual({
      text: GREETING,
      isWhole: true,
      decision: expect.stringMatching(/^dec_/),
    });
  });

  // Recorded of the published packages on Python 3.11, with every header that they send but those of the connection and the machine.
  const recorded = JSON.parse(readFileSync(join(root, 'test/gateway/recorded/python-sdks.json'), 'utf8'));
  it.each(
    recorded.requests as { path: string; headers: Record<string, string>; body: Record<string, unknown> }[],
  )('what the SDKs of Python sent to $path (%#)', async ({ body, headers, path }) => {
    const response = await fetch(`${gateway}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const text = await response.text();
    expect(response.status).toBe(200);
    const hasTools = body.tools !== undefined;
    expect(text).toMatch(hasTools ? /weather/ : new RegExp(GREETING));
    if (body.stream === true)
      expect(text.trimEnd()).toMatch(/(\[DONE\]|"message_stop"\}|response\.completed.*)$/);
    else expect(JSON.parse(text).model).toMatch(/^model-\d$/);
  });
});
