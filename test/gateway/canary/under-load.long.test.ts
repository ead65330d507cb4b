import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { VersionsAnswer } from '../../../gateway/admin/versions-area.ts';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { servingArtifact } from '../../fixtures/serving-artifact.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { ask, mockUpstream, testConfig, testServer } from '../gateway-fixture.ts';

const { folder } = temporaryFolder();

it('a version is swapped in, a canary promoted and another rolled back under load, and no request is lost', async () => {
  const support = join(folder, 'support');
  const plain = join(folder, 'plain');
  const made: { version: string; id: string }[] = [];
  for (const weights of ['balanced', 'cheapest', 'best']) {
    const built = await servingArtifact({ candidates: 3, policy: { kind: 'utility', weights } });
    for (const router of [support, plain]) {
      const { version } = await writeArtifact(router, built, { point: weights === 'balanced' });
      if (router === support) made.push({ version, id: built.manifest.id });
    }
  }
  const [first, better, worse] = made;
  const point = (router: string, { version }: { version: string }) =>
    writeFileSync(join(router, 'current.json'), JSON.stringify({ version }));
  const errors: unknown[] = [];
  const canary = {
    steps: [0.1, 0.5, 1],
    minRatings: 20,
    minRequests: 20,
    maxRegret: 0.2,
    maxErrorIncrease: 0.2,
  };
  const config = await testConfig(await mockUpstream(), {
    keys: { state: ':memory:' },
    rollups: { file: join(folder, 'rollups.db') },
    log: { folder: join(folder, 'log') },
    routers: { support: { folder: support, canary }, plain: { folder: plain } },
  });
  const server = await testServer(config, { onError: (error) => errors.push(error) });
  const admin = async (path: string, body?: object) => {
    const given = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    return (await fetch(`${server.url}/admin/${path}`, given)).json();
  };
  const { secret } = await admin('keys', { name: 'load' });
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
  const send = (path: string, body: object, more = {}) =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { ...headers, ...more },
      body: JSON.stringify(body),
    });
  const standing = async () => ((await admin('versions')) as VersionsAnswer).routers.support;

  let isOver = false;
  const statuses = new Map<string, number>();
  const versionsOf = new Map<string, Set<string>>();
  const artifactIds = new Set<string>();
  let n = 0;
  const client = async (model: string) => {
    while (!isOver) {
      const conversation = `c${n++ % 200}`;
      const isStream = n % 3 === 0;
      const response = await send('/v1/chat/completions', ask({ model, stream: isStream }), {
        'x-pointsman-conversation-id': conversation,
      });
      const text = await response.text();
      const isWhole = isStream ? text.includes('[DONE]') : text.includes('finish_reason');
      const outcome = `${response.status} ${isWhole ? 'whole' : 'cut'}`;
      statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1);
      const id = response.headers.get('x-pointsman-decision-id');
      const record = await (await fetch(`${server.url}/v1/decisions/${id}`, { headers })).json();
      const { artifactId } = record.decision;
      artifactIds.add(`${model} ${artifactId}`);
      if (model === 'router/plain') continue;
      const seen = versionsOf.get(conversation) ?? new Set();
      versionsOf.set(conversation, seen.add(artifactId));
      const rating = artifactId === worse.id ? 0.1 : artifactId === better.id ? 0.9 : 0.6;
      // Single requests are rated: of a conversation the first rating counts alone.
      const single = await send('/v1/chat/completions', ask({ model }));
      await single.text();
      const singleId = single.headers.get('x-pointsman-decision-id');
      const by = (await (await fetch(`${server.url}/v1/decisions/${singleId}`, { headers })).json()).decision
        .artifactId;
      const said = by === worse.id ? 0.1 : by === better.id ? 0.9 : 0.6;
      for (const [decisionId, quality] of [
        [id, rating],
        [singleId, said],
      ] as const) {
        const { status } = await send('/v1/feedback', { decisionId, rating: quality });
        statuses.set(`feedback ${status}`, (statuses.get(`feedback ${status}`) ?? 0) + 1);
      }
    }
  };
  const clients = Promise.all(
    [...Array(12).fill('router/support'), ...Array(4).fill('router/plain')].map(client),
  );
  const until = async (isSo: () => Promise<boolean>) => {
    while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 100));
  };

  point(plain, better);
  point(support, better);
  await until(async () => (await standing()).canary !== null);
  await until(async () => (await standing()).champion.version === better.version);
  versionsOf.clear();
  point(support, worse);
  await until(async () => (await standing()).canary?.version === worse.version);
  const during = versionsOf;
  await until(async () => (await standing()).canary === null);
  isOver = true;
  await clients;

  const { champion, verdicts } = await standing();
  expect(champion).toEqual({ version: better.version, artifactId: better.id });
  expect(verdicts.map(({ by, verdict, version }) => [version, verdict, by])).toEqual([
    [worse.version, 'rolled back', 'test'],
    [better.version, 'promoted', 'test'],
  ]);
  expect([...statuses.keys()].sort()).toEqual(['200 whole', 'feedback 201']);
  expect([...artifactIds].sort()).toEqual(
    [
      `router/plain ${first.id}`,
      `router/plain ${better.id}`,
      ...made.map(({ id }) => `router/support ${id}`),
    ].sort(),
  );
  // The new version came once, took its share and went; some never saw it.
  const shares = [...during.values()].filter((seen) => seen.has(worse.id)).length / during.size;
  expect(shares).toBeGreaterThan(0.01);
  expect(shares).toBeLessThan(0.8);
  expect(errors).toEqual([]);
  console.log(`${[...statuses].map(([outcome, times]) => `${outcome}: ${times}`).join(', ')}`);
}, 180_000);
