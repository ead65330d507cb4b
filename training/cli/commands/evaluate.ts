import { Command, Option } from 'commander';
import type { CommandIo } from '../command-io.ts';
import { addMapOption, type ColumnMap } from '../map-option.ts';
import { withStandardInput } from '../standard-input.ts';
import { addReadingOptions, type ReadingFlags } from '../terminal/options.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman evaluate models/support last-week.jsonl
  $ npx pointsman evaluate models/support last-week.jsonl --weights balanced --report balanced.html
  $ npx pointsman evaluate models/support last-week.jsonl --policy policy.yaml
  $ npx pointsman evaluate models/support litellm.jsonl --format litellm
  $ zcat last-week.jsonl.gz | npx pointsman evaluate models/support -
  $ npx pointsman evaluate models/support production-log.jsonl --off-policy

Prompts that the router was fitted or calibrated on are left out, and near-duplicates of them in the same traffic; how many is said.

Where the traffic holds one candidate's answer to each prompt, as most logs do, figures are estimated off-policy. With
--off-policy they always are, and the exit code is 1 where the log cannot answer; the reason is given.`;

export interface EvaluateFlags extends ReadingFlags {
  readonly map: ColumnMap;
  readonly prices?: string;
  readonly policy?: string;
  readonly weights?: 'best' | 'balanced' | 'cheapest';
  readonly offPolicy?: boolean;
  readonly report?: string;
  readonly work: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `pointsman evaluate`: what a trained router is worth on other traffic. */
export function evaluateCommand(io: CommandIo): Command {
  const command = new Command('evaluate')
    .description('Measure a router on traffic that it was not trained on.')
    .argument('<folder>', 'folder of a router, or of one of its versions')
    .argument(
      '<files...>',
      'traffic: JSONL, CSV, Parquet or Arrow; files or quoted patterns; - reads standard input',
    );
  return addReadingOptions(addMapOption(command))
    .option('-p, --prices <file>', 'YAML or JSON with prices per million tokens by candidate')
    .addOption(
      new Option('-w, --weights <name>', "what to weigh (default: the router's own policy)").choices([
        'best',
        'balanced',
        'cheapest',
      ]),
    )
    .option('--policy <file>', "YAML or JSON (default: the router's own policy)")
    .option(
      '--off-policy',
      'estimate from a part of the outcomes: IPS, SNIPS, DR and switch-DR, with diagnostics',
    )
    .option('--report <file>', 'write a report with figures, in HTML')
    .option('--work <folder>', 'what is kept from run to run', '.pointsman')
    .option('--json', 'print every figure as JSON')
    .option('-q, --quiet', 'show no progress')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, files: string[], flags: EvaluateFlags, self: Command) => {
      if (flags.policy !== undefined && flags.weights !== undefined)
        self.error('error: give --policy or --weights, not both: a policy has weights of its own');
      const { runEvaluate } = await import('../run-evaluate.ts');
      await withStandardInput(files, io, (read) => runEvaluate(folder, read, flags, io));
    });
}
