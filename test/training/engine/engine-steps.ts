import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidInputError } from 'pointsman';
import type { Step, Steps } from '../../../training/engine/engine.ts';

const number = async (file: string): Promise<number> => Number(await readFile(file, 'utf8'));

/** Adds numbers, one a file, and a number of its own. */
const add: Step = {
  name: 'add',
  version: 1,
  async run({ files, folder, parameters }) {
    const { more, waitMs = 0 } = parameters as { readonly more: number; readonly waitMs?: number };
    await sleep(waitMs);
    let sum = more;
    for (const file of files) sum += await number(file);
    const out = join(folder, 'sum');
    await writeFile(out, String(sum));
    return [out, Buffer.from(`${files.length} files`)];
  },
};

/** Refuses what is no number, as a step refuses the words of a user. */
const check: Step = {
  name: 'check',
  version: 1,
  async run({ files }) {
    const found = await number(files[0]);
    if (Number.isNaN(found)) throw new InvalidInputError('A shard must hold a number. Got words.');
    return [];
  },
};

/** Breaks for a reason of its own, each time. */
const break_: Step = {
  name: 'break',
  version: 1,
  async run() {
    throw new TypeError('there is no such thing');
  },
};

export const TEST_STEPS: Steps = { add, check, break: break_ };
export const TEST_RELEASE = { pointsman: '1.2.3', 'static table': 'aa11' };
