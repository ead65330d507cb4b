import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { keysCommand } from '../../gateway/cli/keys.ts';
import { checkConfig } from '../../gateway/config/load-config.ts';
import { configSchema } from '../../gateway/config/schema.ts';
import { keySettingsSchema } from '../../gateway/state/key-record.ts';
import { root } from '../architecture/source-files.ts';
import { fencedBlocks, shellCommands, shellWords } from '../documents/fenced-blocks.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { mockUpstream, post, routerFolder, testGateway } from '../gateway/gateway-fixture.ts';

const text = readFileSync(join(root, 'docs/keys-and-budgets.md'), 'utf8');
const blocks = fencedBlocks(text);
const { path } = temporaryFolder();
const state = path('gateway.db');

async function keys(words: readonly string[]): Promise<string> {
  let said = '';
  const stdout = (part: string) => {
    said += part;
  };
  await keysCommand({ stdout, env: { POINTSMAN_STATE: state } }).parseAsync([...words], { from: 'user' });
  return said;
}

/** First cells of a table, without backticks. */
function firstCells(header: string): string[] {
  const [, after] = text.split(`\n| ${header} |`);
  return [...after.split('\n\n')[0].matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
}

describe('docs/keys-and-budgets.md', () => {
  it('leads from nothing to an answer, by its commands and its configuration', async () => {
    const upstream = await mockUpstream();
    const config = parse(blocks.find(({ name }) => name === 'gateway.yaml')!.body);
    config.upstreams.openai.baseUrl = `${upstream.url}/v1`;
    config.routers.support.folder = await routerFolder();
    config.keys.state = state;
    const gateway = await testGateway(
      { ...checkConfig(config, 'the page', root), listen: { host: '127.0.0.1', port: 0 } },
      { env: { OPENAI_API_KEY: 'sk-x' } },
    );
    const commands = blocks
      .filter(({ language }) => language === 'sh')
      .flatMap(({ body }) => shellCommands(body))
      .filter((command) => command.startsWith('npx pointsman keys'))
      .map((command) => shellWords(command).slice(3));
    expect(commands.length).toBe(7);
    const [create, list, ...others] = commands;
    const [secret] = (await keys(create)).split('\n');
    expect(await keys(list)).toContain('support team');
    const curl = blocks.find(({ body }) => body.startsWith('curl'))!.body;
    const body = /-d '(.*)'/.exec(curl)![1];
    // The router of this test knows none of the two candidates: one is named.
    const named = body.replace('"auto"', '"small"');
    const send = () => post(gateway, '/v1/chat/completions', named, { authorization: `Bearer ${secret}` });
    expect((await send()).status).toBe(200);
    for (const words of others)
      await keys(words.map((word) => (word === 'k3x9q0v1m2n4' ? secret.slice(3, 15) : word)));
    // Another process may be noticed a moment later.
    await vi.waitFor(async () => expect((await send()).status).toBe(401), { timeout: 5_000, interval: 50 });
  });

  it('names every field of a key, and every field of `keys`', () => {
    expect(firstCells('field | option')).toEqual(Object.keys(keySettingsSchema.shape));
    const fields = Object.keys(configSchema.shape.keys.unwrap().shape);
    expect(firstCells('field of `keys` | default').sort()).toEqual(fields.sort());
  });

  it('names options that there are', () => {
    const create = keysCommand({ stdout: () => {}, env: {} }).commands.find(
      (one) => one.name() === 'create',
    )!;
    const known = create.options.map(({ long }) => long);
    const named = [...text.matchAll(/^\| `\w+` \| `(--[\w-]+)/gm)].map(([, option]) => option);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((option) => !known.includes(option))).toEqual([]);
  });
});
