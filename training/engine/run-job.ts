import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PointsmanError } from 'pointsman';
import {
  checkRelease,
  type Engine,
  EngineError,
  type Job,
  JobCounter,
  jobKey,
  type Release,
  type RunOptions,
  type Steps,
  stepOf,
} from './engine.ts';
import type { ShardStore } from './shard-store.ts';

/** What runs jobs, in this process or as a worker. */
export interface JobRunner {
  readonly steps: Steps;
  readonly store: ShardStore;
  /** Of this process. */
  readonly release: Release;
  /** On a local disk, for what steps make on their way. */
  readonly scratch: string;
}

/** What of a job's time was spent in its step, in seconds of the wall clock and of all cores together. */
export interface JobTime {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface DoneJob {
  readonly outputs: readonly string[];
  /** Null where it had been done before. */
  readonly time: JobTime | null;
}

/**
 * Does one job, unless it is done: reads its inputs, runs its step, and puts what it made into the store. Two that do the same at
 * a time put the same.
 * @throws DamagedShardError, MissingShardError, ReleaseMismatchError; EngineError with what the step said
 */
export async function runJob(job: Job, runner: JobRunner, release = runner.release): Promise<DoneJob> {
  const { scratch, steps, store } = runner;
  checkRelease(runner.release, release);
  const key = jobKey(job, steps, release);
  const known = await store.outputsOf(key);
  if (known !== null) return { outputs: known, time: null };
  const folder = await mkdtemp(join(scratch, `${job.step}-`));
  try {
    const files: string[] = [];
    for (const input of job.inputs) files.push(await store.fetch(input, folder));
    const [started, used] = [performance.now(), process.cpuUsage()];
    const made = await stepOf(job.step, steps).run({ parameters: job.parameters, files, folder });
    const { system, user } = process.cpuUsage(used);
    const time = { seconds: (performance.now() - started) / 1000, cpuSeconds: (system + user) / 1e6 };
    const outputs: string[] = [];
    for (const each of made) outputs.push(await store.put(typeof each === 'string' ? { file: each } : each));
    await store.noteDone(key, outputs);
    return { outputs, time };
  } catch (cause) {
    // What a step says of its input is for whoever gave it.
    if (cause instanceof PointsmanError) throw cause;
    throw stepFailed(job, (cause as Error).message, cause);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function stepFailed({ inputs, step }: Job, message: string, cause?: unknown): EngineError {
  return new EngineError(
    `The step "${step}" must go through on every shard. On ${inputs[0]?.slice(0, 16) ?? 'none'} it said: ${message}`,
    { cause },
  );
}

export interface InProcessOptions extends Omit<JobRunner, 'release'> {
  readonly release?: Release;
  readonly onTime?: (step: string, time: JobTime) => void;
}

/** Runs jobs in this process, one after the other. */
export function createInProcessEngine(options: InProcessOptions): Engine {
  const { onTime = () => {}, release = {}, store } = options;
  const runner = { ...options, release };
  return {
    store,
    async run(jobs: readonly Job[], { onProgress, signal }: RunOptions = {}) {
      const counter = new JobCounter(jobs, onProgress);
      const outputs: (readonly string[])[] = [];
      counter.tell();
      // Steps use all cores where they can.
      for (const job of jobs) {
        signal?.throwIfAborted();
        const done = await runJob(job, runner);
        outputs.push(done.outputs);
        if (done.time !== null) onTime(job.step, done.time);
        counter.add(done.time === null);
      }
      return outputs;
    },
    close: async () => {},
  };
}
