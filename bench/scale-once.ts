import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { argMax } from 'pointsman/internal';
import { loadRouter } from 'pointsman/node';
import { parseTrainConfig } from '../training/config.ts';
import { createInProcessEngine, type Engine, openStore } from '../training/engine/engine.ts';
import { openQueueEngine } from '../training/engine/queue.ts';
import type { WholeReport } from '../training/evaluate/test-sums.ts';
import { TRAINING_STEPS, trainingRelease } from '../training/train/shard-steps.ts';
import { trainFromFiles } from '../training/train/train-router.ts';
import { LARGE_CANDIDATES, largePrompts, RARE_CANDIDATE } from './large-traffic.ts';
import { type OnAllMeasure, type ScaleMeasure, type ScaleRun, STEP_MARK, TOO_LONG } from './scale-measure.ts';

/**
 * Trains from a file of `writeLargeTraffic`, in a process of its own. Prints what that took, and what the router is worth on fresh
 * prompts, as JSON: see `ScaleMeasure`. What it is told is `ScaleRun` as JSON, with a folder and megabytes of DuckDB.
 */
/** Of Linux: hundredths of a second. */
const CLOCK_TICKS = 100;
/** Prompts that nobody learned of. */
const FRESH = 5000;
const {
  databaseMb,
  engine: named,
  file,
  folder,
  isAlone = false,
  sample,
  shardBytes,
} = JSON.parse(process.argv[2]) as ScaleRun & {
  readonly folder: string;
  readonly databaseMb: number;
};
const [how, count = '0'] = named;
const workers: ChildProcess[] = [];
const steps = { seconds: 0, cpuSeconds: 0, jobs: 0 };
const cpuOf = new Map<string, number>();
const addStep = (step: string, time: { readonly seconds: number; readonly cpuSeconds: number } | null) => {
  if (time === null) return;
  cpuOf.set(step, (cpuOf.get(step) ?? 0) + time.cpuSeconds);
  steps.seconds += time.seconds;
  steps.cpuSeconds += time.cpuSeconds;
  steps.jobs++;
};
process.once('SIGTERM', () => {
  for (const worker of workers) worker.kill('SIGKILL');
  process.exit(TOO_LONG);
});
const [store, scratch] = [join(folder, 'store'), join(folder, 'scratch')];
await mkdir(scratch, { recursive: true });
const engine = await openEngine();
const peaks = new Map<number, number>();
const [startCpu, started] = [await workersUse(), performance.now()];
const ownCpu = process.cpuUsage();
let doing = '';
const { trained, traffic, written } = await trainFromFiles({
  files: [file],
  out: join(folder, 'router'),
  name: 'scale',
  workFolder: join(folder, 'work'),
  memoryLimitMb: databaseMb,
  // As light as a user may have it.
  config: parseTrainConfig({
    ...{ heads: ['linear'], folds: 2, resamples: 100, ngrams: { dimensions: 0 } },
    ...(isAlone ? { uncertainty: true } : {}),
  }),
  onProgress: (progress) => {
    const what = progress.kind === 'step' ? progress.what : progress.kind === 'shards' ? progress.step : '';
    if (what === '' || what === doing) return;
    doing = what;
    process.stderr.write(
      `${STEP_MARK}${what}, after ${((performance.now() - started) / 1000).toFixed(0)} s\n`,
    );
  },
  ...(engine === null ? {} : { shards: { engine, shardBytes, fitSample: sample } }),
});
const seconds = (performance.now() - started) / 1000;
const { system, user } = process.cpuUsage(ownCpu);
const workersCpu = (await workersUse()) - startCpu;
await engine?.close();
for (const worker of workers) {
  worker.kill('SIGTERM');
  await once(worker, 'exit');
}
const { whole } = traffic;
const measure: ScaleMeasure = {
  id: trained.artifact.manifest.id,
  rows: traffic.ingest.rowsAccepted,
  prompts: whole?.sums.prompts.prompts ?? traffic.matrix.prompts.length,
  sampled: traffic.matrix.prompts.length,
  seconds,
  driverCpu: (system + user) / 1e6,
  workersCpu,
  driverPeakMb: process.resourceUsage().maxRSS / 1024,
  workersPeakMb: [...peaks.values()].reduce((most, peak) => Math.max(most, peak), 0),
  steps,
  rareFitted: rareFitted(),
  linear: trained.evaluation.whole?.linear ?? null,
  onAll: onAllOf(trained.evaluation.whole),
  ...(await worthOnFresh(written.path)),
};
process.stdout.write(JSON.stringify(measure));

function rareFitted(): number {
  const { matrix, splits } = traffic;
  const cells = splits.fit.rows.map((row) => row * matrix.candidates.length + RARE_CANDIDATE);
  return cells.filter((cell) => !Number.isNaN(matrix.quality[cell])).length;
}

function onAllOf(report: WholeReport | undefined): OnAllMeasure | null {
  const heads = report?.heads ?? null;
  if (heads === null || !report?.test || !heads.other.test) return null;
  const cpu = (step: string) => cpuOf.get(step) ?? 0;
  return {
    ...{ served: heads.served, passes: heads.passes },
    ...{ lossOfAll: heads.lossOfAll.success, lossOfSample: heads.lossOfSample.success },
    ...{ quality: report.test.quality.estimate, otherQuality: heads.other.test.quality.estimate },
    cpuSeconds: cpu('ridge') + cpu('gradient') + cpu('sketch') + cpu('measure') / 2,
  };
}

/** What a router is worth on prompts that nobody learned of: see `ScaleMeasure`. */
async function worthOnFresh(path: string) {
  const router = await loadRouter(path);
  const next = largePrompts(3);
  const singles = new Float64Array(LARGE_CANDIDATES.length);
  const byTopic = LARGE_CANDIDATES.map(() => ({ prompts: 0, routed: 0 }));
  let [routed, best, squares] = [0, 0, 0];
  for (let i = 0; i < FRESH; i++) {
    const { success, text } = next();
    const { candidate, predictions } = await router.route({ text });
    const reached = success[LARGE_CANDIDATES.indexOf(candidate)];
    routed += reached / FRESH;
    const topic = byTopic[argMax(success)];
    topic.prompts++;
    topic.routed += reached;
    best += success[argMax(success)] / FRESH;
    for (const { candidate: name, successProbability } of predictions)
      squares += (successProbability - success[LARGE_CANDIDATES.indexOf(name)]) ** 2;
    for (const [c, each] of success.entries()) singles[c] += each / FRESH;
  }
  const error = Math.sqrt(squares / FRESH / LARGE_CANDIDATES.length);
  const routedByTopic = byTopic.map((topic) => topic.routed / topic.prompts);
  return { routed, single: singles[argMax(singles)], best, error, routedByTopic };
}

async function openEngine(): Promise<Engine | null> {
  if (how === 'whole') return null;
  const shared = {
    store: await openStore(store, scratch),
    steps: TRAINING_STEPS,
    release: await trainingRelease(),
  };
  if (how === 'shards') return createInProcessEngine({ ...shared, scratch, onTime: addStep });
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
        if (event.kind === 'done') addStep(event.step ?? '', event.time);
      }
    }),
  );
  return worker;
}

/** CPU seconds of all workers until now; notes the most memory that each had. */
async function workersUse(): Promise<number> {
  let sum = 0;
  for (const { pid = 0 } of workers) {
    const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ');
    sum += (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
    const [, peak] = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
    peaks.set(pid, Number(peak) / 1024);
  }
  return sum;
}
