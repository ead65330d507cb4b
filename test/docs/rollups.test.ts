import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRollupsArea } from '../../gateway/admin/rollups-area.ts';
import { openRollups } from '../../gateway/rollups/open-rollups.ts';
import type { RollupAnswer } from '../../gateway/rollups/rollup.ts';
import { root } from '../architecture/source-files.ts';
import { fencedBlocks, shellCommands, shellWords } from '../documents/fenced-blocks.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { ask, mockUpstream, post, testConfig, testGateway } from '../gateway/gateway-fixture.ts';

const blocks = fencedBlocks(readFileSync(join(root, 'docs/rollups.md'), 'utf8'));
const { path } = temporaryFolder();

/** The names of fields, of lists and of what is in them. */
function namesOf(value: unknown, depth = 0): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map((part) => namesOf(part, depth + 1));
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, namesOf(part, depth + 1)]));
}

describe('docs/rollups.md', () => {
  it('asks for what a gateway answers, and shows its fields', async () => {
    const upstream = await mockUpstream();
    const config = await testConfig(upstream, {
      keys: { state: ':memory:' },
      rollups: { file: 'rollups.db' },
      log: { folder: 'decisions' },
    });
    const gateway = await testGateway(config, { folder: path('') });
    const admin = async (address: string, method = 'GET', body?: string) => {
      const request = new Request(address, { method, ...(body === undefined ? {} : { body }) });
      const response = await gateway.fetch(request);
      return { status: response.status, body: await response.json() };
    };
    const { secret } = (await admin('http://127.0.0.1:8800/admin/keys', 'POST', '{"name":"a"}')).body;
    const authorization = `Bearer ${secret}`;
    const answered = await post(gateway, '/v1/chat/completions', ask(), { authorization });
    const decisionId = answered.headers.get('x-pointsman-decision-id');
    await answered.text();
    for (const rating of [1, 0])
      expect((await post(gateway, '/v1/feedback', { decisionId, rating }, { authorization })).status).toBe(
        201,
      );
    await (await post(gateway, '/v1/chat/completions', ask({ stream: true }), { authorization })).text();
    await (await post(gateway, '/v1/route', { text: 'Hello' }, { authorization })).text();
    upstream.answer = (_, response) => response.writeHead(500).end('{}');
    await (await post(gateway, '/v1/chat/completions', ask(), { authorization })).text();
    expect((await post(gateway, '/v1/chat/completions', ask())).status).toBe(401);

    const [command] = shellCommands(blocks.find(({ language }) => language === 'sh')!.body);
    const [curl, address] = shellWords(command);
    expect(curl).toBe('curl');
    const { body, status } = await admin(address);
    expect(status).toBe(200);
    const { rows } = body as RollupAnswer;
    const sum = (count: (row: RollupAnswer['rows'][number]) => number) =>
      rows.reduce((total, row) => total + count(row), 0);
    expect(sum(({ requests }) => requests)).toBe(4);
    expect(sum(({ answered: whole }) => whole)).toBe(2);
    expect(sum(({ failed }) => failed)).toBe(1);
    expect(sum(({ refused }) => refused)).toBe(1);
    expect(sum(({ decided }) => decided.decisions)).toBe(4);
    expect(sum(({ considered }) => considered.decisions)).toBe(12);
    // Of two ratings the first.
    expect(sum(({ ratings }) => ratings.count)).toBe(1);
    expect(sum(({ ratings }) => ratings.rated)).toBe(1);
    expect(sum(({ firstByteMs }) => firstByteMs?.count ?? 0)).toBe(1);
    expect(sum(({ costUsd }) => costUsd)).toBeGreaterThan(0);
    const shown = JSON.parse(blocks.find(({ language }) => language === 'json')!.body);
    const rated = rows.find(({ ratings }) => ratings.count > 0)!;
    const plain = { errors: {}, firstByteMs: null };
    expect(namesOf({ ...rated, ...plain })).toEqual(namesOf({ ...shown.rows[0], ...plain }));
    expect(Object.keys(body)).toEqual(Object.keys(shown));
    const keyed = await admin('http://127.0.0.1:8800/admin/rollups?group=key&by=minute');
    const byRefused = (keyed.body.rows as { key: string; refused: number }[])
      .map(({ key, refused }) => [key, refused])
      .sort((a, b) => Number(a[1]) - Number(b[1]));
    expect(byRefused).toEqual([
      [expect.stringMatching(/^[a-z0-9]{12}$/), 0],
      ['none', 1],
    ]);
  });

  it.each([
    ['by=week', '`by` must be minute'],
    ['group=colour', 'must be some of router'],
    ['from=yesterday', '`from` must be a time'],
    ['colour=red', '`colour` is not known'],
    ['group=task,key', 'counted apart'],
    ['from=2026-01-02&to=2026-01-01', 'later than'],
  ])('says what is wrong with ?%s', async (parameters, message) => {
    const rollups = openRollups({ path: ':memory:', onError: () => {} });
    const area = createRollupsArea(rollups);
    let said: unknown;
    area.onError((error, context) => {
      said = error;
      return context.text('', 400);
    });
    await area.request(`/admin/rollups?${parameters}`);
    expect(String(said)).toContain(message);
    await rollups.close();
  });
});
