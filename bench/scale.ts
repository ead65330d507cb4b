import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findRedis, startRedis } from '../test/fixtures/redis-server.ts';
import { atMost, type BenchLine, plain, skipped } from './bench-line.ts';
import { LARGE_CANDIDATES, writeLargeTraffic } from './large-traffic.ts';

/** A million rows, on some shards for each worker. */
const PROMPTS = 111_111;
const SHARD_BYTES = 8 * 2 ** 20;
const SAMPLE = 20_000;
/** More than there are: all are fitted on. */
const ALL = 10 * PROMPTS;
const LARGE_PROMPTS = 1_111_111;
const LARGE_SHARD_BYTES = 64 * 2 ** 20;
const LARGE_SAMPLE = 100_000;
const WORKERS = [1, 2, 4];
const MEMORY_MB = 1500;
/** Of DuckDB in the driver. */
const DATABASE_MB = 700;

/** What `scale-once.ts` prints. */
interface ScaleMeasure {
  /** Of the artifact. */
  readonly id: string;
  readonly rows: number;
  readonly prompts: number;
  readonly sampled: number;
  readonly seconds: number;
  readonly driverCpu: number;
  readonly workersCpu: number;
  readonly driverPeakMb: number;
  readonly workersPeakMb: number;
  /** Inside of the step functions. */
  readonly steps: { readonly seconds: number; readonly cpuSeconds: number; readonly jobs: number };
  /** Expected success of the router's choices on fresh prompts, of the best candidate alone, and of the best choices. */
  readonly routed: number;
  readonly single: number;
  readonly best: number;
  /** Of the probabilities that it gives candidates there, from the true ones: root of the mean square. */
  readonly error: number;
  /** Squared errors of linear heads on all test prompts. */
  readonly linear: { readonly errorOfAll: number; readonly errorOfSample: number } | null;
}

interface How {
  readonly file: string;
  readonly folder: string;
  readonly shardBytes: number;
  readonly sample: number;
}

/**
 * Trainings of a million rows, as a whole, on shards in one process, and on workers of a queue: CPU seconds, as the machine has two cores,
 * however many workers it has. With `large` ten million rows, too.
 */
export async function benchScale({ large }: { readonly large: boolean }): Promise<BenchLine[]> {
  if (findRedis() === undefined) return [skipped('scale', 'Redis is not installed')];
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  const redis = await startRedis();
  try {
    const file = join(folder, 'traffic.jsonl');
    await writeLargeTraffic(file, PROMPTS, false);
    const how = { file, folder, shardBytes: SHARD_BYTES, sample: SAMPLE };
    const whole = await measureOnce(how, 'whole');
    const shards = await measureOnce({ ...how, sample: ALL }, 'shards');
    const sampled = await measureOnce(how, 'shards');
    const lines = [wholeLines(whole), shardLines(shards, whole), sampleLines(sampled, whole)];
    for (const workers of WORKERS)
      lines.push(workerLines(workers, await measureOnce(how, redis.url, String(workers)), sampled));
    if (!large) return lines.flat();
    await writeLargeTraffic(file, LARGE_PROMPTS, false);
    const largeHow = { file, folder, shardBytes: LARGE_SHARD_BYTES, sample: LARGE_SAMPLE };
    return [...lines.flat(), ...largeLines(await measureOnce(largeHow, redis.url, '2'))];
  } finally {
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureOnce(
  { file, folder, sample, shardBytes }: How,
  ...engine: readonly string[]
): Promise<ScaleMeasure> {
  const own = await mkdtemp(join(folder, 'once-'));
  const script = fileURLToPath(new URL('./scale-once.ts', import.meta.url));
  const given = [own, file, String(shardBytes), String(sample), String(DATABASE_MB), ...engine];
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, ...given], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    maxBuffer: 2 ** 26,
  });
  await rm(own, { recursive: true });
  return JSON.parse(stdout) as ScaleMeasure;
}

function sizeOf({ prompts, rows }: ScaleMeasure): string {
  return `${rows.toLocaleString('en')} rows: ${prompts.toLocaleString('en')} prompts × ${LARGE_CANDIDATES.length}`;
}

function cpuOf({ driverCpu, workersCpu }: ScaleMeasure): number {
  return driverCpu + workersCpu;
}

/** In per cent. */
function more(value: number, than: number): number {
  return (100 * (value - than)) / than;
}

function wholeLines(whole: ScaleMeasure): BenchLine[] {
  const note = `${sizeOf(whole)}, all fitted on; wall ${whole.seconds.toFixed(0)} s`;
  return [
    plain('scale: as a whole, CPU', whole.driverCpu, 's', note),
    plain('scale: as a whole, peak memory', whole.driverPeakMb, 'MB', 'of the whole process'),
  ];
}

function shardLines(shards: ScaleMeasure, whole: ScaleMeasure): BenchLine[] {
  const { driverCpu, steps } = shards;
  return [
    plain(
      'scale: on shards in one process, CPU',
      driverCpu,
      's',
      `all fitted on; ${steps.jobs} jobs, ${steps.cpuSeconds.toFixed(1)} s of it in steps`,
    ),
    plain(
      'scale: on shards in one process, more CPU than as a whole',
      more(driverCpu, whole.driverCpu),
      '%',
      'cutting, writing, reading again, and what each job begins with',
    ),
  ];
}

function sampleLines(sampled: ScaleMeasure, whole: ScaleMeasure): BenchLine[] {
  const { best, driverCpu, driverPeakMb, error, routed, single, steps } = sampled;
  const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
  return [
    plain(
      'scale: fitted on a sample, CPU',
      driverCpu,
      's',
      `${sampled.sampled.toLocaleString('en')} prompts, on shards in one process; ${steps.jobs} jobs, ${steps.cpuSeconds.toFixed(1)} s of it in steps`,
    ),
    plain('scale: fitted on a sample, peak memory', driverPeakMb, 'MB', 'of the whole process'),
    plain(
      'scale: fitted on a sample, success lost to the full fit',
      100 * (whole.routed - routed),
      'points',
      `fresh prompts: ${percent(routed)} good, all fitted on ${percent(whole.routed)}, best single ${percent(single)}, best choice ${percent(best)}`,
    ),
    plain(
      'scale: fitted on a sample, error of probabilities',
      100 * error,
      'points',
      `root mean square from the true ones; all fitted on ${(100 * whole.error).toFixed(2)}`,
    ),
    ...linearLines('scale: fitted on a sample', sampled),
  ];
}

function linearLines(name: string, { linear }: ScaleMeasure): BenchLine[] {
  if (linear === null) return [];
  const { errorOfAll, errorOfSample } = linear;
  return [
    plain(
      `${name}, squared error of linear heads over that of all`,
      more(errorOfSample, errorOfAll),
      '%',
      `on all test prompts: ${errorOfSample.toPrecision(5)}, fitted on all ${errorOfAll.toPrecision(5)}`,
    ),
  ];
}

function workerLines(workers: number, on: ScaleMeasure, alone: ScaleMeasure): BenchLine[] {
  const name = `scale: ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
  const cpu = cpuOf(on);
  const outside = (100 * (on.workersCpu - on.steps.cpuSeconds)) / on.workersCpu;
  const isSame =
    on.id === alone.id ? 'the same artifact as in one process' : 'ANOTHER ARTIFACT than in one process';
  const lines = [
    plain(
      `${name}, CPU`,
      cpu,
      's',
      `driver ${on.driverCpu.toFixed(1)} s, workers ${on.workersCpu.toFixed(1)} s; wall ${on.seconds.toFixed(0)} s; ${isSame}`,
    ),
    plain(`${name}, rows`, on.rows / on.seconds, 'rows/s', 'from the file to the router; wall time'),
    plain(`${name}, outside of steps`, outside, '%', "of the workers' CPU: queue, store, digests"),
    plain(`${name}, driver's peak memory`, on.driverPeakMb, 'MB', `${on.steps.jobs} jobs`),
    atMost(`${name}, a worker's peak memory`, on.workersPeakMb, 'MB', MEMORY_MB, 'the largest'),
  ];
  if (workers > 1) return lines;
  const overhead = more(cpu, cpuOf(alone));
  return [...lines, atMost(`${name}, more CPU than in one process`, overhead, '%', 10, 'the same jobs')];
}

function largeLines(on: ScaleMeasure): BenchLine[] {
  const note = `2 workers, ${on.steps.jobs} jobs; ${on.sampled.toLocaleString('en')} prompts fitted on`;
  const share = (on.routed - on.single) / (on.best - on.single);
  return [
    plain('scale: 10 M rows, CPU', cpuOf(on), 's', `${sizeOf(on)}; wall ${on.seconds.toFixed(0)} s`),
    atMost("scale: 10 M rows, driver's peak memory", on.driverPeakMb, 'MB', MEMORY_MB, note),
    atMost("scale: 10 M rows, a worker's peak memory", on.workersPeakMb, 'MB', MEMORY_MB, 'the largest'),
    plain("scale: 10 M rows, of the best choice's gain", share, '', 'on fresh prompts'),
    ...linearLines('scale: 10 M rows', on),
  ];
}
