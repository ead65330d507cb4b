import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Of DuckDB in the driver. */
const DATABASE_MB = 700;
/** No run is let go on for longer. */
const MINUTES = 15;

/** What `scale-once.ts` is told. */
export interface ScaleRun {
  readonly file: string;
  readonly shardBytes: number;
  /** Prompts to fit on, of more. */
  readonly sample: number;
  /** Whether heads are to be fitted on the sample alone, as of a router that says how unsure it is. @default false */
  readonly isAlone?: boolean;
  /** `['whole']`: no shards. `['shards']`: in one process. Else the address of a Redis, and how many workers. */
  readonly engine: readonly string[];
}

/** What it prints. */
export interface ScaleMeasure {
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
  /** `routed` of each topic's prompts, the most frequent first. */
  readonly routedByTopic: readonly number[];
  /** Outcomes of `RARE_CANDIDATE` that were fitted on. */
  readonly rareFitted: number;
  /** Squared errors of linear heads on all test prompts. */
  readonly linear: { readonly errorOfAll: number; readonly errorOfSample: number } | null;
  /** Heads that were fitted on all prompts, beside those of a sample; null where none were. */
  readonly onAll: OnAllMeasure | null;
}

export interface OnAllMeasure {
  readonly served: 'all' | 'sample';
  readonly passes: number;
  /** Held out. */
  readonly lossOfAll: number;
  readonly lossOfSample: number;
  /** Quality on all test prompts: of heads that are served, and of those that are not. */
  readonly quality: number;
  readonly otherQuality: number;
  /** Inside of the steps that they take beyond those of the sample; of `measure`, which has one router more, half. */
  readonly cpuSeconds: number;
}

/**
 * One training in a process of its own, since peak memory never comes down.
 *
 * @throws Error where it fails, or takes longer than `minutes`
 */
export async function measureScale({
  minutes = MINUTES,
  onProgress,
  ...run
}: ScaleRun & {
  /** @default 15 */
  readonly minutes?: number;
  readonly onProgress: (step: string) => void;
}): Promise<ScaleMeasure> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-once-'));
  const script = fileURLToPath(new URL('./scale-once.ts', import.meta.url));
  const told = JSON.stringify({ ...run, folder, databaseMb: DATABASE_MB });
  const child = spawn(process.execPath, ['--import', 'tsx', script, told], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // It ends its workers first.
  const timer = setTimeout(() => child.kill('SIGTERM'), 60_000 * minutes);
  const [said, complained]: [string[], string[]] = [[], []];
  const out = createInterface(child.stdout).on('line', (line) => said.push(line));
  createInterface(child.stderr).on('line', (line) => {
    if (line.startsWith(STEP_MARK)) onProgress(line.slice(STEP_MARK.length));
    else complained.push(line);
  });
  try {
    await Promise.all([once(child, 'close'), once(out, 'close')]);
    if (child.exitCode === 0) return JSON.parse(said.join('')) as ScaleMeasure;
    const what = child.exitCode === TOO_LONG ? `took longer than ${minutes} minutes` : 'failed';
    throw new Error(`The training on ${run.engine.join(' ')} ${what}. ${complained.slice(-20).join('\n')}`);
  } finally {
    clearTimeout(timer);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Before what a training is doing, where it says so. */
export const STEP_MARK = 'step: ';
/** How `scale-once.ts` ends when it is asked to. */
export const TOO_LONG = 3;
