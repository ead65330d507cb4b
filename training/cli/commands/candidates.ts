import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { type Candidate, InvalidInputError, type Router } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import type { BuiltArtifact } from '../../artifact/build-artifact.ts';
import { withRetrainLock } from '../../artifact/versions.ts';
import { writeArtifact } from '../../artifact/write-artifact.ts';
import {
  addCandidate,
  type Interval,
  type OnboardedCandidate,
  onboardedOf,
  restoreCandidate,
  retireCandidate,
  setCandidate,
} from '../../candidates/change-candidates.ts';
import { parseTrainConfig } from '../../config.ts';
import { ingestOutcomes } from '../../ingest/ingest.ts';
import { readOutcomeMatrix } from '../../ingest/outcome-store.ts';
import { checkScores } from '../../ingest/report.ts';
import type { OutcomeMatrix } from '../../outcomes/matrix.ts';
import {
  formatApart,
  formatDecimal,
  formatDifference,
  formatPoints,
  formatQuality,
  plural,
  pointsAsPrinted,
} from '../../words.ts';
import { openOwnFolder, withRunFolder } from '../../work/run-folder.ts';
import {
  type CommandIo,
  createProgress,
  formatAmountMs,
  formatAmountUsd,
  printable,
  textTable,
  wrapText,
} from '../terminal/io.ts';
import {
  addMapOption,
  addReadingOptions,
  type ColumnMap,
  nonNegativeNumber,
  openRouter,
  type ReadingFlags,
  readingOptions,
  readYaml,
  routerFolder,
  scratchOptions,
  withStandardInput,
} from '../terminal/options.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman candidates list --router models/support
  $ npx pointsman candidates add gpt-x --probes probes.jsonl --router models/support
  $ npx pointsman candidates add gpt-x --probes probes.jsonl --router models/support --family gpt-4,gpt-4-mini --settings gpt-x.yaml
  $ npx pointsman candidates set gpt-x --settings gpt-x.yaml --router models/support
  $ npx pointsman candidates retire old-model --router models/support
  $ npx pointsman candidates restore old-model --router models/support`;

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

interface AddFlags extends ReadingFlags {
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

interface RouterFlags {
  readonly router: string;
  readonly json?: boolean;
}

interface SetFlags extends RouterFlags {
  readonly settings: string;
}

/** `pointsman candidates`: a router's candidates, and how one is added or retired without training. */
export function candidatesCommand(io: CommandIo): Command {
  const command = new Command('candidates').addHelpText('after', EXAMPLES);
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
        .addHelpText('after', EXAMPLES)
        .action(async (candidate: string, flags: RouterFlags) => {
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
        await runSetCandidate(candidate, flags, io);
      }),
  );
  command.addCommand(
    withRouter(new Command('list'))
      .description('List them: which are in use, and how well they are known.')
      .option('--json', 'print the list as JSON')
      .addHelpText('after', EXAMPLES)
      .action(async (flags: RouterFlags) => {
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
      await withStandardInput(flags.probes, io, (probes) => runAddCandidate(name, { ...flags, probes }, io));
    });
}

function withRouter(command: Command): Command {
  return command.requiredOption('-r, --router <folder>', 'folder of a router');
}

async function runListCandidates({ router, json }: RouterFlags, io: CommandIo): Promise<void> {
  const { manifest } = await readArtifactFolder(router);
  const onboarded = new Map(onboardedOf(manifest).map((one) => [one.name, one]));
  const listed = manifest.candidates.map(({ retired = false, ...candidate }) => {
    const added = onboarded.get(candidate.name);
    return { ...candidate, retired, ...(added === undefined ? {} : { onboarded: added }) };
  });
  if (json) return io.stdout(`${JSON.stringify(listed, null, 2)}\n`);
  io.stdout(
    textTable(
      [
        { title: 'candidate', shrinks: 'names' },
        { title: 'state' },
        { title: 'mean quality', align: 'right' },
        { title: 'cost of 1,000', align: 'right' },
        { title: 'mean latency', align: 'right' },
        { title: 'known from', shrinks: 'text' },
      ],
      listed.map(({ name, retired, meanQuality, meanCostUsd, meanLatencyMs, onboarded: added }) => [
        name,
        retired ? 'retired' : 'in use',
        formatDecimal(meanQuality),
        formatAmountUsd(meanCostUsd && 1000 * meanCostUsd),
        formatAmountMs(meanLatencyMs),
        added === undefined
          ? 'training'
          : `${added.probes} probes (95 %: ${added.quality.low.toFixed(2)} to ${added.quality.high.toFixed(2)})`,
      ]),
      io.columns,
    ),
  );
}

async function runRetire(
  what: 'retire' | 'restore',
  name: string,
  flags: RouterFlags,
  io: CommandIo,
): Promise<void> {
  const folder = await routerFolder(flags.router);
  const { version } = await withRetrainLock(folder, async () => {
    const artifact = await readArtifactFolder(folder, { reports: true });
    const change = what === 'retire' ? retireCandidate : restoreCandidate;
    return writeArtifact(folder, await change(artifact, name));
  });
  io.stdout(
    flags.json
      ? `${JSON.stringify({ candidate: name, retired: what === 'retire', version }, null, 2)}\n`
      : `${printable(name)} was ${what}d. In use: version ${version} of the router.\n`,
  );
}

async function runSetCandidate(name: string, flags: SetFlags, io: CommandIo): Promise<void> {
  const folder = await routerFolder(flags.router);
  const { name: _n, retired, ...settings } = await readCandidate(name, flags.settings);
  if (retired !== undefined) {
    throw new InvalidInputError(
      `\`retired\` cannot be set. Got ${retired}. Use: npx pointsman candidates ${retired ? 'retire' : 'restore'} ${name}`,
    );
  }
  const { version } = await withRetrainLock(folder, async () => {
    const artifact = await readArtifactFolder(folder, { reports: true });
    return writeArtifact(folder, await setCandidate(artifact, name, settings));
  });
  io.stdout(
    flags.json
      ? `${JSON.stringify({ candidate: name, ...settings, version }, null, 2)}\n`
      : `${printable(name)} was set. In use: version ${version} of the router.\n`,
  );
}

async function runAddCandidate(name: string, flags: AddFlags, io: CommandIo): Promise<void> {
  const folder = await routerFolder(flags.router);
  const progress = createProgress(io, flags.quiet === true);
  try {
    const candidate = await readCandidate(name, flags.settings);
    progress.update('reading the probes');
    const probes = await readProbeFiles(candidate, flags);
    progress.update('adding the candidate');
    const { version, onboarded } = await withRetrainLock(folder, async () => {
      const added = await addCandidate({
        artifact: await readArtifactFolder(folder, { reports: true }),
        candidate,
        probes,
        ...(flags.family === undefined ? {} : { family: flags.family }),
        caution: flags.caution,
        open: openBuilt,
      });
      const written = await writeArtifact(folder, added.artifact);
      return { version: written.version, onboarded: added.onboarded };
    });
    progress.stop();
    io.stdout(
      flags.json
        ? `${JSON.stringify({ ...onboarded, version }, null, 2)}\n`
        : describeOnboarded(onboarded, version, io.columns),
    );
  } finally {
    progress.stop();
  }
}

/** @throws InvalidInputError naming the field that a candidate cannot have */
async function readCandidate(name: string, file: string | undefined): Promise<Candidate> {
  const settings = file === undefined ? {} : await readYaml(file, 'The settings');
  if (typeof settings !== 'object' || settings === null) {
    throw new InvalidInputError(
      `The settings in ${file} must be fields and values. Got ${JSON.stringify(settings)}.`,
    );
  }
  // The names of its fields and what they may be are those of the training config.
  const { candidates } = parseTrainConfig({ candidates: { [name]: settings } });
  return { ...(candidates[name] as Omit<Candidate, 'name'>), name };
}

async function readProbeFiles(
  { name, inputPricePerMillionTokens, outputPricePerMillionTokens }: Candidate,
  flags: AddFlags,
): Promise<OutcomeMatrix> {
  const { map, probes, work } = flags;
  return withRunFolder(work, 'probes', async (folder) => {
    const out = join(folder, 'probes.parquet');
    const prices =
      inputPricePerMillionTokens === undefined || outputPricePerMillionTokens === undefined
        ? {}
        : { [name]: { inputPricePerMillionTokens, outputPricePerMillionTokens } };
    await ingestOutcomes({ ...readingOptions(flags), files: [...probes], out, map, prices });
    const matrix = await readOutcomeMatrix(out, scratchOptions(flags));
    checkScores(matrix, 'Adding a candidate');
    return matrix;
  });
}

/** Through a folder of its own, as whatever embedder it needs is found there. */
async function openBuilt(sealed: BuiltArtifact): Promise<Router> {
  const folder = await openOwnFolder(tmpdir(), 'pointsman-candidate');
  try {
    await writeArtifact(folder, sealed);
    return await openRouter(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What is believed of a new candidate, for a person. */
function describeOnboarded(
  { name, probes, quality, routedBy, advantage, like }: OnboardedCandidate,
  version: string,
  columns: number,
): string {
  const sentences = [
    `${name} was added from ${plural(probes, 'probe')}. Its mean quality over the traffic is estimated at ` +
      `${formatQuality(withinScale(quality))} points (95 % interval in brackets); beside ${advantage.over}, the best of the ` +
      `others, that is ${formatDifference(advantage)} points: ${sayAdvantage(advantage)}.`,
    `It is routed by ${formatPoints(routedBy)} points${sayCaution(routedBy, quality.estimate)}, until there is traffic of its own to train on.`,
    ...sayLike(like),
    `It is in use: version ${version} of the router. Back: npx pointsman rollback, or npx pointsman candidates retire ${name}.`,
  ];
  return sentences.map((sentence) => `${wrapText(printable(sentence), columns)}\n`).join('');
}

/** An estimate is normal and may leave what a quality can be; what is said of it does not. */
function withinScale({ estimate, high, low }: Interval) {
  const within = (value: number) => Math.min(1, Math.max(0, value));
  return { estimate: within(estimate), low: within(low), high: within(high) };
}

/** What the interval says of who is better. */
export function sayAdvantage({ high, low, over }: OnboardedCandidate['advantage']): string {
  if (pointsAsPrinted(low) > 0) return `better than ${over}`;
  return pointsAsPrinted(high) < 0 ? `worse than ${over}` : 'not clearly better or worse';
}

/** By how much less than its estimate it is routed. */
export function sayCaution(routedBy: number, estimate: number): string {
  const [own, mean] = formatApart(routedBy, Math.min(1, Math.max(0, estimate)), formatPoints, 1);
  if (own === mean) return ', its estimate';
  return routedBy < estimate ? ', the lower end of what is likely' : ', which is above its estimate';
}

/** Those that it resembles; a weight of 0 or less says that it does not. */
export function sayLike(like: OnboardedCandidate['like']): string[] {
  const alike = like.filter(({ weight }) => weight >= 0.005);
  return alike.length === 0
    ? []
    : [`It is most like ${alike.map(({ name, weight }) => `${name} (${weight.toFixed(2)})`).join(', ')}.`];
}
