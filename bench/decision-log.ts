import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { createRouter, memoryFiles, readArtifact } from 'pointsman';
import { createFileLog, quantileSorted } from 'pointsman/internal';
import type { DecisionLog } from 'pointsman/log';
import { servingArtifact } from '../test/fixtures/serving-artifact.ts';
import { atLeast, atMost, type BenchLine } from './bench-line.ts';
import { benchPrompts } from './prompts.ts';

const CANDIDATES = 9;
const WARM_UP = 2_000;
const DECISIONS = 20_000;
/** Decisions in a row before the event loop turns, and before the other router's turn. */
const BLOCK = 10;

/** What logging adds to a decision, and how fast a log can be written. Needs `npm run build`. */
export async function benchLog(): Promise<BenchLine[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-log-'));
  try {
    return [...(await decisionLines(join(folder, 'decisions'))), await writingLine(join(folder, 'writing'))];
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The same router with a log and without, in turn. */
async function decisionLines(folder: string): Promise<BenchLine[]> {
  const artifact = await readArtifact(memoryFiles((await servingArtifact({ candidates: CANDIDATES })).files));
  const { texts } = await benchPrompts(2_000, 1_000);
  const log = createFileLog(folder, { capacity: 100_000 });
  const routers = [createRouter(artifact), createRouter(artifact, { log })];
  const times = routers.map(() => new Float64Array(DECISIONS));
  for (let i = -WARM_UP; i < DECISIONS; i += BLOCK) {
    for (const [r, router] of routers.entries()) {
      for (let j = i; j < i + BLOCK; j++) {
        const request = { text: texts[(j + WARM_UP) % texts.length] };
        const started = performance.now();
        await router.route(request);
        if (j >= 0) times[r][j] = 1000 * (performance.now() - started);
      }
      await turn();
    }
  }
  await log.close();
  const { written, dropped, failed } = log.stats();
  if (written !== WARM_UP + DECISIONS) throw new Error(`The log lost ${dropped + failed} decisions.`);
  for (const each of times) each.sort();
  const [plain, logged] = times.map((each) => quantileSorted(each, 0.5));
  const note = `${DECISIONS} decisions of ${plain.toFixed(0)} µs on prompts of 1,000 characters, to files, every batch synced`;
  return [atMost('what a log adds to a decision, p50', logged - plain, 'µs', 15, note)];
}

/** As many records as come, prompts and all. */
async function writingLine(folder: string): Promise<BenchLine> {
  const artifact = await readArtifact(memoryFiles((await servingArtifact({ candidates: CANDIDATES })).files));
  const decision = await createRouter(artifact).route({ text: 'What is 17 * 23?' });
  const { texts } = await benchPrompts(2_000, 1_000);
  const log = createFileLog(folder);
  const started = performance.now();
  for (let i = 0; i < DECISIONS; i++) {
    log.decided(decision, { text: texts[i % texts.length] });
    if (log.stats().pending >= 5_000) await room(log);
  }
  await log.close();
  const seconds = (performance.now() - started) / 1000;
  const files = (await readdir(folder)).length;
  const note = `${DECISIONS} decisions among ${CANDIDATES} candidates with prompts of 1,000 characters, in ${files} file`;
  return atLeast('a decision log is written at', DECISIONS / seconds, 'records/s', 5_000, note);
}

async function room(log: DecisionLog): Promise<void> {
  while (log.stats().pending > 2_500) await turn();
}
