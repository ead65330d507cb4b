import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedis } from '../../fixtures/redis-server.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { plantedRows, writeRows } from '../cli/planted-file.ts';

const { folder, path, write } = temporaryFolder();
const root = fileURLToPath(new URL('../../..', import.meta.url));
/** As a shell has it: 128 and the number of SIGINT. */
const INTERRUPTED = 130;

interface ShardsEvent {
  readonly kind: 'shards';
  readonly step: string;
  readonly done: number;
  readonly known: number;
}

interface Ended {
  readonly code: number;
  readonly events: readonly ShardsEvent[];
  readonly stderr: string;
  /** In the temporary folder. */
  readonly left: readonly string[];
  /** Of the artifact, where there is one: the digest of what it is made of. */
  readonly id: string | null;
}

/** The command as it is installed, in a process of its own. @param onEvent may stop it */
async function train(
  rows: string,
  args: readonly string[],
  onEvent: (event: ShardsEvent, process: ChildProcess) => void = () => {},
): Promise<Ended> {
  const out = await mkdtemp(join(folder, 'router-'));
  const given = ['train', rows, '--out', join(out, 'x'), '--work', join(out, 'work'), '--json', '--quiet'];
  const config = ['--config', path('train.yaml'), '--shard-size', '0.05', '--fit-sample', '150'];
  // What a run that is stopped leaves there are prompts.
  const scratch = await mkdtemp(join(folder, 'scratch-'));
  config.push('--temporary-folder', scratch);
  const child = spawn(process.execPath, [join(root, 'src/bin/pointsman.js'), ...given, ...config, ...args], {
    cwd: root,
  });
  let [stdout, stderr, rest] = ['', '', ''];
  const events: ShardsEvent[] = [];
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines.filter((each) => each.startsWith('{"kind":"shards"'))) {
      events.push(JSON.parse(line));
      onEvent(events.at(-1)!, child);
    }
  });
  const [code] = await once(child, 'close');
  const left = await readdir(scratch);
  return { code, events, left, stderr, id: code === 0 ? JSON.parse(stdout).id : null };
}

let redis: RedisServer;
let rows: string;
let alone: Ended;
beforeAll(async () => {
  redis = await startRedis();
  write('train.yaml', '{ heads: [linear], folds: 2, resamples: 100, ngrams: { dimensions: 0 } }\n');
  rows = await writeRows(path('traffic.jsonl'), plantedRows({ prompts: 300, seed: 5 }));
  alone = await train(rows, ['--store', path('alone')]);
  expect(alone.stderr).not.toContain('Stopped');
  expect(alone.id).not.toBe(null);
}, 300_000);
afterAll(() => redis.stop());

describe('a training that is stopped by Ctrl-C', () => {
  it.each([
    ['in this process', 'stage', [], 2],
    ['in this process', 'measure', [], 2],
    // Of which a pass has one job here.
    ['in this process', 'gradient', [], 1],
    ['on a queue', 'draw', ['--engine'], 2],
  ])(
    '%s at "%s" is gone on with by the same command, to the same router',
    async (_, step, flags, fewest) => {
      const store = await mkdtemp(join(folder, 'store-'));
      const args = ['--store', store, ...flags.flatMap((flag) => [flag, redis.url])];
      const bin = join(root, 'src/bin/pointsman.js');
      const worker =
        flags.length === 0
          ? null
          : spawn(process.execPath, [bin, 'worker', '--engine', redis.url, '--store', store, '--quiet'], {
              cwd: root,
            });
      try {
        let isStopped = false;
        const stopped = await train(rows, args, (event, child) => {
          if (isStopped || event.step !== step || event.done < fewest) return;
          isStopped = true;
          child.kill('SIGINT');
        });
        expect(isStopped).toBe(true);
        expect(stopped).toMatchObject({ code: INTERRUPTED, id: null, left: [] });
        expect(stopped.stderr).toContain(
          flags.length === 0
            ? 'Stopped. The same command goes on from here.'
            : 'Stopped here. What is queued waits for workers, and the same command goes on from there.',
        );
        const again = await train(rows, args);
        expect(again).toMatchObject({ code: 0, id: alone.id });
        // Of the step that it was stopped at what was done, and all before it.
        const known = again.events.filter((event) => event.step === step).map((event) => event.known);
        expect(Math.max(...known)).toBeGreaterThanOrEqual(fewest);
        const first = again.events.findLast((event) => event.step === 'look');
        expect(first?.known).toBe(first?.done);
      } finally {
        worker?.kill('SIGKILL');
      }
    },
    300_000,
  );
});
