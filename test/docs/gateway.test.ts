import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readHints } from '../../gateway/api/hints.ts';
import { checkConfig } from '../../gateway/config/load-config.ts';
import { PROTOCOLS } from '../../gateway/create-gateway.ts';
import { root, sourceFiles } from '../architecture/source-files.ts';
import { fencedBlocks } from '../documents/fenced-blocks.ts';
import { ask, mockUpstream, post, testConfig, testGateway } from '../gateway/gateway-fixture.ts';

const text = readFileSync(join(root, 'docs/gateway.md'), 'utf8');
const sources = sourceFiles('gateway')
  .map((file) => file.text)
  .join('\n');

describe('docs/gateway.md', () => {
  it('shows a configuration that is one', () => {
    const yaml = fencedBlocks(text).find(({ name }) => name === 'gateway.yaml')!.body;
    const config = checkConfig(parse(yaml), 'gateway.yaml', '/folder');
    expect(config.routers.support.folder).toBe(join('/folder', 'models/support'));
  });

  it('shows every protocol of an upstream, in a configuration and beside its route', () => {
    const yaml = fencedBlocks(text).find(({ name }) => name === 'two-protocols.yaml')!.body;
    const { upstreams } = checkConfig(parse(yaml), 'two-protocols.yaml', '/folder');
    const shown = Object.values(upstreams).flatMap(({ protocol }) => protocol);
    expect(shown.sort()).toEqual(['anthropic', 'openai-chat', 'openai-responses']);
    const { protocol: _, ...silent } = upstreams.claude;
    const config = checkConfig({ upstreams: { a: silent }, candidates: { a: { upstream: 'a' } } }, '', '/');
    expect(config.upstreams.a.protocol).toEqual(['openai-chat']);
    const rows = [...text.matchAll(/^\| `POST (\/v1\/[\w/]+)` \| `([\w-]+)`/gm)].map(([, ...row]) => row);
    expect(rows).toEqual(PROTOCOLS.map(({ name, route }) => [route, name]));
  });

  it('shows upstreams of every provider, and which package and protocols each has', () => {
    const yaml = fencedBlocks(text).find(({ name }) => name === 'providers.yaml')!.body;
    const { upstreams } = checkConfig(parse(yaml), 'providers.yaml', '/folder');
    const shown = Object.values(upstreams).map(({ provider, protocol }) => [provider, [...protocol]]);
    const rows = [...text.matchAll(/^\| `([\w-]+)` \| `(@ai-sdk\/[\w-]+)@(\d)` \| (.*) \|$/gm)];
    expect(rows.map(([, name]) => name).sort()).toEqual(
      ['openai', 'azure', 'openai-compatible', 'anthropic', 'google', 'bedrock'].sort(),
    );
    for (const [, name, packageName, version, words] of rows) {
      expect(sources).toContain(`name: '${packageName}',`);
      const manifest = createRequire(import.meta.url)(`${packageName}/package.json`);
      expect(manifest.version).toMatch(new RegExp(`^${version}\\.`));
      const spoken =
        name === 'azure' ? ['openai-chat', 'openai-responses'] : words.match(/openai-\w+|anthropic/g);
      expect(shown.find(([provider]) => provider === name)![1]).toEqual(spoken ?? []);
    }
    expect(shown).toContainEqual(['@ai-sdk/mistral', []]);
  });

  it('lists every route', () => {
    const routes = [...sources.matchAll(/app\.(get|post)\('([^']+)'/g)].map(
      ([, method, path]) => `${method.toUpperCase()} ${path.replace('{.+}', '')}`,
    );
    expect(routes.length).toBeGreaterThan(5);
    const admin = readFileSync(join(root, 'docs/dashboard.md'), 'utf8');
    const isShown = (route: string) =>
      text.includes(`\`${route}\``) ||
      admin.includes(`\`${route}\``) ||
      /^\w+ (\/admin\/(keys|usage)|\/dashboard)/.test(route);
    expect(routes.filter((route) => !isShown(route))).toEqual([]);
  });

  it('lists every hint, with a value that is taken', () => {
    const rows = [...text.matchAll(/^\| `x-pointsman-([\w-]+)` \| (?:`([^`]+)`)?/gm)];
    const known = /const HINTS = \{([\s\S]*?)\n\} as const/
      .exec(sources)![1]
      .matchAll(/^ {2}'?([\w-]+)'?:/gm);
    expect(rows.map(([, name]) => name).sort()).toEqual([...known].map(([, name]) => name).sort());
    for (const [, name, value] of rows)
      if (value !== undefined) readHints(new Headers({ [`x-pointsman-${name}`]: value }), {});
  });

  it('lists every code of an error', () => {
    const codes = [
      ...sources.matchAll(/new Problem\(\s*(?:\d+|status),\s*'(\w+)'/g),
      // Of refusals; what protocols call their errors is theirs.
      ...readFileSync(join(root, 'gateway/problem.ts'), 'utf8').matchAll(
        /^ {2}'?[\w-]+'?: '([a-z]+_[a-z_]+)',$/gm,
      ),
    ];
    expect(codes.length).toBeGreaterThan(20);
    const missing = codes
      .map(([, code]) => code)
      .filter((code) => !['internal', 'client_left'].includes(code) && !text.includes(`\`${code}\``));
    expect(missing).toEqual([]);
  });

  it('names the headers of an answer', async () => {
    const gateway = await testGateway(await testConfig(await mockUpstream()));
    const { headers } = await post(gateway, '/v1/chat/completions', ask());
    const own = [...headers.keys()].filter((name) => name.startsWith('x-pointsman-'));
    expect(own).toHaveLength(8);
    expect(own.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});
