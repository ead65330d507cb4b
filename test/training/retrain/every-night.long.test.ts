import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PolicySpec, Router } from 'pointsman';
import { execute } from 'pointsman/execution';
import { loadRouter } from 'pointsman/node';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { main } from '../../../training/cli/main.ts';
import type { RetrainRun } from '../../../training/retrain/run.ts';
import { root } from '../../architecture/source-files.ts';
import { fencedBlocks, shellCommands, shellWords } from '../../documents/fenced-blocks.ts';
import { useShortStatic } from '../../fixtures/short-static.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { capturedIo } from '../cli/captured-io.ts';
import { plantedRows, writeRows } from '../cli/planted-file.ts';

const DAY_MS = 86_400_000;
const FIRST_MS = Date.UTC(2026, 2, 1);
const DAYS = Array.from({ length: 8 }, (_, day) => day);
const A_DAY = 500;
/** Three answers to each prompt. */
const rows = plantedRows({ prompts: DAYS.length * A_DAY, seed: 4 });

const startedIn = process.cwd();
useShortStatic();
const { folder } = temporaryFolder();
/** The settings and commands of "Every night" in the quickstart. */
let commands: string[];

beforeAll(async () => {
  process.chdir(folder);
  const quickstart = await readFile(join(root, 'docs/quickstart.md'), 'utf8');
  const [, after] = quickstart.split('## Every night');
  const blocks = fencedBlocks(after.split('\n## ')[0]);
  for (const { body, language, name } of blocks) if (language === 'yaml') await writeFile(name!, body);
  commands = blocks.flatMap(({ body, language }) => (language === 'sh' ? shellCommands(body) : []));
  // Prompts say nothing here, so the first router is the best single candidate.
  await writeRows('traffic.jsonl', plantedRows({ prompts: 300, seed: 3, signal: false }));
});
afterEach(() => vi.useRealTimers());
afterAll(async () => {
  process.chdir(startedIn);
});

async function run(command: string) {
  const io = capturedIo();
  const [, , ...args] = shellWords(command);
  const code = await main(args, io);
  return { code, ...io.said };
}

/** Serves the planted prompts of some days, as the quickstart's code does, by the version in use. */
async function serve(
  folder: string,
  log: string,
  days: readonly number[],
  policy?: PolicySpec,
): Promise<void> {
  const router = await loadRouter(folder, { log, seed: 6, ...(policy && { policy }) });
  for (const day of days) {
    vi.setSystemTime(FIRST_MS + day * DAY_MS);
    for (let i = day * A_DAY; i < (day + 1) * A_DAY; i++) {
      const answers = rows.slice(3 * i, 3 * i + 3);
      const clients = Object.fromEntries(
        answers.map(({ candidate }) => [candidate, async () => ({ text: 'An answer.' })]),
      );
      const { decision } = await execute(router, { text: String(answers[0].text) }, clients);
      const { quality } = answers.find(({ candidate }) => candidate === decision.candidate)!;
      router.feedback(decision.id, { quality: Number(quality) });
    }
  }
  await router.close();
}

/** The night after the last day. */
async function retrainBy(command: string): Promise<RetrainRun & { code: number }> {
  vi.setSystemTime(FIRST_MS + DAYS.length * DAY_MS);
  const { code, err, out } = await run(`${command} --json`);
  expect(out, err).toMatch(/^\{/);
  return { ...JSON.parse(out), code };
}

test('followed as written, a night of the quickstart promotes a router that is truly better', async () => {
  const [training, retraining] = commands;
  vi.useFakeTimers({ toFake: ['Date'], now: FIRST_MS - DAY_MS });
  expect((await run(training)).code).toBe(0);
  const first = await loadRouter('models/support', { policy: { kind: 'utility' } });
  await serve('models/support', 'logs/decisions', DAYS);
  const night = await retrainBy(retraining);
  expect(night, night.sentence).toMatchObject({ outcome: 'promoted', code: 0 });
  // The truth, on prompts that nobody served: the first router is worth 0.7, the best one 0.9.
  const second = await loadRouter('models/support', { policy: { kind: 'utility' } });
  const [before, after] = [await worth(first), await worth(second)];
  expect(after - before).toBeGreaterThan(0.1);
});

test('a router in use that does not explore is named as the reason, whatever the config says of the next one', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: FIRST_MS - DAY_MS });
  await run('npx pointsman train traffic.jsonl --out models/still --heads linear');
  // The days that teach hold other choices, those that judge hold none.
  const exploring: PolicySpec = {
    kind: 'explore',
    method: 'epsilon-greedy',
    epsilon: 0.5,
    policy: { kind: 'utility' },
  };
  await serve('models/still', 'logs/still', DAYS.slice(0, 5), exploring);
  await serve('models/still', 'logs/still', DAYS.slice(5));
  const config = parse(await readFile('retrain.yaml', 'utf8'));
  const still = {
    ...config,
    router: 'models/still',
    logs: { ...config.logs, files: ['logs/still/decisions-*'] },
  };
  await writeFile(
    'still.json',
    JSON.stringify({ ...still, train: { ...config.train, heads: ['linear'], folds: 2 } }),
  );
  const night = await retrainBy('npx pointsman retrain --config still.json');
  expect(night).toMatchObject({ outcome: 'kept', code: 3 });
  expect(night.sentence).toMatch(
    /^Refused: On [\d,]+ prompts it chooses otherwise.* has the outcome of 0 of those choices; \d+ (is|are) needed\. The version in use does not explore/,
  );
});

/** Mean quality of what a router chooses. */
async function worth(router: Router): Promise<number> {
  const unseen = plantedRows({ prompts: 200, seed: 9 });
  let sum = 0;
  for (let i = 0; i < unseen.length; i += 3) {
    const { candidate } = await router.route({ text: String(unseen[i].text) });
    sum += Number(unseen.slice(i, i + 3).find((row) => row.candidate === candidate)!.quality);
  }
  return sum / 200;
}
