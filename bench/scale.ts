import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findRedis, startRedis } from '../test/fixtures/redis-server.ts';
import { atMost, type BenchLine, plain, skipped } from './bench-line.ts';
import { LARGE_CANDIDATES, writeLargeTraffic } from './large-traffic.ts';

const PROMPTS = 30_000;
/** So that there are some for each worker. */
const SHARD_BYTES = 4 * 2 ** 20;
const LARGE_SHARD_BYTES = 64 * 2 ** 20;
const LARGE_PROMPTS = 1_111_111;
const WORKERS = [1, 2, 4];
const WORKER_MEMORY_MB = 1500;

/** What `scale-once.ts` prints. */
interface ScaleMeasure {
  readonly rows: number;
  readonly prompts: number;
  readonly seconds: number;
  readonly readSeconds: number;
  readonly driverCpu: number;
  readonly workersCpu: number;
  readonly driverPeakMb: number;
  readonly workersPeakMb: number;
  /** Inside of the step functions. */
  readonly steps: { readonly seconds: number; readonly cpuSeconds: number; readonly jobs: number };
}

/**
 * What reading, embedding and featurising take as a whole, on shards in one process, and on workers of a queue: CPU seconds, as the
 * machine has two cores, however many workers it has.
 */
export async function benchScale({ large }: { readonly large: boolean }): Promise<BenchLine[]> {
  if (findRedis() === undefined) return [skipped('scale', 'Redis is not installed')];
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  const redis = await startRedis();
  try {
    const file = join(folder, 'traffic.jsonl');
    await writeLargeTraffic(file, large ? LARGE_PROMPTS : PROMPTS, false);
    const measure = (...how: string[]): Promise<ScaleMeasure> =>
      measureOnce(folder, file, [String(large ? LARGE_SHARD_BYTES : SHARD_BYTES), ...how]);
    if (large) return largeLines(await measure(redis.url, '2'));
    const whole = await measure('whole');
    const shards = await measure('shards');
    const lines = [wholeLines(whole), shardLines(shards, whole)];
    for (const workers of WORKERS)
      lines.push(workerLines(workers, await measure(redis.url, String(workers)), shards));
    return lines.flat();
  } finally {
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureOnce(folder: string, file: string, how: readonly string[]): Promise<ScaleMeasure> {
  const own = await mkdtemp(join(folder, 'once-'));
  const script = fileURLToPath(new URL('./scale-once.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', script, own, file, ...how],
    {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
    },
  );
  await rm(own, { recursive: true });
  return JSON.parse(stdout) as ScaleMeasure;
}

function wholeLines(whole: ScaleMeasure): BenchLine[] {
  const { driverCpu, driverPeakMb, prompts, rows, seconds } = whole;
  const note = `${rows.toLocaleString('en')} rows: ${prompts.toLocaleString('en')} prompts × ${LARGE_CANDIDATES.length}; wall ${seconds.toFixed(0)} s`;
  return [
    plain('scale: as a whole, CPU', driverCpu, 's', note),
    plain('scale: as a whole, peak memory', driverPeakMb, 'MB', 'of the whole process'),
  ];
}

function shardLines(shards: ScaleMeasure, whole: ScaleMeasure): BenchLine[] {
  const { driverCpu, steps } = shards;
  const more = (100 * (driverCpu - whole.driverCpu)) / whole.driverCpu;
  return [
    plain(
      'scale: on shards in one process, CPU',
      driverCpu,
      's',
      `${steps.jobs} jobs; ${steps.cpuSeconds.toFixed(1)} s of it in steps`,
    ),
    plain(
      'scale: on shards in one process, more CPU than as a whole',
      more,
      '%',
      'cutting, writing, reading again, and what each job begins with',
    ),
  ];
}

function workerLines(workers: number, on: ScaleMeasure, shards: ScaleMeasure): BenchLine[] {
  const name = `scale: ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
  const cpu = on.driverCpu + on.workersCpu;
  const outside = (100 * (on.workersCpu - on.steps.cpuSeconds)) / on.workersCpu;
  const rate = on.rows / on.seconds;
  const lines = [
    plain(
      `${name}, CPU`,
      cpu,
      's',
      `driver ${on.driverCpu.toFixed(1)} s, workers ${on.workersCpu.toFixed(1)} s; wall ${on.seconds.toFixed(0)} s`,
    ),
    plain(`${name}, rows`, rate, 'rows/s', 'read, embedded and featurised; wall time'),
    plain(`${name}, outside of steps`, outside, '%', "of the workers' CPU: queue, store, digests"),
    plain(`${name}, driver's peak memory`, on.driverPeakMb, 'MB', `${on.steps.jobs} jobs`),
    atMost(`${name}, a worker's peak memory`, on.workersPeakMb, 'MB', WORKER_MEMORY_MB, 'the largest'),
  ];
  if (workers > 1) return lines;
  const overhead = (100 * (cpu - shards.driverCpu)) / shards.driverCpu;
  return [...lines, atMost(`${name}, more CPU than in one process`, overhead, '%', 10, 'the same jobs')];
}

function largeLines(on: ScaleMeasure): BenchLine[] {
  const note = `${on.rows.toLocaleString('en')} rows, 2 workers, ${on.steps.jobs} jobs`;
  return [
    plain(
      'scale: 10 M rows, CPU',
      on.driverCpu + on.workersCpu,
      's',
      `${note}; wall ${on.seconds.toFixed(0)} s`,
    ),
    plain(
      "scale: 10 M rows, driver's peak memory",
      on.driverPeakMb,
      'MB',
      'with the features of all prompts',
    ),
    atMost("scale: 10 M rows, a worker's peak memory", on.workersPeakMb, 'MB', WORKER_MEMORY_MB, note),
  ];
}
