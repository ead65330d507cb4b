import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { GatewayConfig } from '../../../gateway/config/schema.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import type { RollupAnswer } from '../../../gateway/rollups/rollup.ts';
import { readRatings } from '../../../gateway/shadow/judge.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import {
  type Answering,
  ask,
  completion,
  mockUpstream,
  plainAnswer,
  post,
  recordOf,
  resetBeforeEach,
  sendJson,
  testConfig,
  testGateway,
} from '../gateway-fixture.ts';

const { path } = temporaryFolder();
const upstream = await mockUpstream();

/** The judge likes longer answers of model-2, and mildly whatever stands first. */
const judging: Answering = (got, response) => {
  if (got.body.model !== 'judge-1') return plainAnswer(got, response);
  const content = String((got.body.messages as { content: string }[])[1].content);
  const [, first] = content.split('<first>');
  const [firstText, second] = first.split('<second>');
  const rate = (text: string, bonus: number) => (text.includes('model-2') ? 7 : 3) + bonus;
  sendJson(response, completion(JSON.stringify({ first: rate(firstText, 2), second: rate(second, 0) })));
};
resetBeforeEach(upstream, judging);

let logs = 0;
async function shadowConfig(shadow: object, more: Partial<GatewayConfig> = {}): Promise<GatewayConfig> {
  const config = await testConfig(upstream);
  const prices = { inputPricePerMillionTokens: 1, outputPricePerMillionTokens: 1 };
  return {
    ...config,
    candidates: { ...config.candidates, judge: { upstream: 'mock', model: 'judge-1', ...prices } },
    log: { folder: path(`log-${logs++}`) },
    keys: undefined as never,
    shadow: { share: 1, choose: 'uniform', budgetUsdPerDay: 10, judge: 'judge', ...shadow },
    ...more,
  };
}

function recordsOf({ log }: GatewayConfig): Record<string, never>[] {
  const folder = log!.folder as string;
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line));
}

/** Sends requests, waits for what goes on in the background, and closes. */
async function run(config: GatewayConfig, bodies: readonly object[], options = {}, headers = {}) {
  const { keys: _, ...rest } = config;
  const errors: unknown[] = [];
  const gateway = await createGateway(rest, {
    env: { MOCK_KEY: 'x' },
    onError: (error) => errors.push(error),
    ...options,
  });
  const responses: Response[] = [];
  for (const body of bodies) {
    const response = await post(gateway, '/v1/chat/completions', body, headers);
    await response.clone().text();
    responses.push(response);
  }
  const records = await Promise.all(responses.map((response) => recordOf(gateway, response)));
  await gateway.close();
  return { records, responses, errors, log: recordsOf(rest) };
}

describe('shadow answers', () => {
  it.each([false, true])(
    'are rated blind and in both orders, and logged as another answer to the prompt (stream: %s)',
    async (stream) => {
      const config = await shadowConfig({});
      const { errors, log, records } = await run(config, [ask({ stream })]);
      expect(errors).toEqual([]);
      const [decision, beside] = log.filter(({ kind }) => kind === 'decision') as never as Record<
        string,
        never
      >[];
      expect(beside.promptHash).toBe(decision.promptHash);
      expect(beside.request).toEqual(decision.request);
      expect(beside.candidate).not.toBe(decision.candidate);
      expect((beside.policyPath as string[])[0]).toBe('shadow');
      // Two others, each with a half.
      expect(beside.propensity).toBeCloseTo(0.5, 9);
      const outcomes = log.filter(({ kind }) => kind === 'outcome');
      expect(outcomes.map(({ candidate, id, status }) => [id, candidate, status])).toEqual([
        [decision.id, decision.candidate, 'answered'],
        [beside.id, beside.candidate, 'answered'],
      ]);
      const quality = (candidate: string) => (candidate === 'm2' ? 0.8 : 0.4);
      expect(log.filter(({ kind }) => kind === 'feedback')).toMatchObject([
        { id: beside.id, quality: quality(beside.candidate), source: 'judge' },
        { id: decision.id, quality: quality(decision.candidate), source: 'judge' },
      ]);
      const asked = upstream.got
        .filter(({ body }) => body.model === 'judge-1')
        .map(({ body }) => JSON.stringify(body));
      expect(asked.length).toBe(2);
      for (const text of asked) expect(text).not.toMatch(/"m[012]"/);
      expect(records[0].state).toBe('answered');
    },
  );

  it('keep to their budget, over a restart too, and are counted', async () => {
    // Each costs about 0.012 dollars, and about as much is set aside for it: two fit, whether one waits for the other or not.
    upstream.answer = (got, response) => {
      const [, candidate] = String(got.body.model).split('model-');
      if (candidate === undefined) return judging(got, response);
      const usage = { prompt_tokens: 0, completion_tokens: 1200 / (Number(candidate) + 1) };
      sendJson(response, completion(`from ${got.body.model}`, { usage }));
    };
    const config = await shadowConfig({ budgetUsdPerDay: 0.03 });
    const folder = config.log!.folder;
    const count = (log: Record<string, never>[]) =>
      log.filter(({ policyPath }) => (policyPath as string[] | undefined)?.[0] === 'shadow').length;
    expect(count((await run(config, [ask()])).log)).toBe(1);
    expect(count((await run(config, Array(12).fill(ask()))).log)).toBe(2);
    const after = await run(config, Array(6).fill(ask()));
    expect(count(after.log)).toBe(2);
    const gateway = await testGateway({
      ...(await testConfig(upstream)),
      keys: { state: ':memory:' },
      log: { folder },
    });
    const { rows } = (await (
      await gateway.fetch(new Request('http://127.0.0.1/admin/rollups'))
    ).json()) as RollupAnswer;
    const [{ shadow }] = rows;
    expect(shadow.answers).toBe(count(after.log));
    expect(shadow.judged).toBe(shadow.answers);
    expect(shadow.judgeCostUsd).toBeGreaterThan(0);
    expect(shadow.costUsd + shadow.judgeCostUsd).toBeLessThanOrEqual(0.03);
  });

  it('leave out what says so, what a tool is to do, and candidates beyond its limits', async () => {
    const config = await shadowConfig({});
    const off = await run(config, [ask()], {}, { 'x-pointsman-explore': 'off' });
    const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }];
    const withTools = await run(await shadowConfig({}), [ask({ tools })]);
    const named = await run(await shadowConfig({}), [ask({ model: 'm0' })]);
    for (const { log } of [off, withTools, named])
      expect(log.filter(({ kind }) => kind === 'decision').length).toBe(1);
    const limited = await run(
      await shadowConfig({}),
      Array(6).fill(ask()),
      {},
      {
        'x-pointsman-limits': JSON.stringify({ deny: ['m1'] }),
      },
    );
    expect(
      new Set(limited.log.filter(({ kind }) => kind === 'decision').map(({ candidate }) => candidate)),
    ).not.toContain('m1');
  });

  it('that fail, hang or cannot be judged cost the user nothing', async () => {
    let answered = 0;
    upstream.answer = (got, response) => {
      // Of every request the first call is the user's.
      if (got.body.model !== 'judge-1' && answered++ % 2 === 0) return plainAnswer(got, response);
      if (answered === 2) return sendJson(response, { error: { message: 'no' } }, 500);
      if (got.body.model === 'judge-1') return sendJson(response, completion('I like both.'));
      return plainAnswer(got, response);
    };
    const config = await shadowConfig({ concurrent: 1 }, { execution: { retries: 0 } });
    const { errors, log, responses } = await run(config, [ask()]);
    expect(responses[0].status).toBe(200);
    expect(errors.length).toBe(1);
    expect(log.filter(({ kind, status }) => kind === 'outcome' && status === 'failed').length).toBe(1);
    const unclear = await run(await shadowConfig({}, { execution: { retries: 0 } }), [ask()]);
    expect(String(unclear.errors[0])).toContain('The judge must reply');
    expect(unclear.log.filter(({ kind }) => kind === 'feedback')).toEqual([]);
  });

  it('may be judged by a function, and words are not kept where they are not to be', async () => {
    const { judge: _, ...shadow } = (await shadowConfig({})).shadow as { judge: string } & NonNullable<
      GatewayConfig['shadow']
    >;
    const config = { ...(await shadowConfig({})), shadow };
    await expect(run(config, [])).rejects.toThrow('`shadow.judge` must be');
    const seen: unknown[] = [];
    const judge = async (comparison: object) => {
      seen.push(comparison);
      return { first: 0.25, second: 0.75 };
    };
    const hashed = { ...config, log: { folder: path('hashed'), content: 'hash' as const } };
    const { log } = await run(hashed, [ask()], { judge });
    expect(seen.length).toBe(2);
    expect(log.filter(({ kind }) => kind === 'feedback').map(({ quality }) => quality)).toEqual([0.5, 0.5]);
    expect(JSON.stringify(log)).not.toContain('17 * 23');
  });

  it('need a judge whose price is known', async () => {
    const config = await shadowConfig({ judge: 'm9' });
    await expect(run(config, [])).rejects.toThrow('must be one of candidates');
  });
});

it('reads ratings from a reply, and nothing else', () => {
  expect(readRatings('Well. {"first": 10, "second": 0}')).toEqual({ first: 1, second: 0 });
  expect(readRatings('{"first": 1, "second": 2} no: {"second": 4, "first": 5}')).toEqual({
    first: 0.5,
    second: 0.4,
  });
  for (const reply of ['', '{"first": 11, "second": 1}', '{"first": "9", "second": 1}', '{first}'])
    expect(() => readRatings(reply)).toThrow('The judge must reply');
});
