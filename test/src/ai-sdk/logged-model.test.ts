import { generateText } from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { routedModel } from 'pointsman/ai-sdk';
import { createDecisionLog, type LogRecord } from 'pointsman/log';
import { expect, it } from 'vitest';
import { scriptedRouter } from './scripted-router.ts';

const usage = {
  inputTokens: { total: 100, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 20, text: undefined, reasoning: undefined },
};

it('a routed model tells the log of its router what came of each call, and the caller the id for feedback', async () => {
  const records: LogRecord[] = [];
  const log = createDecisionLog({ sink: (batch) => void records.push(...batch) });
  const scripted = scriptedRouter({ kind: 'call', candidate: 'small' }, 'large');
  const router = {
    ...scripted,
    log,
    async route(request: Parameters<typeof scripted.route>[0]) {
      const decision = await scripted.route(request);
      return { ...decision, id: log.decided(decision, request) };
    },
  };
  const small = new MockLanguageModelV3({
    doGenerate: async () => ({
      content: [{ type: 'text' as const, text: '391' }],
      finishReason: { unified: 'stop' as const, raw: undefined },
      usage,
      warnings: [],
    }),
  });
  const model = routedModel({ router, models: { small, large: small } });
  const { providerMetadata } = await generateText({ model, prompt: 'What is 17 * 23?' });
  const { decision } = (providerMetadata?.pointsman ?? {}) as unknown as { decision: { id: string } };
  log.feedback(decision.id, { quality: 1 });
  await log.close();
  // $1 and $10 per million tokens.
  expect(records).toMatchObject([
    { kind: 'decision', id: decision.id, request: { messages: [{ role: 'user' }] } },
    {
      kind: 'outcome',
      id: decision.id,
      candidate: 'small',
      inputTokens: 100,
      outputTokens: 20,
      costUsd: 0.0003,
    },
    { kind: 'feedback', id: decision.id, quality: 1 },
  ]);
});
