import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { InvalidInputError } from 'pointsman';
import { createInProcessEngine, type Engine, openStore } from '../../engine/engine.ts';
import { nameOf, openQueueEngine, startWorker, type WorkerEvent } from '../../engine/queue.ts';
import { type RetrainEvent, type RetrainJob, startRetrainWorker } from '../../retrain/queued.ts';
import type { ShardOptions } from '../../train/run-on-shards.ts';
import { TRAINING_STEPS, trainingRelease } from '../../train/shard-steps.ts';
import { openOwnFolder } from '../../work/run-folder.ts';
import type { CommandIo } from '../terminal/io.ts';
import { positiveNumber } from '../terminal/options.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman worker --engine redis://queue:6379 --store /mnt/shared/pointsman
  $ npx pointsman worker --engine redis://queue:6379 --store s3://bucket/pointsman --json

It takes shards and retrainings of whatever runs on that Redis, one at a time of each, until it is stopped (Ctrl-C), which waits for what it
has. Start as many as there are cores and machines. A retraining: npx pointsman retrain --config <file> --engine <address>. A run: npx pointsman train <files...> --out <folder> --engine <address> --store <address>`;

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
  const tell = (event: WorkerEvent | RetrainEvent): void => {
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
    const retraining = await startRetrainWorker({
      url: flags.engine,
      leaseMs: 2000 * flags.patience,
      run: retrainInChild,
      onEvent: tell,
    });
    const onStop = (): void => void Promise.all([worker.close(), retraining.close()]);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onStop);
    try {
      await worker.ended;
    } finally {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onStop);
      await retraining.close();
    }
  });
}

const OUTCOMES: Readonly<Record<number, string>> = { 0: 'promoted', 3: 'kept' };

/** A process of its own: what it computes keeps nobody from saying that it is alive, and Ctrl-C does not reach it. */
async function retrainInChild({ config, folder }: RetrainJob, lost: AbortSignal): Promise<string> {
  const args = [process.argv[1], 'retrain', '--config', config, '--leased', '--quiet', '--json'];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2000);
  });
  lost.addEventListener('abort', () => child.kill('SIGTERM'));
  const [code, signal] = await once(child, 'close');
  const outcome = OUTCOMES[code as number];
  if (outcome !== undefined) return outcome;
  throw new Error(said.trim() || `It ended with ${code === null ? `signal ${signal}` : `code ${code}`}.`);
}

/** One line for a person. */
function describeEvent(event: WorkerEvent | RetrainEvent, engine: string): string {
  switch (event.kind) {
    case 'ready':
      return `Waiting for shards and retrainings from ${engine}`;
    case 'begun':
      return `${event.step} ${event.job}`;
    case 'done':
      return event.time === null
        ? `${event.step} ${event.job} was done before`
        : `${event.step} ${event.job} done in ${event.time.seconds.toFixed(1)} s`;
    case 'failed':
      return `${event.step} ${event.job} failed: ${event.reason}`;
    case 'retraining':
      return `retraining ${event.router}`;
    case 'retrained':
      return `retrained ${event.router}: ${event.outcome}`;
    case 'not retrained':
      return `retraining ${event.router} failed: ${event.reason}`;
    case 'refused':
      return `Leaving. ${event.reason}`;
    case 'away':
      return `${engine} does not answer, and is waited for: ${event.reason}`;
    case 'back':
      return `${engine} answers again`;
  }
}

/** What the command line says of other machines. */
export interface EngineFlags {
  readonly engine?: string;
  readonly store?: string;
  /** Bytes. */
  readonly shardSize?: number;
  readonly fitSample?: number;
}

/** Options of every command whose work may be done on shards. */
export function addEngineOptions(command: Command): Command {
  return command
    .option('--engine <address>', 'Redis that hands shards to workers, as redis://host:6379 (default: none)')
    .option(
      '--store <address>',
      'where shards are kept: a folder that all machines see, or s3://bucket/prefix',
    )
    .addOption(
      new Option('--shard-size <MB>', 'of a log that is read on shards (default: 64)').argParser(
        readMegabytes,
      ),
    )
    .addOption(
      new Option(
        '--fit-sample <prompts>',
        'of a log with more so many are drawn and fitted on, with --store (default: 100000)',
      ).argParser(readSample),
    );
}

/** Of fewer, splits have too few. */
const SMALLEST_SAMPLE = 100;

function readSample(text: string): number {
  const prompts = Number(text);
  if (!(Number.isSafeInteger(prompts) && prompts >= SMALLEST_SAMPLE))
    throw new InvalidArgumentError(`It must be a whole number of prompts, ${SMALLEST_SAMPLE} or more.`);
  return prompts;
}

/** How shards are cut and how much is fitted on, as the flags say. */
export function shardOptions(engine: Engine, { fitSample, shardSize }: EngineFlags): ShardOptions {
  return {
    engine,
    ...(shardSize === undefined ? {} : { shardBytes: shardSize }),
    ...(fitSample === undefined ? {} : { fitSample }),
  };
}

function readMegabytes(text: string): number {
  const megabytes = Number(text);
  if (!(megabytes >= 0.001 && megabytes <= 1024))
    throw new InvalidArgumentError('It must be a number of megabytes, 0.001 to 1024.');
  return Math.round(megabytes * 2 ** 20);
}

/** A folder on a local disk for what steps make on their way; it goes at the end. */
async function withScratch<Result>(
  parent: string | undefined,
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await openOwnFolder(parent ?? tmpdir(), 'pointsman-shards');
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Does `use` with the engine that the flags name: workers of a queue, or this process where only a store is named; with none
 * where neither is.
 * @throws InvalidInputError where an engine has no store; EngineError where one of them does not answer
 */
export async function withEngine<Result>(
  { engine: url, fitSample, store: address }: EngineFlags,
  { io, temporaryFolder }: { readonly io: CommandIo; readonly temporaryFolder: string | undefined },
  use: (engine: Engine | undefined) => Promise<Result>,
): Promise<Result> {
  if (address === undefined) {
    if (url === undefined && fitSample === undefined) return use(undefined);
    throw new InvalidInputError(
      `\`--store\` must be given with \`${url === undefined ? '--fit-sample' : '--engine'}\`: a folder that all machines see, or s3://bucket/prefix. Got none.`,
    );
  }
  return withScratch(temporaryFolder, async (scratch) => {
    const shared = {
      store: await openStore(address, scratch),
      steps: TRAINING_STEPS,
      release: await trainingRelease(),
    };
    const engine =
      url === undefined
        ? createInProcessEngine({ ...shared, scratch })
        : await openQueueEngine({
            ...shared,
            url,
            onNobody: () =>
              io.stderr(
                `Nobody works at ${nameOf(url)}. Start a worker, on this machine or another: npx pointsman worker --engine ${nameOf(url)} --store ${address}\n`,
              ),
          });
    // What is queued stays: whoever starts the same run again finds it done. Scratch folders go as the process exits. A shell has 128 and
    // the number of the signal.
    const onInterrupt = (signal: 'SIGINT' | 'SIGTERM'): void => {
      io.stderr(
        url === undefined
          ? '\nStopped. The same command goes on from here.\n'
          : '\nStopped here. What is queued waits for workers, and the same command goes on from there.\n',
      );
      process.exit(128 + constants.signals[signal]);
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onInterrupt);
    try {
      return await use(engine);
    } finally {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onInterrupt);
      await engine.close();
    }
  });
}
