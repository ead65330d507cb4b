import { Command, Option } from 'commander';
import { openStore } from '../../engine/open-store.ts';
import { nameOf } from '../../engine/queue.ts';
import { startWorker, type WorkerEvent } from '../../engine/queue-worker.ts';
import { TRAINING_STEPS, trainingRelease } from '../../train/shards/steps.ts';
import { withScratch } from '../terminal/engine.ts';
import type { CommandIo } from '../terminal/io.ts';
import { positiveNumber } from '../terminal/options.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman worker --engine redis://queue:6379 --store /mnt/shared/pointsman
  $ npx pointsman worker --engine redis://queue:6379 --store s3://bucket/pointsman --json

It takes shards of whatever runs on that Redis, one at a time, until it is stopped (Ctrl-C), which waits for the shard that it has. Start as
many as there are cores and machines. The run itself: npx pointsman train <files...> --out <folder> --engine <address> --store <address>`;

interface WorkerFlags {
  readonly engine: string;
  readonly store: string;
  readonly temporaryFolder?: string;
  readonly patience: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `pointsman worker`: does shards of runs that were started elsewhere. */
export function workerCommand(io: CommandIo): Command {
  return new Command('worker')
    .requiredOption('--engine <address>', 'Redis that hands out shards, as redis://host:6379')
    .requiredOption(
      '--store <address>',
      'where they are kept: a folder that all machines see, or s3://bucket/prefix',
    )
    .option('--temporary-folder <folder>', "where a shard is worked on (default: the system's)")
    .addOption(
      new Option('--patience <seconds>', 'how long a worker may be silent before others take its shard')
        .argParser(positiveNumber)
        .default(15),
    )
    .option('--json', 'tell what happens as JSON, an object a line')
    .option('-q, --quiet', 'tell nothing but errors')
    .addHelpText('after', EXAMPLES)
    .action((flags: WorkerFlags) => runWorker(flags, io));
}

async function runWorker(flags: WorkerFlags, io: CommandIo): Promise<void> {
  const tell = (event: WorkerEvent): void => {
    if (flags.json) io.stdout(`${JSON.stringify(event)}\n`);
    else if (!flags.quiet) io.stderr(`${describeEvent(event, nameOf(flags.engine))}\n`);
  };
  await withScratch(flags.temporaryFolder, async (scratch) => {
    const worker = await startWorker({
      url: flags.engine,
      store: await openStore(flags.store, scratch),
      steps: TRAINING_STEPS,
      release: await trainingRelease(),
      lockMs: 1000 * flags.patience,
      scratch,
      onEvent: tell,
    });
    const onStop = (): void => void worker.close();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onStop);
    try {
      await worker.ended;
    } finally {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onStop);
    }
  });
}

/** One line for a person. */
export function describeEvent(event: WorkerEvent, engine: string): string {
  switch (event.kind) {
    case 'ready':
      return `Waiting for shards from ${engine}`;
    case 'begun':
      return `${event.step} ${event.job}`;
    case 'done':
      return event.time === null
        ? `${event.step} ${event.job} was done before`
        : `${event.step} ${event.job} done in ${event.time.seconds.toFixed(1)} s`;
    case 'failed':
      return `${event.step} ${event.job} failed: ${event.reason}`;
    case 'refused':
      return `Leaving. ${event.reason}`;
    case 'away':
      return `${engine} does not answer, and is waited for: ${event.reason}`;
    case 'back':
      return `${engine} answers again`;
  }
}
