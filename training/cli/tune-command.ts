import { Command, InvalidArgumentError, Option } from 'commander';
import type { TunableTest } from '../policy/index.ts';
import type { CommandIo } from './command-io.ts';
import { addMapOption, type ColumnMap } from './map-option.ts';
import { probability } from './number-option.ts';

const EXAMPLES = `
Examples:
  $ pointsman tune models/support traffic.jsonl --strong-share 0.3
  $ pointsman tune models/support traffic.jsonl --max-quality-loss 0.02 --out policy.yaml
  $ pointsman tune models/support traffic.jsonl --max-quality-loss 0.02 --candidates small,medium,large --per-step
  $ pointsman tune models/support traffic.jsonl --max-quality-loss 0.02 --accept logprob --apply
  $ pointsman tune models/support traffic.jsonl --max-quality-loss 0.02 --accept verifier:grade --accept-score metadata.grade

Give the traffic that the router was trained on: the dial is set on its calibrate split and measured on its test
split. Or give newer traffic, all of which is used. Prompts need the outcomes of all candidates that take part.

Use the policy: loadRouter('models/support', { policy }), or \`policy:\` in the config of the next training.`;

export interface TuneFlags {
  readonly strongShare?: number;
  readonly maxQualityLoss?: number;
  readonly confidence: number;
  readonly candidates?: readonly string[];
  readonly cascade?: boolean;
  readonly perStep?: boolean;
  readonly accept?: TunableTest;
  readonly acceptScore?: string;
  readonly apply?: boolean;
  readonly map: ColumnMap;
  readonly work: string;
  readonly out?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `pointsman tune`: sets the dial of a strong/weak policy or a cascade from data. */
export function tuneCommand(io: CommandIo): Command {
  const command = new Command('tune')
    .description('Set the dial of a strong/weak policy or a cascade from outcomes.')
    .argument('<folder>', 'folder of a router, or of one of its versions')
    .argument('<files...>', 'traffic: JSONL, CSV, Parquet or Arrow; files or quoted patterns')
    .addOption(
      new Option('--strong-share <share>', 'share of requests for the strong candidate').argParser(
        probability,
      ),
    )
    .addOption(
      new Option(
        '--max-quality-loss <loss>',
        'most that mean quality may be below that of the strong candidate',
      ).argParser(probability),
    )
    .addOption(
      new Option('--confidence <probability>', 'of keeping to --max-quality-loss')
        .argParser(belowOne)
        .default(0.9),
    )
    .addOption(
      new Option(
        '--candidates <names>',
        'with commas, cheapest first (default: the cheapest and the best of the traffic)',
      ).argParser((text: string) => text.split(',').map((name) => name.trim())),
    )
    .option('--cascade', 'a cascade also for two candidates')
    .option('--per-step', 'a threshold for each step of a cascade, instead of one for all')
    .addOption(
      new Option(
        '--accept <test>',
        'judge answers, in a cascade: logprob, agreement:<samples> or verifier:<name>',
      ).argParser(tunableTest),
    )
    .option(
      '--accept-score <field>',
      "the answers' scores (default: metadata.logprob, metadata.agreement or metadata.<name>)",
    );
  return addMapOption(command)
    .option('--work <folder>', 'what is kept from run to run', '.pointsman')
    .option('-o, --out <file>', 'write the policy there, as YAML')
    .option('--apply', 'make it the policy of the router: a new version, which is then in use')
    .option('--json', 'print the result as JSON')
    .option('-q, --quiet', 'show no progress')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, files: string[], flags: TuneFlags, self: Command) => {
      if ((flags.strongShare === undefined) === (flags.maxQualityLoss === undefined)) {
        self.error('error: give --strong-share or --max-quality-loss, one of the two');
      }
      if (flags.acceptScore !== undefined && flags.accept === undefined) {
        self.error('error: --accept-score goes with --accept');
      }
      const { runTune } = await import('./run-tune.ts');
      await runTune(folder, files, flags, io);
    });
}

function tunableTest(text: string): TunableTest {
  const [kind, rest] = text.split(/:(.*)/s);
  if (kind === 'logprob' && rest === undefined) return { kind };
  if (kind === 'verifier' && rest) return { kind, verifier: rest };
  const samples = Number(rest);
  if (kind === 'agreement' && Number.isInteger(samples) && samples >= 2 && samples <= 100)
    return { kind, samples };
  throw new InvalidArgumentError('Give logprob, agreement:<samples, 2 to 100> or verifier:<name>.');
}

function belowOne(text: string): number {
  const value = probability(text);
  if (value >= 1) throw new InvalidArgumentError('It must be under 1.');
  return value;
}
