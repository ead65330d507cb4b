import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { agentConversation } from '../../docs/examples/agent-conversation.ts';
import { agentTools } from '../../docs/examples/agent-tools.ts';
import { codeAssistant } from '../../docs/examples/code-assistant.ts';
import { everySignal } from '../../docs/examples/every-signal.ts';
import { hedgedChat } from '../../docs/examples/hedged-chat.ts';
import { learningTraffic } from '../../docs/examples/learning-traffic.ts';
import { multimodal } from '../../docs/examples/multimodal.ts';
import { panelOfModels } from '../../docs/examples/panel-of-models.ts';
import { searchEngine } from '../../docs/examples/search-engine.ts';
import { specialistRouter } from '../../docs/examples/specialist-router.ts';
import { supportBot } from '../../docs/examples/support-bot.ts';
import { surelyBetter } from '../../docs/examples/surely-better.ts';
import { root } from '../architecture/source-files.ts';
import { fencedBlocks } from '../documents/fenced-blocks.ts';
import { runTypescript } from '../documents/run-typescript.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { copyExampleRouter } from './copy-example-router.ts';

const { folder } = temporaryFolder();
beforeAll(() => copyExampleRouter(folder));

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

  it('panel: the vote outdoes the model that is wrong, and a judge makes one answer of two', async () => {
    expect(await panelOfModels(tell, folder)).toEqual(['36', 'What both say.']);
  });

  it('hedged chat: the second model only when the first is stuck', async () => {
    expect(await hedgedChat(tell, folder)).toEqual(['mini', 'pro']);
  });

  it('surely better: a model that is cheaper and as good takes it, and what is unlike all traffic stays with the default', async () => {
    expect(await surelyBetter(tell, folder)).toEqual(['abstain:sure → mini', 'abstain → pro']);
  });

  it('specialist router: code is decided by another router, what is unlike all traffic goes to the safe choice', async () => {
    const [code, lookup, strange] = await specialistRouter(tell, folder);
    expect(code).toBe('hierarchical:scripting → router:code → utility:cheapest → mini');
    expect(lookup).toMatch(/^hierarchical:otherwise → classifier → /);
    expect(strange).toBe('hierarchical:otherwise → classifier → abstain:novel → pro');
  });

  it('learning traffic: outcomes over propensities are what each model would get alone', async () => {
    const values = await learningTraffic(tell, folder);
    // Means over the five kinds of request in example-traffic.ts.
    for (const [name, mean] of Object.entries({ mini: 0.54, coder: 0.74, vision: 0.59, pro: 0.824 })) {
      expect(Math.abs(values[name] - mean), name).toBeLessThan(0.3);
    }
  });

  it('agent conversation: it stays with its model, until it is stuck', async () => {
    const paths = await agentConversation(tell, folder);
    expect(paths).toEqual([
      'rules:otherwise → session:first → mini',
      'rules:otherwise → session:leave → coder',
      'rules:otherwise → session:same → coder',
      'rules:stuck → pro',
    ]);
  });

  it('every signal: rules over all of them', async () => {
    expect(await everySignal(tell, folder)).toEqual([
      'rules:easy → mini',
      'rules:foreign → pro',
      'rules:paying → pro',
      'rules:in a hurry → mini',
      'rules:pictures → vision',
      'rules:code → coder',
    ]);
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
    for (const [, path] of text.matchAll(/\]\((?!http)([^)#]+)(?:#[^)]*)?\)/g)) {
      expect((await readFile(join(root, 'docs', path), 'utf8')).length).toBeGreaterThan(0);
    }
  });
});
