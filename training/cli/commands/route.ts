import { createReadStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { Command, Option } from 'commander';
import {
  type Decision,
  describeChange,
  InvalidInputError,
  PointsmanError,
  type Request,
  type RouteOptions,
  type Router,
} from 'pointsman';
import { z } from 'zod';
import { fileError } from '../../work/run-folder.ts';
import {
  type CommandIo,
  createProgress,
  ExitCode,
  formatAmountMs,
  formatAmountUsd,
  printable,
  textTable,
  wrapText,
} from '../terminal/io.ts';
import { openRouter, positiveNumber, probability, readingProblem, readText } from '../terminal/options.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman route models/support "Translate this to French: good morning"
  $ npx pointsman route models/support --messages request.json --weights balanced
  $ npx pointsman route models/support "What is 17 * 23?" --max-cost 0.001 --max-latency 800
  $ npx pointsman route models/support "What is 17 * 23?" --max-cost 0.001 --strict-limits
  $ npx pointsman route models/support "What is 17 * 23?" --policy policy.yaml
  $ cat prompt.txt | npx pointsman route models/support - --json
  $ npx pointsman route models/support --batch requests.jsonl --out decisions.jsonl

request.json is a list of messages, or the body of a chat request:
  {"messages": [{"role": "user", "content": "What is 17 * 23?"}], "tools": []}

requests.jsonl has such a body a line, or {"text": "What is 17 * 23?"}. The line of decisions.jsonl with the same number
holds its decision, or { "error" } where a request could not be read; then the exit code is 1.`;

interface RouteFlags extends DecisionFlags {
  readonly messages?: string;
  readonly batch?: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `pointsman route`: which candidate should take a request, or each of a file of them, and why. */
export function routeCommand(io: CommandIo): Command {
  const route = new Command('route')
    .argument('<folder>', 'folder of a router, or of one of its versions')
    .argument('[prompt]', 'the prompt; - reads it from standard input')
    .option('-m, --messages <file>', 'JSON with messages instead of a prompt; - reads it from standard input')
    .option('-b, --batch <file>', 'JSONL with a request a line; - reads it from standard input')
    .option('-o, --out <file>', 'with --batch: where the decisions go, as JSONL (default: standard output)');
  return addDecisionFlags(route)
    .option('--json', 'print the decision as JSON')
    .option('-q, --quiet', 'show no progress')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, prompt: string | undefined, flags: RouteFlags, command: Command) => {
      const given = [prompt, flags.messages, flags.batch].filter((one) => one !== undefined);
      if (given.length === 0)
        command.error('error: give a prompt (- reads it from standard input), or --messages, or --batch');
      if (given.length > 1) command.error('error: give a prompt or --messages or --batch, not both');
      if (flags.out !== undefined && flags.batch === undefined)
        command.error('error: --out goes with --batch');
      checkDecisionFlags(flags, command);
      await runRoute(folder, prompt, flags, io);
    });
}

/** What a request may ask of its decision, in `route` and in `explain`. */
export interface DecisionFlags {
  readonly policy?: string;
  readonly weights?: 'best' | 'balanced' | 'cheapest';
  readonly maxCost?: number;
  readonly maxLatency?: number;
  readonly minSuccess?: number;
  readonly strictLimits?: boolean;
}

export function addDecisionFlags(command: Command): Command {
  return command
    .option('--policy <file>', "YAML or JSON (default: the router's own policy)")
    .addOption(
      new Option('-w, --weights <name>', "what to weigh (default: the router's own policy)").choices([
        'best',
        'balanced',
        'cheapest',
      ]),
    )
    .addOption(
      new Option('--max-cost <usd>', 'highest expected cost of the request').argParser(positiveNumber),
    )
    .addOption(
      new Option('--max-latency <ms>', 'highest expected latency of the request').argParser(positiveNumber),
    )
    .addOption(
      new Option('--min-success <probability>', 'lowest probability of a good answer').argParser(probability),
    )
    .option(
      '--strict-limits',
      'fail when no candidate meets every limit; without it limits give way, and it says which',
    );
}

/** Ends the command where two of them cannot go together. */
export function checkDecisionFlags(flags: DecisionFlags, command: Command): void {
  if (flags.policy !== undefined && flags.weights !== undefined)
    command.error('error: give --policy or --weights, not both: a policy has weights of its own');
}

export function decisionOptions(flags: DecisionFlags): RouteOptions {
  return {
    limits: {
      ...(flags.maxCost === undefined ? {} : { maxCostUsd: flags.maxCost }),
      ...(flags.maxLatency === undefined ? {} : { maxLatencyMs: flags.maxLatency }),
      ...(flags.minSuccess === undefined ? {} : { minSuccessProbability: flags.minSuccess }),
    },
    ...(flags.strictLimits === true ? { strict: true } : {}),
    ...(flags.weights === undefined ? {} : { weights: flags.weights }),
  };
}

const messages = z.array(z.looseObject({})).min(1, 'it must not be empty');

const body = z.looseObject({
  text: z.string().optional(),
  messages: messages.optional(),
  input: z.union([z.string(), messages]).optional(),
  contents: messages.optional(),
  tools: z.array(z.unknown()).optional(),
  response_format: z.looseObject({ type: z.string() }).optional(),
});

/**
 * A request from JSON: a list of messages, or the body of a chat request: OpenAI's (`messages`, or `input` of the Responses
 * API), Anthropic's (`messages`) or Gemini's (`contents`). A plain prompt is `text`.
 *
 * @param file named in errors.
 * @throws InvalidInputError
 */
export function parseRequest(json: string, file: string): Request {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new InvalidInputError(`${file} must be JSON: ${(cause as Error).message}.`, { cause });
  }
  const result = body.safeParse(Array.isArray(value) ? { messages: value } : value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw wrong(`\`${issue.path.join('.') || 'messages'}\` of ${file}: ${issue.message}.`);
  }
  const { input, contents, response_format: responseFormat, tools } = result.data;
  const list = result.data.messages ?? (typeof input === 'string' ? undefined : input) ?? contents;
  const text = result.data.text ?? (typeof input === 'string' ? input : undefined);
  if (list === undefined && text === undefined) throw wrong(`There is no \`messages\` in ${file}.`);
  return {
    ...(text === undefined ? {} : { text }),
    // Of their content nothing is asked here: the router reads what it finds.
    ...(list === undefined ? {} : { messages: list as unknown as NonNullable<Request['messages']> }),
    ...(tools === undefined ? {} : { tools }),
    ...(responseFormat === undefined ? {} : { responseFormat }),
  };
}

function wrong(what: string): InvalidInputError {
  return new InvalidInputError(
    `${what} Give a list of messages, such as [{"role": "user", "content": "What is 17 * 23?"}], or an object with ` +
      '`messages`.',
  );
}

async function runRoute(
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
  const { readPolicy } = await import('../terminal/options.ts');
  return openRouter(folder, { policy: await readPolicy(file) });
}

async function readRequest(
  prompt: string | undefined,
  file: string | undefined,
  io: CommandIo,
): Promise<Request> {
  if (file === undefined) return { text: prompt === '-' ? await io.stdin() : (prompt ?? '') };
  return parseRequest(await readText(file, io), file === '-' ? 'standard input' : file);
}

/**
 * Routes a file of requests, one decision a line in the same order. A request that cannot be routed gets a line with its
 * error, so that line numbers agree. The file of decisions appears when it is whole.
 */
async function routeBatch(folder: string, file: string, flags: RouteFlags, io: CommandIo): Promise<void> {
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

/** A decision for a person: the candidate, what is expected of each, and why. */
export function describeDecision(decision: Decision, columns: number): string {
  const { candidate, confidence, predictions, probabilities, reasons, policyPath, artifactId, routerMs } =
    decision;
  const removed = predictions.filter(({ removedBy }) => removedBy !== undefined);
  const table = textTable(
    [
      { title: '' },
      { title: 'candidate', shrinks: 'names' },
      { title: 'P(good answer)', align: 'right' },
      { title: 'P(best choice)', align: 'right' },
      { title: 'cost of 1,000', align: 'right' },
      { title: 'expected latency', align: 'right' },
    ],
    predictions.map((row) => [
      row.candidate === candidate ? '→' : row.removedBy === undefined ? ' ' : '×',
      row.candidate,
      row.successProbability.toFixed(3),
      probabilities[row.candidate].toFixed(3),
      formatAmountUsd(row.expectedCostUsd && 1000 * row.expectedCostUsd),
      formatAmountMs(row.expectedLatencyMs),
    ]),
    columns,
  );
  const notes = [
    ...reasons,
    ...noveltyNote(decision.novelty),
    ...decision.whatWouldChangeIt.slice(0, 2).map(describeChange),
    ...removed.map((row) => `× ${row.candidate}: ${row.removedBy}`),
  ].map((note) => `  ${wrapText(printable(note), columns, '  ')}\n`);
  return (
    `${printable(candidate)}, with a probability of ${confidence.toFixed(2)} of a good answer\n\n${table}\n` +
    `${notes.join('')}\n` +
    `${artifactId}, policy ${policyPath.join(' > ')}, decided in ${routerMs.toFixed(1)} ms from a cold start\n`
  );
}

/** How unlike the training prompts the request is, where the decision says so. */
function noveltyNote(novelty: number | null | undefined): string[] {
  if (novelty === undefined || novelty === null) return [];
  const figure = novelty.toFixed(2);
  // What is printed must not contradict itself: 1.00 is at the limit.
  return novelty > 1 && figure !== '1.00'
    ? [
        `Novelty ${figure}: unlike the prompts that it was trained on (above 1), so trust its probabilities less.`,
      ]
    : [`Novelty ${figure}: like the prompts that it was trained on (at most 1).`];
}
