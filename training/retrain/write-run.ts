import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtOnce } from '../artifact/write-at-once.ts';
import type { RetrainRun } from './retrain-run.ts';
import { renderRun } from './run-page.ts';

/** Folder of the records, in the router's. */
export const RUNS_FOLDER = 'runs';

/** Writes a run's record and its page. @returns path of the page */
export async function writeRun(folder: string, run: RetrainRun): Promise<string> {
  const runs = join(folder, RUNS_FOLDER);
  await mkdir(runs, { recursive: true });
  const encode = (text: string) => new TextEncoder().encode(text);
  await writeAtOnce(join(runs, `${run.id}.json`), encode(`${JSON.stringify(run, null, 2)}\n`));
  const page = join(runs, `${run.id}.html`);
  await writeAtOnce(page, encode(renderRun(run)));
  return page;
}
