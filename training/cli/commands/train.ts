import { basename, join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { InvalidInputError } from 'pointsman';
import { quantile } from 'pointsman/internal';
import { parseTrainConfig, type TrainConfig } from '../../config.ts';
import { embedderFlags, embedderFromFlag } from '../../embed/embedders.ts';
import { type LogsConfig, parseLogsConfig } from '../../ingest/options.ts';
import type { AnswerReport } from '../../train/answer.ts';
import type { LogReport } from '../../train/logged.ts';
import type { PreparedTraffic } from '../../train/prepare-traffic.ts';
import { rehearseTraining, type TrainedFromFiles, trainFromFiles } from '../../train/train-router.ts';
import type { TrainProgress } from '../../train/training-run.ts';
import { formatDuration } from '../../words.ts';
import { describeEvaluation, describeIngest, readLines } from '../terminal/describe.ts';
import { type CommandIo, createProgress, quoted, showTraining, textTable, wrapText } from '../terminal/io.ts';
import {
  addLogOptions,
  addMapOption,
  type ColumnMap,
  type LogFlags,
  readPolicy,
  readPrices,
  readYaml,
  wholeNumber,
  withConfiguredLogs,
  withStandardInput,
} from '../terminal/options.ts';
import { addEngineOptions, type EngineFlags, shardOptions, withEngine } from './worker.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman train traffic.jsonl --out models/support
  $ npx pointsman train 'logs/*.csv' --out models/support --map text=question --map candidate=model
  $ npx pointsman train traffic.parquet --out models/support --config train.yaml --seed 7
  $ npx pointsman train traffic.jsonl --out models/support --embedder transformers:Xenova/all-MiniLM-L6-v2
  $ npx pointsman train traffic.jsonl --out models/support --split-by time --weights balanced
  $ npx pointsman train votes.jsonl --format preferences --out models/arena
  $ npx pointsman train 'logs/*.jsonl.gz' --out models/support --engine redis://queue:6379 --store /mnt/shared/pointsman

A row of traffic.jsonl is one candidate's answer to one request:
  {"requestId": "r1", "text": "What is 17 % of 80?", "candidate": "small-model", "quality": 1,
   "costUsd": 0.0002, "latencyMs": 310, "task": "maths"}
One of votes.jsonl is a comparison of two answers:
  {"prompt": "What is 17 % of 80?", "a": "small-model", "b": "large-model", "winner": "tie"}

train.yaml, every field of which may be left out:
  seed: 7
  candidates:
    small-model: { inputPricePerMillionTokens: 0.15, outputPricePerMillionTokens: 0.6 }
  embedder: { kind: openai, model: text-embedding-3-small, dimensions: 1536 }
  split: { by: random, fit: 0.6, calibrate: 0.2, test: 0.2 }
  policy: { kind: utility, weights: balanced, limits: { minSuccessProbability: 0.5 } }
  logs: { format: table, map: { candidate: llm, quality: stars }, scoreRange: [1, 5] }

pointsman init looks at a log and writes such a file.`;

interface TrainFlags extends LogFlags, EngineFlags {
  readonly out: string;
  readonly config?: string;
  readonly seed?: number;
  readonly name?: string;
  readonly embedder?: string;
  readonly map: ColumnMap;
  readonly prices?: string;
  readonly strict?: boolean;
  readonly splitBy?: 'random' | 'time';
  readonly policy?: string;
  readonly weights?: 'best' | 'balanced' | 'cheapest';
  readonly heads?: string;
  readonly work: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `pointsman train`: a file of traffic into a calibrated, measured router. */
export function trainCommand(io: CommandIo): Command {
  const command = new Command('train')
    .argument(
      '<files...>',
      'traffic: JSONL, CSV, Parquet or Arrow; files, quoted patterns, or a store of logs as s3://bucket/prefix; - reads standard input',
    )
    .option(
      '-o, --out <folder>',
      'folder of the router; each version gets a folder in it (--dry-run needs none)',
    )
    .option('-c, --config <file>', 'YAML or JSON; what is given on the command line comes first')
    .addOption(new Option('-s, --seed <number>', 'of splits and fits (default: 0)').argParser(wholeNumber))
    .option('-n, --name <name>', "the router's name (default: the name of its folder)")
    .option('-e, --embedder <kind>', `${embedderFlags()} (default: static, which needs nothing)`);
  return addEngineOptions(addLogOptions(addMapOption(command)))
    .option('-p, --prices <file>', 'YAML or JSON with prices per million tokens by candidate')
    .option('--strict', 'stop at the first row that cannot be used')
    .addOption(
      new Option('--split-by <how>', 'how to split prompts (default: random)').choices(['random', 'time']),
    )
    .addOption(
      new Option(
        '-w, --weights <name>',
        'what the router weighs unless asked otherwise (default: best)',
      ).choices(['best', 'balanced', 'cheapest']),
    )
    .option('--policy <file>', 'YAML or JSON: how the router decides unless asked otherwise')
    .option(
      '--heads <names>',
      'heads that may take part (default: linear,domain,curve; also mlp, knn, factorisation)',
    )
    .option('--work <folder>', 'what is kept from run to run', '.pointsman')
    .option('--dry-run', 'read and split the traffic, say what would be trained on, and stop')
    .option('--json', 'print the result as JSON')
    .option('-q, --quiet', 'show no progress')
    .addHelpText('after', EXAMPLES)
    .action(
      async (files: string[], flags: Omit<TrainFlags, 'out'> & { readonly out?: string }, self: Command) => {
        if (flags.policy !== undefined && flags.weights !== undefined)
          self.error('error: give --policy or --weights, not both: a policy has weights of its own');
        // A rehearsal writes none; with --append it reads the store of one.
        if (flags.out === undefined && (flags.dryRun !== true || flags.append === true))
          self.error("error: required option '-o, --out <folder>' not specified");
        const out = flags.out ?? join(flags.work, 'rehearsal');
        await withStandardInput(files, io, (read) =>
          runTrain(read, { ...flags, out }, io, (option) => self.getOptionValueSource(option) === 'cli'),
        );
      },
    );
}

/** @param isGiven whether an option was given on the command line, by its name in the flags */
async function runTrain(
  files: readonly string[],
  flags: TrainFlags,
  io: CommandIo,
  isGiven: (option: string) => boolean,
): Promise<void> {
  const { config, logs } = await readTrainSettings(flags, io.env);
  const options = {
    files,
    config,
    name: routerName(flags.name, flags.out),
    out: flags.out,
    workFolder: flags.work,
    map: { ...logs.map, ...flags.map },
    ...withConfiguredLogs(flags, logs, isGiven),
    strict: flags.strict === true,
    ...(flags.prices === undefined ? {} : { prices: await readPrices(flags.prices) }),
  };
  const progress = createProgress(io, flags.quiet === true);
  const onProgress = showTraining(progress);
  const warn = ({ ingest, warnings }: Pick<PreparedTraffic, 'ingest' | 'warnings'>) => {
    const missed = options.answers === 'text' && ingest.answers.known === 0 ? [NO_ANSWERS] : [];
    for (const warning of [...warnings, ...missed])
      io.stderr(`${wrapText(`Note: ${warning}`, io.columns, '  ')}\n`);
  };
  try {
    if (flags.dryRun) {
      return await rehearseTraining({ ...options, onProgress }, async (traffic) => {
        progress.stop();
        warn(traffic);
        io.stdout(
          flags.json
            ? `${JSON.stringify(summariseTraffic(traffic), null, 2)}\n`
            : describeIngest(traffic.ingest) + describeTraffic(traffic, io.columns),
        );
      });
    }
    const { temporaryFolder } = flags;
    const result = await withEngine(flags, { io, temporaryFolder }, (engine) =>
      trainFromFiles({
        ...options,
        onProgress: flags.json && engine !== undefined ? showJson(io) : onProgress,
        ...(engine === undefined ? {} : { shards: shardOptions(engine, flags) }),
      }),
    );
    progress.stop();
    warn(result.traffic);
    io.stdout(
      flags.json
        ? `${JSON.stringify(summariseTraining(result), null, 2)}\n`
        : describeTraining(result, flags.out, io.columns),
    );
  } finally {
    progress.stop();
  }
}

const NO_ANSWERS =
  'The words of answers were to be kept, and the traffic has no answers that can be read: no head learns from them. If a column has them under another name, name it: --map answer=<column>.';

/** Progress for a program that looks on: an object a line, on standard error. */
function showJson(io: CommandIo): (event: TrainProgress) => void {
  return (event) => io.stderr(`${JSON.stringify(event)}\n`);
}

/** What a router would be trained on: the splits, and what the traffic holds of each candidate. */
function describeTraffic({ ingest, matrix, splits }: PreparedTraffic, columns: number): string {
  const { candidates, quality, costUsd, latencyMs } = matrix;
  const { fit, calibrate, test } = splits;
  const rows = candidates.map((name, c) => {
    const scores = observed(quality, candidates.length, c);
    const costs = observed(costUsd, candidates.length, c);
    const latencies = observed(latencyMs, candidates.length, c);
    return [
      name,
      scores.count.toLocaleString('en-US'),
      scores.mean?.toFixed(3) ?? '–',
      costs.mean === null ? '–' : `$${(1000 * costs.mean).toPrecision(3)}`,
      latencies.mean === null ? '–' : `${latencies.mean.toPrecision(3)} ms`,
    ];
  });
  return (
    `\n${readLines(ingest.formats, columns)}${fit.rows.length} prompts to fit, ${calibrate.rows.length} to calibrate, ${test.rows.length} to test.\n\n` +
    textTable(
      [
        { title: 'candidate', shrinks: 'names' },
        { title: 'scores', align: 'right' },
        { title: 'mean quality', align: 'right' },
        { title: 'cost of 1,000', align: 'right' },
        { title: 'mean latency', align: 'right' },
      ],
      rows,
      columns,
    )
  );
}

function observed(
  cells: Float32Array,
  columns: number,
  c: number,
): { readonly count: number; readonly mean: number | null } {
  let [sum, count] = [0, 0];
  for (let i = c; i < cells.length; i += columns) {
    if (Number.isNaN(cells[i])) continue;
    sum += cells[i];
    count++;
  }
  return { count, mean: count === 0 ? null : sum / count };
}

/** What came of a training, for a person: the verdict first. */
export function describeTraining(
  { traffic, trained, written }: TrainedFromFiles,
  out: string,
  columns: number,
): string {
  const { artifact, evaluation } = trained;
  const bytes = [...artifact.files.values()].reduce((sum, file) => sum + file.length, 0);
  return (
    `\n${describeEvaluation(evaluation, out, columns)}\n` +
    readLines(traffic.ingest.formats, columns) +
    logLine(trained.log, columns) +
    answersLine(trained.answers, columns) +
    decisionLine(trained.predictions.decisionMicroseconds) +
    `Router   ${written.path} (${(bytes / 1e6).toFixed(1)} MB)\n` +
    `Report   ${join(written.path, 'report.html')}\n` +
    `Route    npx pointsman route ${quoted(out)} "your prompt"\n`
  );
}

function logLine(log: LogReport | null, columns: number): string {
  if (log === null) return '';
  return `Learned  ${wrapText(`from ${log.summary} ${log.reason}`, columns, '         ')}\n`;
}

function answersLine(answers: AnswerReport | null, columns: number): string {
  if (answers === null) return '';
  const { carriedOver, summary } = answers;
  const text = carriedOver === undefined ? summary : `${summary} ${carriedOver}`;
  return `Answers  ${wrapText(text, columns, '         ')}\n`;
}

function decisionLine(microseconds: ArrayLike<number> | null): string {
  if (microseconds === null || microseconds.length === 0) return '';
  const [median, high] = [0.5, 0.99].map((share) => formatDuration(quantile(microseconds, share)));
  return `Decides  in ${median} (median), ${high} (99th percentile), embedding not counted\n`;
}

/** The result of `pointsman train --dry-run --json`. */
function summariseTraffic({ ingest, splits, warnings }: PreparedTraffic) {
  const { fit, calibrate, test } = splits;
  return {
    prompts: { fit: fit.rows.length, calibrate: calibrate.rows.length, test: test.rows.length },
    ingest,
    warnings,
  };
}

/** The result of `pointsman train --json`. */
function summariseTraining({ traffic, trained, written }: TrainedFromFiles) {
  const { answers, artifact, evaluation, log, quality } = trained;
  return {
    id: artifact.manifest.id,
    name: artifact.manifest.name,
    version: written.version,
    path: written.path,
    report: join(written.path, 'report.html'),
    verdict: evaluation.verdict,
    ...(evaluation.whole === undefined ? {} : { whole: evaluation.whole }),
    prompts: evaluation.prompts,
    strategies: evaluation.strategies,
    calibration: evaluation.calibration.success.map(({ candidate, rows, ece10, brier }) => ({
      candidate,
      rows,
      ece10,
      brier,
    })),
    metrics: artifact.manifest.metrics,
    chosen: quality,
    log,
    answers,
    ingest: traffic.ingest,
    warnings: traffic.warnings,
  };
}

type Flags = Pick<TrainFlags, 'config' | 'seed' | 'embedder' | 'splitBy' | 'policy' | 'weights' | 'heads'>;
type Fields = Record<string, unknown>;

/** A config file, and the command line's words put over it. */
interface TrainSettings {
  readonly config: TrainConfig;
  /** How its `logs` say that logs are read. */
  readonly logs: LogsConfig;
}

/**
 * The config file with the command line's words put over it; those on how logs are read are left to the caller.
 * @throws InvalidInputError
 */
export async function readTrainSettings(
  flags: Flags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<TrainSettings> {
  const given = flags.config === undefined ? {} : ((await readYaml(flags.config, 'The config')) ?? {});
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new InvalidInputError(
      `The config in ${flags.config} must be fields and values. Got ${JSON.stringify(given).slice(0, 60)}.`,
    );
  }
  const { logs, ...fields } = given as Fields;
  const config = parseTrainConfig({
    ...fields,
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
    ...(flags.embedder === undefined ? {} : { embedder: embedderFromFlag(flags.embedder, env) }),
    ...(flags.splitBy === undefined ? {} : { split: { ...(fields.split as Fields), by: flags.splitBy } }),
    ...(flags.policy === undefined ? {} : { policy: await readPolicy(flags.policy) }),
    ...(flags.weights === undefined ? {} : { policy: { kind: 'utility', weights: flags.weights } }),
    ...(flags.heads === undefined ? {} : { heads: flags.heads.split(',').map((name) => name.trim()) }),
  });
  return { config, logs: parseLogsConfig(logs) };
}

/**
 * The router's name: the one given, or the name of its folder with what a name may not hold replaced.
 * @throws InvalidInputError
 */
function routerName(given: string | undefined, out: string): string {
  const name =
    given ??
    basename(resolve(out))
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '');
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
  throw new InvalidInputError(
    `The router's name must be 1 to 64 letters, digits, ".", "_" and "-". Got "${name}". Give one with --name.`,
  );
}
