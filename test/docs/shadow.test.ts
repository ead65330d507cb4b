import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkConfig } from '../../gateway/config/load-config.ts';
import type { GatewayConfig } from '../../gateway/config/schema.ts';
import type { Judge } from '../../gateway/shadow/judge.ts';
import { root } from '../architecture/source-files.ts';
import { fencedBlocks } from '../documents/fenced-blocks.ts';

const blocks = fencedBlocks(readFileSync(join(root, 'docs/shadow.md'), 'utf8'));

it('docs/shadow.md shows a configuration that is right, and says its defaults', () => {
  const written = parse(blocks.find(({ name }) => name === 'gateway.yaml')!.body);
  const upstreams = { local: { baseUrl: 'http://127.0.0.1:1/v1' } };
  const { shadow } = checkConfig({ ...written, upstreams }, 'the page', root);
  expect(shadow).toMatchObject({
    choose: 'uniform',
    concurrent: 2,
    queued: 20,
    share: 0.05,
    judge: 'judge',
  });
  const unpriced = {
    ...written,
    upstreams,
    candidates: { ...written.candidates, judge: { upstream: 'local' } },
  };
  expect(() => checkConfig(unpriced, 'the page', root)).toThrow('must have prices');
});

it('docs/shadow.md shows a judge that is a function', async () => {
  const { body } = blocks.find(({ language }) => language === 'js')!;
  const code = body.replace(/^import .*$/m, '');
  const run = new Function(
    'createGateway',
    'config',
    'rate',
    `return (async () => {${code}\nreturn gateway;})()`,
  );
  const taken = (_: GatewayConfig, options: { judge: Judge }) => options.judge;
  const judge = (await run(taken, {}, async (_: unknown, answer: string) => answer.length / 10)) as Judge;
  const comparison = { request: { text: 'a' }, first: 'abc', second: 'abcde' };
  expect(await judge(comparison, new AbortController().signal)).toEqual({ first: 0.3, second: 0.5 });
});
