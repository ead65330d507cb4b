import { Command, InvalidArgumentError, Option } from 'commander';
import type { UtilityWeights, WeightsName } from 'pointsman';
import { DIAL_SETTINGS } from '../../evaluation/dial-settings.ts';
import type { TunableTest } from '../../policy/accept-scores.ts';
import type { CommandIo } from '../command-io.ts';
import { addMapOption } from '../map-option.ts';
import { nonNegativeNumber, positiveNumber, probability } from '../number-option.ts';
import { withStandardInput } from '../standard-input.ts';
import { addReadingOptions } from '../terminal/options.ts';
import type { TuneFlags } from './tune-weights.ts';

const EXAMPLES = `
Weights of all candidates:
  $ npx pointsman tune models/support --setting lose-2 --apply
  $ npx pointsman tune models/support --weights quality=1,cost=0.05 --apply
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2 --against gpt-5-mini --confidence 0.95 --apply
  $ npx pointsman tune models/support traffic.jsonl --mean-cost 0.0004 --out policy.yaml

A strong and a weak candidate, or a cascade:
  $ npx pointsman tune models/support traffic.jsonl --strong-share 0.3
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2 --candidates small,large --out policy.yaml
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2 --candidates small,medium,large --per-step
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2 --accept logprob --apply
  $ npx pointsman tune models/support traffic.jsonl --max-loss 2 --accept verifier:grade --accept-score metadata.grade

--setting takes what \`pointsman inspect\` shows: best, lose-1, lose-2, lose-5, balanced, cheapest. Neither it nor --weights needs
traffic.

Else give the traffic that the router was trained on: the dial is set on its calibrate split and measured on its test
split. Or give newer traffic: what the router has seen of it is left out, and the rest is used. For a strong and a weak candidate, and for a cascade, prompts need the
outcomes of all that take part; for weights, a log of one candidate's answer a prompt will do, and is estimated off-policy.

Use the policy: loadRouter('models/support', { policy }), or \`policy:\` in the config of the next training.`;

/** Flags that say what is to be tuned: one of them. */
const GOALS = ['setting', 'weights', 'maxLoss', 'meanCost', 'strongShare', 'maxQualityLoss'] as const;

/** Flags of a strong and a weak candidate, or a cascade. */
const STEPWISE = ['strongShare', 'maxQualityLoss', 'candidates', 'cascade', 'perStep', 'accept'] as const;

/** `pointsman tune`: sets the weights of a router, or the dial of a strong/weak policy or a cascade, from data. */
export function tuneCommand(io: CommandIo): Command {
  const command = new Command('tune')
    .description(
      'Set how much quality may be given up for cost: weights, or the dial of a strong/weak policy or a cascade.',
    )
    .argument('<folder>', 'folder of a router, or of one of its versions')
    .argument(
      '[files...]',
      'traffic: JSONL, CSV, Parquet or Arrow; files or quoted patterns; - reads standard input',
    )
    .addOption(
      new Option('--setting <name>', 'a setting of the dial that inspect shows').choices(DIAL_SETTINGS),
    )
    .addOption(
      new Option(
        '--weights <weights>',
        'best, balanced, cheapest, or numbers: quality=1,cost=0.05',
      ).argParser(utilityWeights),
    )
    .addOption(
      new Option(
        '--max-loss <points>',
        'most that mean quality may be below that of --against; of a strong or last candidate with --candidates, --cascade or --accept',
      ).argParser(points),
    )
    .addOption(
      new Option('--mean-cost <usd>', 'most that a request may cost on average').argParser(positiveNumber),
    )
    .addOption(new Option('--max-cost <usd>').hideHelp())
    .option('--against <candidate>', 'whom --max-loss is counted from (default: the best single candidate)')
    .addOption(
      new Option('--strong-share <share>', 'share of requests for the strong candidate').argParser(
        probability,
      ),
    )
    .addOption(
      new Option(
        '--max-quality-loss <loss>',
        '--max-loss of a strong or last candidate as a number from 0 to 1',
      ).argParser(probability),
    )
    .addOption(
      new Option('--confidence <probability>', 'of keeping to --max-loss or --mean-cost')
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
  return addReadingOptions(addMapOption(command))
    .option('-p, --prices <file>', 'YAML or JSON with prices per million tokens by candidate')
    .option('--work <folder>', 'what is kept from run to run', '.pointsman')
    .option('-o, --out <file>', 'write the policy there, as YAML')
    .option('--apply', 'make it the policy of the router: a new version, which is then in use')
    .option('--json', 'print the result as JSON')
    .option('-q, --quiet', 'show no progress')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, files: string[], flags: TuneFlags, self: Command) => {
      if (flags.maxCost !== undefined)
        self.error(
          `error: --max-cost is a limit of each request (pointsman route); for what they cost on average give --mean-cost ${flags.maxCost}`,
        );
      const goals = GOALS.filter((goal) => flags[goal] !== undefined);
      if (goals.length !== 1)
        self.error('error: give one of --setting, --weights, --max-loss, --mean-cost and --strong-share');
      const isNamed = flags.setting !== undefined || flags.weights !== undefined;
      if (isNamed !== (files.length === 0))
        self.error(
          isNamed ? 'error: --setting and --weights need no traffic' : 'error: give traffic to tune on',
        );
      const isStepwise = STEPWISE.some((flag) => flags[flag] !== undefined);
      if (isStepwise && (isNamed || flags.meanCost !== undefined || flags.against !== undefined))
        self.error(
          'error: --setting, --weights, --mean-cost and --against are for weights of all candidates',
        );
      if (flags.acceptScore !== undefined && flags.accept === undefined) {
        self.error('error: --accept-score goes with --accept');
      }
      if (isStepwise) {
        const { runTune } = await import('../run-tune.ts');
        await withStandardInput(files, io, (read) => runTune(folder, read, flags, io));
      } else {
        const { runTuneWeights } = await import('./tune-weights.ts');
        await withStandardInput(files, io, (read) => runTuneWeights(folder, read, flags, io));
      }
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

function points(text: string): number {
  const value = positiveNumber(text);
  if (value >= 100) throw new InvalidArgumentError('It must be under 100 points.');
  return value;
}

/** "balanced", or "quality=1,cost=0.05"; what is left out is 0. */
function utilityWeights(text: string): UtilityWeights | WeightsName {
  if (text === 'best' || text === 'balanced' || text === 'cheapest') return text;
  const weights = { quality: 0, cost: 0, latency: 0 };
  for (const pair of text.split(',')) {
    const [name, value, ...rest] = pair.split('=').map((part) => part.trim());
    if (!Object.hasOwn(weights, name) || value === undefined || value === '' || rest.length > 0)
      throw new InvalidArgumentError(
        'Give best, balanced, cheapest, or quality=<number>,cost=<number>,latency=<number>.',
      );
    const weight = nonNegativeNumber(value);
    if (weight > MOST_WEIGHT) throw new InvalidArgumentError('A weight must be at most 1,000,000.');
    weights[name as keyof typeof weights] = weight;
  }
  if (Object.values(weights).every((weight) => weight === 0))
    throw new InvalidArgumentError('One of the weights must be above 0.');
  return weights;
}

/** As in the schema of policies. */
const MOST_WEIGHT = 1e6;

function belowOne(text: string): number {
  const value = probability(text);
  if (value >= 1) throw new InvalidArgumentError('It must be under 1.');
  return value;
}
