import { join } from 'node:path';
import { Command, Option } from 'commander';
import type { CommandIo } from '../command-io.ts';
import { addMapOption, type ColumnMap } from '../map-option.ts';
import { wholeNumber } from '../number-option.ts';
import { withStandardInput } from '../standard-input.ts';
import { addLogOptions, type LogFlags } from '../terminal/options.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman train traffic.jsonl --out models/support
  $ npx pointsman train 'logs/*.csv' --out models/support --map text=question --map candidate=model
  $ npx pointsman train traffic.parquet --out models/support --config train.yaml --seed 7
  $ npx pointsman train traffic.jsonl --out models/support --embedder transformers:Xenova/all-MiniLM-L6-v2
  $ npx pointsman train traffic.jsonl --out models/support --split-by time --weights balanced

A row of traffic.jsonl is one candidate's answer to one request:
  {"requestId": "r1", "text": "What is 17 % of 80?", "candidate": "small-model", "quality": 1,
   "costUsd": 0.0002, "latencyMs": 310, "task": "maths"}

train.yaml, every field of which may be left out:
  seed: 7
  candidates:
    small-model: { inputPricePerMillionTokens: 0.15, outputPricePerMillionTokens: 0.6 }
  embedder: { kind: openai, model: text-embedding-3-small, dimensions: 1536 }
  split: { by: random, fit: 0.6, calibrate: 0.2, test: 0.2 }
  policy: { kind: utility, weights: balanced, limits: { minSuccessProbability: 0.5 } }
  logs: { format: table, map: { candidate: llm, quality: stars }, scoreRange: [1, 5] }

pointsman init looks at a log and writes such a file.`;

export interface TrainFlags extends LogFlags {
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
    .description('Train, calibrate and measure a router, and write it to a folder.')
    .argument(
      '<files...>',
      'traffic: JSONL, CSV, Parquet or Arrow; files or quoted patterns; - reads standard input',
    )
    .option(
      '-o, --out <folder>',
      'folder of the router; each version gets a folder in it (--dry-run needs none)',
    )
    .option('-c, --config <file>', 'YAML or JSON; what is given on the command line comes first')
    .addOption(new Option('-s, --seed <number>', 'of splits and fits (default: 0)').argParser(wholeNumber))
    .option('-n, --name <name>', "the router's name (default: the name of its folder)")
    .option(
      '-e, --embedder <kind>',
      'static, use, transformers:<model> or openai:<model> (default: static, which needs nothing)',
    );
  return addLogOptions(addMapOption(command))
    .option('-p, --prices <file>', 'YAML or JSON with prices per million tokens by candidate')
    .option('--strict', 'stop at the first row that cannot be used')
    .addOption(
      new Option('--split-by <how>', 'how prompts are parted (default: random)').choices(['random', 'time']),
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
        const { runTrain } = await import('../run-train.ts');
        await withStandardInput(files, io, (read) =>
          runTrain(read, { ...flags, out }, io, (option) => self.getOptionValueSource(option) === 'cli'),
        );
      },
    );
}
