import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { build } from 'esbuild';
import { createFileLog, createRandom } from 'pointsman/internal';
import { beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../architecture/source-files.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { aDecision } from '../log/a-decision.ts';
import { decisionIds, readFiles } from './log-folder.ts';
import { BATCH } from './process-settings.ts';

const ROUNDS = 6;
const random = createRandom(4);
const { path } = temporaryFolder();
const folder = path('log');
const program = path('logging-process.mjs');

beforeAll(async () => {
  await build({
    entryPoints: [join(root, 'test/src/node/logging-process.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
});

/** Lets it log until it has said a letter so many times, and kills it. */
async function logUntilKilled(run: number, size: number, letter: string, times: number) {
  const child = spawn(process.execPath, [program, folder, `${run}`, `${size}`], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  let said = '';
  let killed = false;
  const pipe = child.stdio[3] as Readable;
  pipe.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
    if (killed || said.split(`\n${letter} `).length <= times) return;
    killed = true;
    child.kill('SIGKILL');
  });
  const [, signal] = await new Promise<unknown[]>((resolve) =>
    child.once('close', (...ended) => resolve(ended)),
  );
  const last = (letter: string) =>
    Number(
      said
        .match(new RegExp(`^${letter} (\\d+)$`, 'gm'))
        ?.at(-1)
        ?.slice(2) ?? 0,
    );
  return { signal, told: last('t'), acknowledged: last('a') };
}

describe('kill -9', () => {
  it(`loses at most what was not flushed yet and corrupts nothing, ${ROUNDS} times in one folder`, async () => {
    const before = new Set<string>();
    for (let run = 0; run < ROUNDS; run++) {
      // Some with lines of many pages, so that it is hit while it writes one.
      const [size, letter] = run % 2 === 0 ? [100, 'a'] : [30_000, 'w'];
      const { signal, told, acknowledged } = await logUntilKilled(run, size, letter, random.integer(25));
      expect(signal).toBe('SIGKILL');
      // Reading it parses every line that ends.
      const files = (await readFiles(folder)).filter(({ name }) => !before.has(name));
      for (const { name } of files) before.add(name);
      // Nothing is missing in between, and nothing is there twice.
      const ids = decisionIds(files);
      expect(ids).toEqual(ids.map((_, n) => `${run}-${n}`));
      expect(ids.length).toBeGreaterThanOrEqual(acknowledged);
      expect(told - ids.length).toBeLessThanOrEqual(2 * BATCH);
      // A line that is cut off is the last of the last file; those before it were closed.
      files.slice(0, -1).forEach(({ rest, records }) => {
        expect(rest).toBe('');
        expect(records.at(-1)).toMatchObject({ kind: 'file', state: 'closed' });
      });
    }
    // And a process that lives writes on in the same folder, and touches none of theirs.
    const theirs = await readFiles(folder);
    const log = createFileLog(folder);
    const id = log.decided(aDecision(), { text: 'And on.' });
    await log.close();
    const all = await readFiles(folder);
    expect(decisionIds(all).at(-1)).toBe(id);
    expect(all.slice(0, -1)).toEqual(theirs);
    expect(await readdir(folder)).toHaveLength(before.size + 1);
  });
});
