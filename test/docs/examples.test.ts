import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentTools } from '../../docs/examples/agent-tools.ts';
import { codeAssistant } from '../../docs/examples/code-assistant.ts';
import { exampleRouter } from '../../docs/examples/example-router.ts';
import { localCascade } from '../../docs/examples/local-cascade.ts';
import { multimodal } from '../../docs/examples/multimodal.ts';
import { searchEngine } from '../../docs/examples/search-engine.ts';
import { supportBot } from '../../docs/examples/support-bot.ts';
import { root } from '../architecture/source-files.ts';
import { fencedBlocks } from '../documents/fenced-blocks.ts';
import { runTypescript } from '../documents/run-typescript.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointsman-examples-'));
  await exampleRouter({}, folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const told: string[] = [];
const tell = (line: string) => {
  told.push(line);
};

describe('the examples', () => {
  it('search engine: easy queries go to the cheap model, hard ones to the best', async () => {
    expect(await searchEngine(tell, folder)).toEqual(['mini', 'pro']);
  });

  it('support bot: by user tier', async () => {
    expect(await supportBot(tell, folder)).toMatchObject({ free: 'mini', enterprise: 'pro' });
  });

  it('agent: tools where they have an answer, models where they have none', async () => {
    const [sum, kindness, date] = await agentTools(tell, folder);
    expect(sum).toEqual(['calculator', '391']);
    expect(kindness.slice(0, 2)).toEqual(['calculator', 'pro']);
    expect(date.slice(0, 2)).toEqual(['calendar', 'mini']);
    expect(date[2]).toContain('Tuesday');
  });

  it('code assistant: by language and difficulty', async () => {
    expect(await codeAssistant(tell, folder)).toEqual(['mini', 'coder']);
  });

  it('multimodal: pictures go to who can see them', async () => {
    expect(await multimodal(tell, folder)).toEqual(['mini', 'vision']);
    expect(told.join('\n')).toMatch(/not mini: .*image/);
  });

  it('cascade with a local small model: it answers what it is sure of', async () => {
    const [sure, unsure] = await localCascade(tell, folder);
    expect(sure).toBe('mini: 90');
    expect(unsure).toMatch(/^pro: /);
  });

  it('tell what they do', () => {
    expect(told.length).toBeGreaterThan(10);
  });
});

describe('docs/execution.md', () => {
  it('shows code that runs', async () => {
    const blocks = fencedBlocks(await readFile(join(root, 'docs/execution.md'), 'utf8'));
    await cp(join(folder, 'router'), join(folder, 'models/support'), { recursive: true });
    const printed: string[] = [];
    for (const { body } of blocks) printed.push(await runTypescript(body, folder));
    expect(printed[0]).toMatch(/^You said: Good morning\. \w+ 0\.\d+ [\d.]+ 1\n$/);
    expect(printed[1]).toBe('true\n');
    expect(printed[2]).toBe('Once upon a time.true\n');
    expect(printed[3]).toMatch(/^391 \w+\n$/);
  });

  it('links to files that are there', async () => {
    const text = await readFile(join(root, 'docs/execution.md'), 'utf8');
    for (const [, path] of text.matchAll(/\]\((?!http)([^)]+)\)/g)) {
      expect((await readFile(join(root, 'docs', path), 'utf8')).length).toBeGreaterThan(0);
    }
  });
});
