import { Command, Option } from 'commander';
import type { CommandIo } from '../command-io.ts';
import { addMapOption, type ColumnMap } from '../map-option.ts';
import { nonNegativeNumber } from '../number-option.ts';
import { withStandardInput } from '../standard-input.ts';
import { addReadingOptions, type ReadingFlags } from '../terminal/options.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman candidates list --router models/support
  $ npx pointsman candidates add gpt-x --probes probes.jsonl --router models/support
  $ npx pointsman candidates add gpt-x --probes probes.jsonl --router models/support --family gpt-4,gpt-4-mini --settings gpt-x.yaml
  $ npx pointsman candidates set gpt-x --settings gpt-x.yaml --router models/support
  $ npx pointsman candidates retire old-model --router models/support`;

const ADD_EXAMPLES = `
Probes are rows of outcomes like the traffic that the router was trained on, of the new candidate: about 50 prompts as
users write them, its answers judged as the others' were. Rows of other candidates for the same prompts make the
estimate surer. Nothing is fitted again; what the router says of the others stays.

The new candidate is routed by its estimated quality minus --caution standard deviations of what is not known yet, so that
a lucky handful of probes does not take the traffic. Train again once there is traffic of its own.
${EXAMPLES}`;

const SET_EXAMPLES = `
gpt-x.yaml, US dollars per million tokens; what is left out stays as it is:
  inputPricePerMillionTokens: 0.15
  outputPricePerMillionTokens: 0.6

Where the traffic said how many tokens answers take, costs are those at the new prices from then on. A retraining goes by its own
config: put the new prices there, too.
${EXAMPLES}`;

const SETTINGS = 'prices, context window and the like, in YAML as in the training config';

export interface AddFlags extends ReadingFlags {
  readonly router: string;
  readonly probes: readonly string[];
  readonly family?: readonly string[];
  readonly caution: number;
  readonly settings?: string;
  readonly map: ColumnMap;
  readonly work: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export interface RouterFlags {
  readonly router: string;
  readonly json?: boolean;
}

export interface SetFlags extends RouterFlags {
  readonly settings: string;
}

/** `pointsman candidates`: a router's candidates, and how one is added or retired without training. */
export function candidatesCommand(io: CommandIo): Command {
  const command = new Command('candidates')
    .description(
      'List the candidates of a router; add one from some probes, set its prices, retire or restore it.',
    )
    .addHelpText('after', EXAMPLES);
  command.addCommand(addCommand(io));
  for (const [name, description] of [
    ['retire', 'Never choose a candidate again, nor fall back on it: a new version, nothing is fitted.'],
    ['restore', 'Let a retired candidate be chosen again.'],
  ] as const) {
    command.addCommand(
      withRouter(new Command(name))
        .description(description)
        .argument('<name>', 'the candidate')
        .option('--json', 'print the result as JSON')
        .action(async (candidate: string, flags: RouterFlags) => {
          const { runRetire } = await import('../run-retire.ts');
          await runRetire(name, candidate, flags, io);
        }),
    );
  }
  command.addCommand(
    withRouter(new Command('set'))
      .description(
        'Change prices, context window and the like of a candidate: a new version, nothing is fitted.',
      )
      .argument('<name>', 'the candidate')
      .requiredOption('--settings <file>', SETTINGS)
      .option('--json', 'print the result as JSON')
      .addHelpText('after', SET_EXAMPLES)
      .action(async (candidate: string, flags: SetFlags) => {
        const { runSetCandidate } = await import('../run-set-candidate.ts');
        await runSetCandidate(candidate, flags, io);
      }),
  );
  command.addCommand(
    withRouter(new Command('list'))
      .description('List them: which are in use, and how well they are known.')
      .option('--json', 'print the list as JSON')
      .action(async (flags: RouterFlags) => {
        const { runListCandidates } = await import('../run-list-candidates.ts');
        await runListCandidates(flags, io);
      }),
  );
  return command;
}

function addCommand(io: CommandIo): Command {
  const command = withRouter(new Command('add'))
    .description(
      'Add a candidate to a trained router from about 50 outcomes: a new version, the others as they were.',
    )
    .argument('<name>', 'the new candidate, as the probes name it')
    .requiredOption(
      '--probes <files...>',
      'outcomes: JSONL, CSV, Parquet or Arrow; files or quoted patterns; - reads standard input',
    )
    .addOption(
      new Option(
        '--family <names>',
        'with commas, candidates that it is expected to be like (default: all)',
      ).argParser((text: string) => text.split(',').map((name) => name.trim())),
    )
    .addOption(
      new Option('--caution <deviations>', 'standard deviations below its estimate that it is routed by')
        .argParser(nonNegativeNumber)
        .default(1),
    )
    .option('--settings <file>', SETTINGS);
  return addReadingOptions(addMapOption(command))
    .option('--work <folder>', 'what is kept from run to run', '.pointsman')
    .option('--json', 'print the result as JSON')
    .option('-q, --quiet', 'show no progress')
    .addHelpText('after', ADD_EXAMPLES)
    .action(async (name: string, flags: AddFlags) => {
      const { runAddCandidate } = await import('../run-add-candidate.ts');
      await withStandardInput(flags.probes, io, (probes) => runAddCandidate(name, { ...flags, probes }, io));
    });
}

function withRouter(command: Command): Command {
  return command.requiredOption('-r, --router <folder>', 'folder of a router');
}
