import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { atLeast, atMost, type BenchLine } from './bench-line.ts';
import { LARGE_CANDIDATES, writeLargeTraffic } from './large-traffic.ts';

const PROMPTS = 300_000;
/** Of the whole process. */
export const LARGE_MEMORY_MB = 4000;

export interface LargeMeasure {
  readonly prompts: number;
  readonly rows: number;
  readonly seconds: number;
  readonly peakMb: number;
  /** Expected success of the router's choices on fresh prompts, of the best candidate alone, and of the best choices. */
  readonly routed: number;
  readonly single: number;
  readonly best: number;
}

/** A training of 300,000 prompts of 9 candidates, from the file to the artifact: time, peak memory, and what the router is worth. */
export async function benchLarge(): Promise<BenchLine[]> {
  return [
    ...largeLines('one outcome a prompt', await trainLarge(PROMPTS, true)),
    ...largeLines('every outcome', await trainLarge(PROMPTS, false)),
  ];
}

function largeLines(
  what: string,
  { best, peakMb, prompts, routed, rows, seconds, single }: LargeMeasure,
): BenchLine[] {
  const name = `large: ${prompts.toLocaleString('en')} prompts × ${LARGE_CANDIDATES.length}, ${what}`;
  const note = `${rows.toLocaleString('en')} rows; linear heads, 2 folds, no n-grams`;
  const share = (routed - single) / (best - single);
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const worth = `fresh prompts: ${percent(routed)} good, best single ${percent(single)}, best choice ${percent(best)}`;
  return [
    { name, value: seconds, unit: 's', target: null, met: null, note },
    atMost(`${name}, peak memory`, peakMb, 'MB', LARGE_MEMORY_MB, 'of the whole process'),
    atLeast(`${name}, of the best choice's gain`, share, '', 0.5, worth),
  ];
}

/** One training in a process of its own, since peak memory never comes down. */
export async function trainLarge(prompts: number, logged: boolean): Promise<LargeMeasure> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  try {
    const file = join(folder, 'traffic.jsonl');
    await writeLargeTraffic(file, prompts, { isLogged: logged });
    const script = fileURLToPath(new URL('./large-once.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', script, folder, file],
      {
        cwd: fileURLToPath(new URL('..', import.meta.url)),
      },
    );
    return JSON.parse(stdout) as LargeMeasure;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
