import { createHash } from 'node:crypto';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSampleTraffic } from './build-sample.ts';

export interface SampleFileOptions {
  readonly prompts: number;
  readonly seed: number;
  readonly out: string;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Sees to it that the sample traffic is in a file: builds it unless the file is what these very solvers made of the
 * same prompts before. A note beside it (`.made`) tells.
 * @returns whether it had to be built.
 */
export async function ensureSampleFile(options: SampleFileOptions): Promise<boolean> {
  const { out, prompts, seed } = options;
  const note = `${out}.made`;
  const recipe = JSON.stringify({ prompts, seed, solvers: await solversDigest() });
  const made = await readFile(note, 'utf8').catch(() => '');
  const content = await readFile(out).catch(() => null);
  if (content !== null && made === noteOf(recipe, content)) return false;
  await buildSampleTraffic(options);
  await writeFile(`${note}.part`, noteOf(recipe, await readFile(out)));
  await rename(`${note}.part`, note);
  return true;
}

function noteOf(recipe: string, content: Uint8Array): string {
  return `${recipe}\n${createHash('sha256').update(content).digest('hex')}\n`;
}

/** Over the sources of solvers, prompts and grading. */
async function solversDigest(): Promise<string> {
  const folder = fileURLToPath(new URL('solvers/', import.meta.url));
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
  const hash = createHash('sha256');
  for (const name of names) hash.update(name).update(await readFile(join(folder, name)));
  return hash.digest('hex');
}
