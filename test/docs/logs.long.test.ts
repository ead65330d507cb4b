import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SampleRow } from '../../data/solvers/sample-traffic.ts';
import { LOG_FORMATS } from '../../training/ingest/formats/log-formats.ts';
import { root } from '../architecture/source-files.ts';
import { fencedBlocks, shellCommands, shellWords } from '../documents/fenced-blocks.ts';
import { runCli } from '../documents/run-cli.ts';
import { useShortStatic } from '../fixtures/short-static.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { smallTraffic } from '../package/small-traffic.ts';
import { SOLVER_LOGS } from '../training/ingest/formats/solver-logs.ts';

const PAGES = ['logs.md', 'ratings.md', 'log-formats.md'];
/** What the files of the pages hold: logs of one candidate a prompt. */
const LOGS = {
  litellm: ['litellm.jsonl'],
  langfuse: ['observations.jsonl', 'scores.jsonl'],
  helicone: ['helicone.json'],
  openai: ['pairs.jsonl'],
  otel: ['traces.jsonl'],
  pointsman: ['decisions.jsonl'],
} as const;
const QUICK = ['--config', 'quick.yaml', '--quiet'];
/** Where there is a config already. */
const QUICK_HEADS = ['--heads', 'linear', '--quiet'];

useShortStatic();
const { folder } = temporaryFolder();
let text: string;
const startedIn = process.cwd();
beforeAll(async () => {
  const pages = await Promise.all(PAGES.map((page) => readFile(join(root, 'docs', page), 'utf8')));
  text = pages.join('\n');
  process.chdir(folder);
  await writeFile('quick.yaml', 'resamples: 100\nfolds: 2\nheads: [linear]\n');
  const rows = smallTraffic(240)
    .trim()
    .split('\n')
    .map((line, i) => ({
      ...JSON.parse(line),
      messages: null,
      inputTokens: 9,
      outputTokens: i % 50,
      metadata: { answer: 'So be it.' },
    }))
    .filter((_, i) => i % 3 === Math.floor(i / 3) % 3 || i % 7 === 0)
    .filter(
      (row, i, all) => all.findIndex(({ requestId }) => requestId === row.requestId) === i,
    ) as SampleRow[];
  for (const [format, names] of Object.entries(LOGS)) {
    const logs = Object.values(SOLVER_LOGS[format as keyof typeof LOGS](rows));
    for (const [i, records] of logs.entries()) {
      const list = names[i].endsWith('.json');
      const content = list ? JSON.stringify(records) : records.map((each) => JSON.stringify(each)).join('\n');
      await writeFile(names[i], content);
    }
  }
});
afterAll(async () => {
  process.chdir(startedIn);
});

describe('the pages on logs', () => {
  it('show commands that work, in the order they stand in', async () => {
    let commands = 0;
    for (const { language, name, body } of fencedBlocks(text)) {
      if (language === 'js') await writeFile(name!, body);
      else if (language === 'jsonl')
        expect(JSON.parse(body)).toMatchObject({ kind: 'feedback', schemaVersion: 1 });
      else if (language === 'sh') {
        for (const command of shellCommands(body)) {
          const [program, tool, ...args] = shellWords(command);
          expect([program, tool]).toEqual(['npx', 'pointsman']);
          const quick = args[0] !== 'train' ? [] : args.includes('--config') ? QUICK_HEADS : QUICK;
          const { code, stderr } = await runCli([...args, ...quick]);
          expect(code, `${command}\n${stderr}`).toBe(0);
          commands++;
        }
      } else expect.fail(`nothing tests a block of "${language}"`);
    }
    expect(commands).toBeGreaterThan(6);
  });

  it('tell of every format, and link to files that are there', async () => {
    for (const format of LOG_FORMATS.filter((name) => name !== 'table'))
      expect(text).toContain(`\`${format}\``.replace('`pointsman`', '--format pointsman'));
    for (const [, path] of text.matchAll(/\]\((?!http)([^)]+)\)/g)) {
      expect((await readFile(join(root, 'docs', path), 'utf8')).length).toBeGreaterThan(0);
    }
  });
});
