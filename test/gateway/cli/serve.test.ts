import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { main } from '../../../gateway/cli/main.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { ask, MOCK_KEY, mockUpstream, routerFolder, testServer } from '../gateway-fixture.ts';

const { folder } = temporaryFolder();
const upstream = await mockUpstream();

/** Runs the command until `use` is done with the server. */
async function run(
  args: readonly string[],
  use: (url: string, printed: string) => Promise<void> = async () => {},
) {
  let stdout = '';
  let stderr = '';
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const ending = main(args, {
    stdout: (text) => {
      stdout += text;
      const url = /Serving at (\S+)/.exec(text)?.[1];
      if (url !== undefined) use(url, stdout).then(stop, stop);
    },
    stderr: (text) => {
      stderr += text;
    },
    env: { MOCK_KEY },
    columns: 100,
    stopped: () => stopped,
  });
  return { code: await ending, stdout, stderr };
}

const send = (url: string, path: string, body: unknown) =>
  fetch(url + path, { method: 'POST', body: JSON.stringify(body), headers: { connection: 'close' } });

describe('pointsman serve', () => {
  it('serves a router and nothing else, and keeps a log where one is asked for', async () => {
    let candidate: unknown;
    const log = join(folder, 'log');
    const { code, stdout, stderr } = await run(
      ['serve', await routerFolder(), '--port', '0', '--log', log],
      async (url) => {
        const decision = await (await send(url, '/v1/route', { text: 'Hi' })).json();
        candidate = decision.candidate;
        expect((await send(url, '/v1/feedback', { decisionId: decision.id, rating: 'up' })).status).toBe(201);
        expect((await send(url, '/v1/chat/completions', ask())).status).toBe(503);
      },
    );
    expect([code, stderr, candidate]).toEqual([0, '', expect.stringMatching(/^m[012]$/)]);
    expect(stdout).toContain('Routers: support\n');
    expect(stdout).toContain('Keys: none are asked for');
    expect(stdout).toContain(`Decision log: ${log}\n`);
    expect(stdout).toMatch(/127\.0\.0\.1:\d+\n[\s\S]*no model is called[\s\S]*Stopping/);
  });

  it('serves what a configuration says, with secrets of the environment and paths of its own folder', async () => {
    const file = join(folder, 'gateway.yaml');
    writeFileSync(
      file,
      `listen: { port: 0 }
upstreams:
  mock: { baseUrl: ${upstream.url}/v1, apiKey: '\${MOCK_KEY}' }
candidates:
  m0: { upstream: mock }
  m1: { upstream: mock }
routers:
  support: { folder: ${await routerFolder()} }
log: { folder: decisions, content: hash }
keys: { state: gateway.db }
`,
    );
    let answer: unknown;
    const { code, stdout } = await run(['serve', '--config', file], async (url) => {
      expect((await send(url, '/v1/chat/completions', ask())).status).toBe(401);
      const made = await fetch(`${url}/admin/keys`, { method: 'POST', body: '{"name":"a"}' });
      const headers = { 'x-api-key': (await made.json()).secret, connection: 'close' };
      const body = JSON.stringify(ask({ model: 'm1' }));
      answer = await (await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body })).json();
    });
    expect([code, answer]).toMatchObject([0, { choices: [{ message: { content: 'from m1' } }] }]);
    expect(stdout).toContain('Candidates: m0 (mock), m1 (mock)');
    expect(stdout).toContain('Keys: each request needs one');
    expect(stdout).toContain(`Decision log: ${join(folder, 'decisions')}`);
    expect(stdout).not.toContain(MOCK_KEY);
  });

  it('says which router has no candidate with an upstream, and which names no router knows', async () => {
    const file = join(folder, 'unmatched.yaml');
    const router = await routerFolder();
    const write = (names: string) =>
      writeFileSync(
        file,
        `listen: { port: 0 }
upstreams: { mock: { baseUrl: ${upstream.url}/v1 } }
candidates: { ${names} }
routers: { support: { folder: ${router} } }
`,
      );
    write('small: { upstream: mock }, large: { upstream: mock }');
    const refused: unknown[] = [];
    const ran = await run(['serve', '--config', file], async (url) => {
      for (const path of ['/v1/chat/completions', '/v1/messages']) {
        const response = await send(url, path, ask({ max_tokens: 5 }));
        refused.push(response.status, await response.text());
      }
      refused.push(await (await fetch(`${url}/ready`)).json());
    });
    const router503 = expect.stringMatching(/configuration has no upstream for any candidate.*m0, m1, m2/);
    const warning =
      'The router "support" has no candidate with an upstream: it knows m0, m1, m2, and `candidates` of the configuration are small, large. Give them the same names.';
    const unknown = 'No router knows small, large of `candidates`, so requests must name them to reach them.';
    expect(refused).toEqual([
      503,
      router503,
      503,
      router503,
      expect.objectContaining({ warnings: [warning, unknown] }),
    ]);
    expect(refused.join()).not.toContain('client');
    expect([ran.code, ran.stderr]).toEqual([0, `Warning: ${warning}\nWarning: ${unknown}\n`]);

    write('m1: { upstream: mock }, large: { upstream: mock }');
    const half = await run(['serve', '--config', file], async (url) => {
      const limits = { 'x-pointsman-limits': '{"allow":["m0"]}', connection: 'close' };
      const body = JSON.stringify(ask());
      const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: limits, body });
      const { error } = await response.json();
      expect([response.status, error.code]).toEqual([400, 'no_candidate']);
      expect(error.message).toContain("the gateway's configuration has no upstream for it");
      expect(error.message).not.toContain('client');
    });
    expect(half.stderr).toBe(
      'Warning: No router knows large of `candidates`, so requests must name them to reach them.\n',
    );
  });

  it.each([
    [['serve', 'models/a', '--config', 'b.yaml'], 2, 'one of the two'],
    [['serve', '--config', '/none/gateway.yaml'], 1, 'cannot be read (ENOENT)'],
    [['serve', '/none/router'], 1, 'There is no router in'],
    [['serve', 'models/a', '--port', 'x'], 2, 'Give a number from 0 to 65535'],
    [['server'], 2, "unknown command 'server'"],
  ])('%j is refused in a sentence', async (args, code, words) => {
    const ran = await run(args);
    expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(words)]);
  });

  it('says so where somebody else listens already, and leaves nothing open', async () => {
    const { url } = await testServer({
      listen: { port: 0 },
      routers: { a: { folder: await routerFolder() } },
    });
    const ran = await run(['serve', await routerFolder(), '--port', new URL(url).port]);
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining('EADDRINUSE')]);
  });

  it('has help with examples', async () => {
    const { code, stdout } = await run(['serve', '--help']);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('$ npx pointsman serve --config gateway.yaml'),
    ]);
  });
});
