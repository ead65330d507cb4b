import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SampleRow } from '../data/solvers/sample-traffic.ts';
import { ingestOutcomes } from '../training/ingest/ingest.ts';
import { root } from './architecture/source-files.ts';
import { fencedBlocks, shellCommands, shellWords } from './documents/fenced-blocks.ts';
import { runCli } from './documents/run-cli.ts';
import { runTypescript } from './documents/run-typescript.ts';
import { useShortStatic } from './fixtures/short-static.ts';
import { temporaryFolder } from './fixtures/temporary-folder.ts';
import { smallTraffic } from './package/small-traffic.ts';
import { SOLVER_LOGS } from './training/ingest/formats/solver-logs.ts';

/** Commands that are not run here, each with what vouches for it instead. */
const EXEMPT: Readonly<Record<string, string>> = {
  'npm ci && npm run demo': 'takes minutes; test/data runs the demo on few prompts',
  'npm test': 'would run itself; .ci/run is this',
  'npm run build && npm pack -w src -w training': 'test/package packs both',
  'npm pkg set type=module': 'test/package installs both into such a project',
  'npm install /path/to/pointsman-0.1.0.tgz /path/to/pointsman-training-0.1.0.tgz':
    'test/package installs both',
  'npm install pointsman': 'needs the package on npm; test/package installs it from its tarball',
  'npm install --save-dev @pointsman/training': 'as above',
  'npx pointsman serve models/support': 'goes on until it is stopped; test/gateway/cli serves a folder',
  'npx pointsman worker --engine redis://queue:6379 --store /mnt/shared':
    'needs a Redis; test/training/engine starts one, and trains so on several workers',
  "npx pointsman train 'logs/*.jsonl' --out models/support --engine redis://queue:6379 --store /mnt/shared":
    'as above',
};
/** What a command ends with that has nothing to do here, though all is well. */
const ENDS_WITH: Readonly<Record<string, number>> = {
  // The log holds one decision; test/training/retrain/retrain.test.ts promotes from a log that is worth it.
  'npx pointsman retrain --config retrain.yaml': 3,
};
const DOCUMENTS = ['README.md', 'docs/quickstart.md', 'training/README.md', 'src/README.md'];
/** As `wc -w` counts. */
const MOST_WORDS = 900;

useShortStatic();
const { folder } = temporaryFolder();
const startedIn = process.cwd();
const used = new Set<string>();

beforeAll(async () => {
  process.chdir(folder);
  await writeFile('logs.csv', csvOf(smallTraffic(60)));
  // As it lies in a project that has installed the package, but for its length: test/package trains on all of it.
  const samples = 'node_modules/@pointsman/training/samples';
  await mkdir(samples, { recursive: true });
  const sample = await readFile(join(root, 'training/samples/traffic.jsonl'), 'utf8');
  await writeFile(`${samples}/traffic.jsonl`, sample.split('\n').slice(0, 240).join('\n'));
  await writeFile('litellm.jsonl', litellmLog(sample, 150));
});
afterAll(async () => {
  process.chdir(startedIn);
});

describe.each(DOCUMENTS)('%s', (document) => {
  it('shows rows, settings, commands and code that work, in the order they stand in', async () => {
    const blocks = fencedBlocks(await readFile(join(root, document), 'utf8'));
    expect(blocks.length).toBeGreaterThan(0);
    // The package's readme begins where the router is there already.
    await writeFile('traffic.jsonl', smallTraffic(150));
    for (const { language, name, body } of blocks) {
      if (language === 'jsonl') await checkRows(name!, body);
      else if (language === 'yaml') await checkSettings(name!, body);
      else if (language === 'ts') await runTypescript(body, folder);
      else if (language === 'sh') for (const command of shellCommands(body)) await runCommand(command);
      else expect.fail(`nothing tests a block of "${language}"`);
    }
  }, 300_000);
});

it('the README is short', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  expect(readme.trim().split(/\s+/).length).toBeLessThanOrEqual(MOST_WORDS);
});

it('exempts no command that no document shows', () => {
  expect(Object.keys(EXEMPT).filter((command) => !used.has(command))).toEqual([]);
});

it('names folders and files that are there', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const linked = [...readme.matchAll(/\]\((?!http)([^)]+)\)/g)].map(([, path]) => path);
  const named = [
    ...readme.matchAll(/`((?:docs|src|training|data|models|notebooks|bench|test)\/[\w./-]*)`/g),
  ].map(([, path]) => path);
  for (const path of [...linked, ...named].filter((path) => path !== 'bench/results'))
    await expect(access(join(root, path)), path).resolves.toBe(undefined);
});

/** Example rows are all accepted; the commands that follow get traffic of the same shape in their place. */
async function checkRows(name: string, body: string): Promise<void> {
  await writeFile(`example-${name}`, body);
  const report = await ingestOutcomes({ files: [`example-${name}`], out: 'example.parquet' });
  expect(report.rejected).toEqual([]);
  expect(report.rowsAccepted).toBeGreaterThan(1);
  expect(report.ignoredColumns).toEqual([]);
}

/** The file is used by a command that follows, or is a training configuration that a dry run accepts. */
async function checkSettings(name: string, body: string): Promise<void> {
  await writeFile(name, body);
  if (name === 'train.yaml')
    await runCommand('npx pointsman train traffic.jsonl --out models/x --config train.yaml --dry-run');
}

async function runCommand(command: string): Promise<void> {
  if (command in EXEMPT) {
    used.add(command);
    return;
  }
  const [program, tool, ...args] = shellWords(command);
  expect([program, tool], `nothing runs "${command}"`).toEqual(['npx', 'pointsman']);
  const { code, stderr, stdout } = await runCli(args);
  expect(code, `${command}\n${stderr}`).toBe(ENDS_WITH[command] ?? 0);
  expect(stdout).not.toBe('');
}

function csvOf(jsonl: string): string {
  const rows = jsonl
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const cells = rows.map((row) => [
    row.requestId,
    JSON.stringify(row.text),
    row.candidate,
    row.quality,
    120,
    40,
  ]);
  return ['id,question,llm,grade,prompt_tokens,completion_tokens', ...cells.map((row) => row.join(','))].join(
    '\n',
  );
}

/** Of the shipped sample the answer of one candidate to each prompt, in turn. */
function litellmLog(sample: string, prompts: number): string {
  const rows = sample
    .split('\n')
    .slice(0, prompts)
    .map((line, i): SampleRow => {
      const { outcomes, text = null, messages = null, ...request } = JSON.parse(line);
      const names = Object.keys(outcomes);
      const candidate = names[i % names.length];
      // What they said is not in the sample.
      const metadata = { difficulty: 0, answer: outcomes[candidate].quality === 1 ? 'So it is.' : null };
      return { ...request, text, messages, candidate, ...outcomes[candidate], source: 'solvers', metadata };
    });
  return SOLVER_LOGS.litellm(rows)
    ['litellm.jsonl'].map((record) => `${JSON.stringify(record)}\n`)
    .join('');
}
