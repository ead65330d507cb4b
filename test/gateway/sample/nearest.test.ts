import { join } from 'node:path';
import { createDecisionLog } from 'pointsman/log';
import { beforeAll, describe, expect, it } from 'vitest';
import { createGateway, type Gateway } from '../../../gateway/create-gateway.ts';
import { openDecisionSample } from '../../../gateway/sample/decision-sample.ts';
import { cosineOf, directionOf, type Nearest, nearestEarlier } from '../../../gateway/sample/nearest.ts';
import { addReports } from '../../../training/artifact/build-artifact.ts';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { servingArtifact } from '../../fixtures/serving-artifact.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import {
  ask,
  MOCK_KEY,
  mockUpstream,
  post,
  resetBeforeEach,
  testConfig,
  testGateway,
} from '../gateway-fixture.ts';

const { folder } = temporaryFolder();
const upstream = await mockUpstream();
resetBeforeEach(upstream);

const say = async (gateway: Gateway, content: string, more: object = {}): Promise<string> => {
  const body = ask({ messages: [{ role: 'user', content }], ...more });
  const response = await post(gateway, '/v1/chat/completions', body);
  await response.text();
  return response.headers.get('x-pointsman-decision-id') as string;
};
const nearestOf = async (gateway: Gateway, id: string): Promise<Nearest> =>
  (await gateway.fetch(new Request(`http://127.0.0.1/admin/decisions/${id}/nearest`))).json();

const SUM = 'What is 17 * 23?';
const LIKE = 'What is 18 * 23?';
const OTHER = 'Write a short poem about the autumn rain in Lisbon.';

describe('what was asked before', () => {
  it('is told with who answered and how that was rated, the most alike first', async () => {
    const gateway = await testGateway(await testConfig(upstream, { log: { folder: join(folder, 'log') } }));
    await say(gateway, OTHER);
    for (const rating of [1, 0])
      await post(gateway, '/v1/feedback', { decisionId: await say(gateway, LIKE), rating });
    await say(gateway, LIKE);
    const named = await say(gateway, LIKE, { model: 'm1' });
    const id = await say(gateway, SUM);
    const { earlier, examples, lookedAt } = await nearestOf(gateway, id);
    expect([examples, lookedAt]).toEqual([null, 4]);
    expect(earlier!.map(({ prompt }) => prompt)).toEqual([LIKE, OTHER]);
    expect(earlier![0].similarity).toBeGreaterThan(earlier![1].similarity + 0.1);
    const { candidate } = await (
      await gateway.fetch(new Request(`http://gateway/v1/decisions/${earlier![0].id}`))
    ).json();
    expect(earlier![0].answers).toEqual([
      { candidate, answers: 3, rated: 2, meanQuality: 0.5, meanCostUsd: expect.any(Number) },
    ]);
    // Of the same words the cosine is 1; the request itself is not among them.
    const again = await nearestOf(gateway, await say(gateway, SUM));
    expect(again.earlier![0]).toMatchObject({ prompt: SUM, similarity: 1, id });
    expect(await nearestOf(gateway, named)).toMatchObject({ earlier: null });
  });

  it('shows no words where none are kept', async () => {
    const log = { folder: join(folder, 'hashed'), content: 'hash' } as const;
    const gateway = await testGateway(await testConfig(upstream, { log }));
    await say(gateway, LIKE);
    const nearest = await nearestOf(gateway, await say(gateway, SUM));
    expect(nearest.earlier).toMatchObject([
      { prompt: null, promptHash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
    expect(JSON.stringify(nearest)).not.toContain('What is');
  });

  it('is forgotten with a person', async () => {
    const gateway = await testGateway(
      await testConfig(upstream, { log: { folder: join(folder, 'forgotten') } }),
    );
    await say(gateway, LIKE, { user: 'ada@example.com' });
    await say(gateway, OTHER, { user: 'bob@example.com' });
    const id = await say(gateway, SUM);
    expect((await nearestOf(gateway, id)).lookedAt).toBe(2);
    const forget = (body: unknown) =>
      gateway.fetch(
        new Request('http://127.0.0.1/admin/sample/forget', { method: 'POST', body: JSON.stringify(body) }),
      );
    expect(await (await forget({ user: 'ada@example.com' })).json()).toEqual({ removed: 1 });
    expect((await forget({})).status).toBe(400);
    expect((await nearestOf(gateway, id)).earlier).toMatchObject([{ prompt: OTHER }]);
  });
});

it('decisions of another version are compared, where it embeds alike, and else not', async () => {
  for (const [embedders, lookedAt] of [
    [{ 'support-old': 'table-1', 'support-new': 'table-1' }, 1],
    [{ 'support-old': 'table-0', 'support-new': 'table-1' }, 0],
  ] as const) {
    const sample = openDecisionSample({
      afterwards: { add: (work) => work(), run() {} },
      path: ':memory:',
      keptMs: 86_400_000,
      newest: 10,
      embedderOf: (artifactId) => embedders[artifactId as keyof typeof embedders],
      onError: (error) => expect(error).toBe(undefined),
    });
    let made = 0;
    const newId = () => `dec_0000000${made++}`;
    const log = sample.tap(createDecisionLog({ sink: () => {}, newId }));
    const decided = (artifactId: string) => {
      const decision = { artifactId, candidate: 'm0', policyPath: ['utility'], predictions: [], signals: {} };
      const id = log.decided(decision as never, { text: 'Hi' }, new Float32Array([1, 2, 3]));
      log.outcome(id, { candidate: 'm0' });
      return id;
    };
    decided('support-old');
    const id = decided('support-new');
    expect((await nearestEarlier(sample, 'support', id, sample.vectorOf(id)!)).lookedAt).toBe(lookedAt);
    await sample.close();
  }
});

describe('of the training', () => {
  const path = join(folder, 'examples', 'support');
  beforeAll(async () => {
    const artifact = await servingArtifact({ candidates: 3 });
    const examples = [
      { text: OTHER, task: null, quality: { m0: 0, m2: 1 } },
      { text: LIKE, task: null, quality: { m0: 1, m1: 1 } },
    ];
    const files = new Map([['examples.json', new TextEncoder().encode(JSON.stringify(examples))]]);
    await writeArtifact(path, await addReports(artifact, artifact.manifest.metrics, files));
  });

  it('the prompts that the artifact carries are told with how good each candidate was', async () => {
    const config = await testConfig(upstream, { routers: { main: { folder: path } } });
    const gateway = await createGateway(config, { env: { MOCK_KEY } });
    const { earlier, examples } = await nearestOf(gateway, await say(gateway, SUM));
    expect(earlier).toEqual([]);
    expect(examples).toMatchObject([
      { prompt: LIKE, quality: { m0: 1, m1: 1 } },
      { prompt: OTHER, quality: { m0: 0, m2: 1 } },
    ]);
    expect(examples![0].similarity).toBeGreaterThan(examples![1].similarity);
    await gateway.close();
  });
});

it('a direction has the cosines of its embedding, and nothing has none', () => {
  const [a, b] = [3, 7].map((step) => Float32Array.from({ length: 256 }, (_, i) => Math.sin(i * step) + 0.2));
  const dot = a.reduce((sum, value, i) => sum + value * b[i], 0);
  const exact = dot / Math.sqrt(a.reduce((sum, v) => sum + v * v, 0) * b.reduce((sum, v) => sum + v * v, 0));
  expect(cosineOf(directionOf(a)!, directionOf(b)!)).toBeCloseTo(exact, 2);
  expect(directionOf(new Float32Array(3))).toBe(null);
});
