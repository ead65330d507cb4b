import { createReadStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { InvalidInputError, PointsmanError, type Request, type Router } from 'pointsman';
import { fileError } from '../work/file-error.ts';
import type { CommandIo } from './command-io.ts';
import type { RouteFlags } from './commands/route.ts';
import { decisionOptions } from './decision-flags.ts';
import { describeDecision } from './describe-decision.ts';
import { ExitCode } from './exit-code.ts';
import { openRouter } from './open-router.ts';
import { readingProblem, readText } from './read-text.ts';
import { createProgress } from './terminal/io.ts';

export async function runRoute(
  folder: string,
  prompt: string | undefined,
  flags: RouteFlags,
  io: CommandIo,
): Promise<void> {
  if (flags.batch !== undefined) return routeBatch(folder, flags.batch, flags, io);
  const request = await readRequest(prompt, flags.messages, io);
  const router = await openWithPolicy(folder, flags.policy);
  const decision = await router.route(request, { novelty: true, ...decisionOptions(flags) });
  io.stdout(flags.json ? `${JSON.stringify(decision, null, 2)}\n` : describeDecision(decision, io.columns));
}

async function openWithPolicy(folder: string, file: string | undefined): Promise<Router> {
  if (file === undefined) return openRouter(folder);
  const { readPolicy } = await import('./read-settings.ts');
  return openRouter(folder, { policy: await readPolicy(file) });
}

async function readRequest(
  prompt: string | undefined,
  file: string | undefined,
  io: CommandIo,
): Promise<Request> {
  if (file === undefined) return { text: prompt === '-' ? await io.stdin() : (prompt ?? '') };
  // A prompt alone needs no schema, and zod takes a while to load.
  const { parseRequest } = await import('./parse-request.ts');
  return parseRequest(await readText(file, io), file === '-' ? 'standard input' : file);
}

/**
 * Routes a file of requests, one decision a line in the same order. A request that cannot be routed gets a line with its
 * error, so that line numbers agree. The file of decisions appears when it is whole.
 */
async function routeBatch(folder: string, file: string, flags: RouteFlags, io: CommandIo): Promise<void> {
  const { parseRequest } = await import('./parse-request.ts');
  const name = file === '-' ? 'standard input' : file;
  const router = await openWithPolicy(folder, flags.policy);
  const options = { novelty: true, ...decisionOptions(flags) };
  const progress = createProgress(io, flags.quiet === true);
  const sink = await openSink(flags.out, io);
  let [line, routed, failed] = [0, 0, 0];
  try {
    for await (const text of linesOf(file, io)) {
      line++;
      if (text.trim() === '') {
        await sink.write('\n');
        continue;
      }
      try {
        const decision = await router.route(parseRequest(text, `line ${line} of ${name}`), options);
        await sink.write(`${JSON.stringify(decision)}\n`);
        routed++;
      } catch (error) {
        if (!(error instanceof PointsmanError)) throw error;
        failed++;
        await sink.write(`${JSON.stringify({ error: { code: error.code, message: error.message } })}\n`);
      }
      if (line % 100 === 0) progress.update(`routed ${line.toLocaleString('en-US')} requests`);
    }
    await sink.close();
  } finally {
    progress.stop();
    await sink.abandon();
  }
  if (routed + failed === 0)
    throw new InvalidInputError(`There is no request in ${name}: every line is empty.`);
  if (flags.out !== undefined)
    io.stdout(
      flags.json
        ? `${JSON.stringify({ out: flags.out, routed, failed })}\n`
        : `${flags.out}: ${routed.toLocaleString('en-US')} decisions${failed > 0 ? `, ${failed} requests could not be routed` : ''}\n`,
    );
  if (failed > 0) throw new ExitCode(1);
}

async function* linesOf(file: string, io: CommandIo): AsyncIterable<string> {
  const input = file === '-' ? Readable.from([await io.stdin()]) : createReadStream(file, 'utf8');
  // An error before the first line would be thrown by nobody: readline does not hand it on.
  const failed = new Promise<never>((_, reject) => input.once('error', reject));
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([lines.next(), failed]);
      if (next.done) return;
      yield next.value;
    }
  } catch (cause) {
    if (!(cause instanceof Error) || !('syscall' in cause)) throw cause;
    throw new InvalidInputError(`${file} cannot be read: ${readingProblem(cause)}. Check the path.`, {
      cause,
    });
  }
}

interface DecisionSink {
  write(text: string): Promise<void> | void;
  /** Puts the file in its place. */
  close(): Promise<void>;
  /** After an error; does nothing once closed. */
  abandon(): Promise<void>;
}

async function openSink(out: string | undefined, io: CommandIo): Promise<DecisionSink> {
  if (out === undefined) return { write: io.stdout, close: async () => {}, abandon: async () => {} };
  const unfinished = `${out}.part`;
  const handle = await open(unfinished, 'w', 0o600).catch((cause) => {
    throw fileError(cause, `${out} cannot be written`, 'Check the path');
  });
  let isOpen = true;
  return {
    async write(text) {
      await handle.write(text);
    },
    async close() {
      isOpen = false;
      await handle.close();
      await rename(unfinished, out);
    },
    async abandon() {
      if (isOpen) await handle.close();
    },
  };
}
