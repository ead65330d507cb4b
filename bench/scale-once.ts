import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readPrompt } from 'pointsman';
import { parseTrainConfig } from '../training/config.ts';
import { embedPrompts } from '../training/embed/embed.ts';
import { openEmbedder } from '../training/embed/embedders.ts';
import type { Engine } from '../training/engine/engine.ts';
import { openStore } from '../training/engine/open-store.ts';
import { openQueueEngine } from '../training/engine/queue-engine.ts';
import { createInProcessEngine } from '../training/engine/run-job.ts';
import { fitFeatures, fitFeaturesElsewhere } from '../training/features/fit-features.ts';
import { ingestOutcomes } from '../training/ingest/ingest.ts';
import { readOutcomeMatrix } from '../training/ingest/outcome-store.ts';
import { ShardedTraining } from '../training/train/shards/run-on-shards.ts';
import { TRAINING_STEPS, trainingRelease } from '../training/train/shards/steps.ts';

/**
 * Reads a file of `writeLargeTraffic`, embeds its prompts and computes their features, in a process of its own. Prints what that
 * took as JSON: see `ScaleMeasure`.
 *
 * `scale-once.ts <folder> <file> <bytes of a shard> whole | shards | <Redis> <workers>`
 */
/** Of Linux: hundredths of a second. */
const CLOCK_TICKS = 100;
const [folder, file, shardBytes, how, count = '0'] = process.argv.slice(2);
const workers: ChildProcess[] = [];
const steps = { seconds: 0, cpuSeconds: 0, jobs: 0 };
const addStep = (time: { readonly seconds: number; readonly cpuSeconds: number } | null): void => {
  if (time === null) return;
  steps.seconds += time.seconds;
  steps.cpuSeconds += time.cpuSeconds;
  steps.jobs++;
};
const [store, scratch] = [join(folder, 'store'), join(folder, 'scratch')];
await mkdir(scratch, { recursive: true });
const engine = await openEngine();
let workersCpu = 0;
let workersPeakMb = 0;
const [startCpu, started] = [await workersUse(), performance.now()];
const ownCpu = process.cpuUsage();

const sharded =
  engine === null
    ? null
    : new ShardedTraining({ engine, shardBytes: Number(shardBytes) }, join(folder, 'run'));
const table = join(folder, 'outcomes.parquet');
const report = await ingestOutcomes({ files: [file], out: table }, sharded?.stageAll);
const readSeconds = (performance.now() - started) / 1000;
const matrix = await readOutcomeMatrix(table);
const config = parseTrainConfig({ ngrams: { dimensions: 0 } });
const { embedder } = await openEmbedder(config.embedder);
const elsewhere =
  sharded === null
    ? undefined
    : (texts: readonly string[]) => sharded.embed(texts, config.embedder, embedder.dimensions);
const embeddings = await embedPrompts(matrix, embedder, { elsewhere });
const prompts = matrix.prompts.map(({ request }) => readPrompt(request));
const fit = { role: 'fit', rows: Int32Array.from(prompts.keys()) } as const;
const options = { embedder: embedder.id, dimensions: embedder.dimensions, ngrams: null };
if (sharded === null) fitFeatures(prompts, embeddings, fit, options);
else
  await fitFeaturesElsewhere(prompts, fit, options, (blocks, ngrams) =>
    sharded.featurise(
      matrix.prompts.map(({ request }) => request),
      embeddings,
      blocks,
      ngrams,
    ),
  );
const seconds = (performance.now() - started) / 1000;
const { system, user } = process.cpuUsage(ownCpu);
workersCpu = (await workersUse()) - startCpu;
await engine?.close();
for (const worker of workers) {
  worker.kill('SIGTERM');
  await once(worker, 'exit');
}
process.stdout.write(
  JSON.stringify({
    rows: report.rowsAccepted,
    prompts: prompts.length,
    seconds,
    readSeconds,
    driverCpu: (system + user) / 1e6,
    workersCpu,
    driverPeakMb: process.resourceUsage().maxRSS / 1024,
    workersPeakMb,
    steps,
  }),
);

async function openEngine(): Promise<Engine | null> {
  if (how === 'whole') return null;
  const shared = {
    store: await openStore(store, scratch),
    steps: TRAINING_STEPS,
    release: await trainingRelease(),
  };
  if (how === 'shards')
    return createInProcessEngine({ ...shared, scratch, onTime: (_, time) => addStep(time) });
  for (let i = 0; i < Number(count); i++) workers.push(await startWorkerProcess());
  return openQueueEngine({ ...shared, url: how });
}

async function startWorkerProcess(): Promise<ChildProcess> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const args = ['worker', '--engine', how, '--store', store, '--json', '--patience', '600'];
  const worker = spawn(process.execPath, [join(root, 'src/bin/pointsman.js'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  await new Promise<void>((resolve) =>
    worker.stdout?.on('data', (chunk) => {
      said += chunk;
      const lines = said.split('\n');
      said = lines.pop() ?? '';
      for (const event of lines.map((line) => JSON.parse(line))) {
        if (event.kind === 'ready') resolve();
        if (event.kind === 'done') addStep(event.time);
      }
    }),
  );
  return worker;
}

/** CPU seconds of all workers until now; notes the most memory that one of them had. */
async function workersUse(): Promise<number> {
  let sum = 0;
  for (const { pid } of workers) {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
    sum += (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
    const [, peak] = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
    workersPeakMb = Math.max(workersPeakMb, Number(peak) / 1024);
  }
  return sum;
}
