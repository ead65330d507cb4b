import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRedis, startRedis } from '../test/fixtures/redis-server.ts';
import { atMost, type BenchLine, plain, skipped } from './bench-line.ts';
import { LARGE_CANDIDATES, type LargeTraffic, writeLargeTraffic } from './large-traffic.ts';
import { measureScale, type ScaleMeasure, type ScaleRun } from './scale-measure.ts';

/** 108,000 rows, on some shards for each worker. */
const PROMPTS = 12_000;
const SAMPLE = 4000;
const SHARD_BYTES = 4 * 2 ** 20;
/** For a driver that has four times as many shards. */
const SMALL_SHARD_BYTES = SHARD_BYTES / 4;
/** More than there are: all are fitted on. */
const ALL = 1e9;
const TIMES = 2;
const WORKERS = [1, 2, 4];
const LARGE_SHARD_BYTES = 64 * 2 ** 20;
const LARGE_SAMPLE = 100_000;
const LARGE_PROMPTS = 1_111_111;
/** How memory grows shows between two sizes. */
const LOGGED_PROMPTS = [200_000, 2_000_000, 10_000_000];
const LOGGED_SAMPLE = 10_000;
const LOGGED_SHARD_BYTES = 16 * 2 ** 20;
const MEMORY_MB = 1500;
/** The large ones may take hours on a machine that is busy. */
const LARGE_MINUTES = 240;

type Progress = (what: string) => void;

/**
 * Trainings of the same rows as a whole, on shards in one process, and on workers of a queue: CPU seconds, as the machine has two cores
 * however many workers it has: some 270 in all.
 */
export async function benchScale(onProgress: Progress): Promise<BenchLine[]> {
  if (findRedis() === undefined) return [skipped('scale', 'Redis is not installed')];
  return withFile(PROMPTS, false, async (file) => {
    const redis = await startRedis();
    try {
      const run = (what: string, sample: number, ...engine: readonly string[]) => {
        const shardBytes = what.includes('small shards') ? SMALL_SHARD_BYTES : SHARD_BYTES;
        return measureScale({
          file,
          shardBytes,
          sample,
          engine,
          onProgress: (step) => onProgress(`${what}: ${step}`),
        });
      };
      const [whole, shards]: [ScaleMeasure[], ScaleMeasure[]] = [[], []];
      for (let time = 1; time <= TIMES; time++) {
        whole.push(await run(`as a whole, ${time} of ${TIMES}`, ALL, 'whole'));
        shards.push(await run(`on shards in one process, ${time} of ${TIMES}`, ALL, 'shards'));
      }
      const alone = await run('on shards in one process, fitted on a sample', SAMPLE, 'shards');
      const lines = [wholeLines(whole), shardLines(shards, whole), [aloneLine(alone)]];
      const on = new Map<number, ScaleMeasure>();
      for (const workers of WORKERS) {
        on.set(workers, await run(countOf(workers), SAMPLE, redis.url, String(workers)));
        lines.push(workerLines(workers, on.get(workers)!, alone));
      }
      const many = await run('2 workers, small shards', SAMPLE, redis.url, '2');
      return [...lines.flat(), ...memoryLines(on.get(2)!, many)];
    } finally {
      await redis.stop();
    }
  });
}

/** Ten million rows, of every candidate of each prompt, on two workers. Hours where the machine is busy. */
export function benchScaleLarge(onProgress: Progress): Promise<BenchLine[]> {
  const sizes = { prompts: LARGE_PROMPTS, sample: LARGE_SAMPLE, shardBytes: LARGE_SHARD_BYTES };
  return measureLarge('scale: 10 M rows', { ...sizes, isLogged: false }, onProgress);
}

/** Prompts with an outcome each, which is logged with its propensity, on two workers. */
export async function benchScaleLogged(onProgress: Progress): Promise<BenchLine[]> {
  const sizes = { sample: LOGGED_SAMPLE, shardBytes: LOGGED_SHARD_BYTES, isLogged: true };
  const lines: BenchLine[][] = [];
  for (const prompts of LOGGED_PROMPTS) {
    const name = `scale: ${prompts.toLocaleString('en')} prompts of one outcome`;
    lines.push(await measureLarge(name, { ...sizes, prompts }, onProgress));
  }
  return lines.flat();
}

interface LargeSizes extends Pick<ScaleRun, 'sample' | 'shardBytes'> {
  readonly prompts: number;
  readonly isLogged: boolean;
}

async function measureLarge(
  name: string,
  { isLogged, prompts, ...sizes }: LargeSizes,
  onProgress: Progress,
): Promise<BenchLine[]> {
  if (findRedis() === undefined) return [skipped(name, 'Redis is not installed')];
  return withFile(prompts, isLogged, async (file) => {
    const redis = await startRedis();
    try {
      const on = await measureScale({
        ...{ ...sizes, file, minutes: LARGE_MINUTES, engine: [redis.url, '2'] },
        onProgress: (step) => onProgress(`${name}: ${step}`),
      });
      return largeLines(name, on, isLogged);
    } finally {
      await redis.stop();
    }
  });
}

export async function withFile<Result>(
  prompts: number,
  isLogged: boolean,
  use: (file: string) => Promise<Result>,
  more: LargeTraffic['topics'] | Omit<LargeTraffic, 'isLogged'> = 'evenly',
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  try {
    const file = join(folder, 'traffic.jsonl');
    await writeLargeTraffic(file, prompts, {
      isLogged,
      ...(typeof more === 'string' ? { topics: more } : more),
    });
    return await use(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function countOf(workers: number): string {
  return workers === 1 ? '1 worker' : `${workers} workers`;
}

export function sizeOf({ prompts, rows }: ScaleMeasure, isLogged = false): string {
  const prompted = `${prompts.toLocaleString('en')} prompts`;
  return `${rows.toLocaleString('en')} rows: ${prompted} × ${isLogged ? 'one outcome' : LARGE_CANDIDATES.length}`;
}

function cpuOf({ driverCpu, workersCpu }: ScaleMeasure): number {
  return driverCpu + workersCpu;
}

/** In per cent. */
function more(value: number, than: number): number {
  return (100 * (value - than)) / than;
}

function meanCpu(measures: readonly ScaleMeasure[]): number {
  return measures.reduce((sum, measure) => sum + cpuOf(measure), 0) / measures.length;
}

/** CPU of each run, in seconds. */
function runs(measures: readonly ScaleMeasure[]): string {
  return measures.map((measure) => cpuOf(measure).toFixed(1)).join(' and ');
}

function wholeLines(whole: readonly ScaleMeasure[]): BenchLine[] {
  const [first] = whole;
  return [
    plain(
      'scale: as a whole, CPU',
      meanCpu(whole),
      's',
      `${sizeOf(first)}, all fitted on; ${runs(whole)} s; wall ${first.seconds.toFixed(0)} s`,
    ),
    plain('scale: as a whole, peak memory', first.driverPeakMb, 'MB', 'of the whole process'),
  ];
}

function shardLines(shards: readonly ScaleMeasure[], whole: readonly ScaleMeasure[]): BenchLine[] {
  const [{ driverPeakMb, seconds, steps }] = shards;
  return [
    plain(
      'scale: on shards in one process, CPU',
      meanCpu(shards),
      's',
      `all fitted on; ${runs(shards)} s; ${steps.jobs} jobs, ${steps.cpuSeconds.toFixed(1)} s of it in steps; wall ${seconds.toFixed(0)} s`,
    ),
    atMost(
      'scale: on shards in one process, more CPU than as a whole',
      more(meanCpu(shards), meanCpu(whole)),
      '%',
      5,
      `means of ${TIMES} runs each, one after the other in turn`,
    ),
    plain('scale: on shards in one process, peak memory', driverPeakMb, 'MB', 'of the whole process'),
  ];
}

function aloneLine(alone: ScaleMeasure): BenchLine {
  const { driverCpu, sampled, seconds, steps } = alone;
  return plain(
    'scale: fitted on a sample in one process, CPU',
    driverCpu,
    's',
    `${sampled.toLocaleString('en')} prompts fitted on; ${steps.jobs} jobs, ${steps.cpuSeconds.toFixed(1)} s of it in steps; wall ${seconds.toFixed(0)} s`,
  );
}

function workerLines(workers: number, on: ScaleMeasure, alone: ScaleMeasure): BenchLine[] {
  const name = `scale: ${countOf(workers)}`;
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
    plain(
      `${name}, rows`,
      on.rows / on.seconds,
      'rows/s',
      'from the file to the router, a sample fitted on; wall time',
    ),
    plain(`${name}, outside of steps`, outside, '%', "of the workers' CPU: queue, store, digests"),
    atMost(`${name}, a worker's peak memory`, on.workersPeakMb, 'MB', MEMORY_MB, 'the largest'),
  ];
  if (workers > 1) return lines;
  const overhead = more(cpu, cpuOf(alone));
  return [...lines, atMost(`${name}, more CPU than in one process`, overhead, '%', 10, 'the same jobs')];
}

function memoryLines(few: ScaleMeasure, many: ScaleMeasure): BenchLine[] {
  const name = "scale: driver's peak memory";
  return [
    plain(
      `${name}, ${few.steps.jobs} jobs`,
      few.driverPeakMb,
      'MB',
      `2 workers, shards of ${SHARD_BYTES / 2 ** 20} MB`,
    ),
    plain(
      `${name}, ${many.steps.jobs} jobs`,
      many.driverPeakMb,
      'MB',
      `2 workers, shards of ${SMALL_SHARD_BYTES / 2 ** 20} MB; CPU ${cpuOf(many).toFixed(0)} s instead of ${cpuOf(few).toFixed(0)} s`,
    ),
  ];
}

export function largeLines(name: string, on: ScaleMeasure, isLogged: boolean): BenchLine[] {
  const note = `2 workers, ${on.steps.jobs} jobs; ${on.sampled.toLocaleString('en')} prompts fitted on`;
  const share = (on.routed - on.single) / (on.best - on.single);
  return [
    plain(
      `${name}, CPU`,
      cpuOf(on),
      's',
      `${sizeOf(on, isLogged)}; driver ${on.driverCpu.toFixed(0)} s; wall ${on.seconds.toFixed(0)} s`,
    ),
    atMost(`${name}, driver's peak memory`, on.driverPeakMb, 'MB', MEMORY_MB, note),
    atMost(`${name}, a worker's peak memory`, on.workersPeakMb, 'MB', MEMORY_MB, 'the largest'),
    plain(`${name}, of the best choice's gain`, share, '', 'on fresh prompts'),
    ...linearLines(name, on),
  ];
}

export function linearLines(name: string, { linear }: ScaleMeasure): BenchLine[] {
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
