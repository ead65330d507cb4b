import { Command } from 'commander';
import { type Artifact, ArtifactError, InvalidInputError, type Manifest } from 'pointsman';
import type { FileEntry } from 'pointsman/internal';
import { readArtifactFolder } from 'pointsman/node';
import { describeChoiceModel } from '../../artifact/build-artifact.ts';
import { listVersions, rollBack } from '../../artifact/versions.ts';
import {
  formatCost,
  formatCount,
  formatDecimal,
  formatPercent,
  formatPoints,
  formatSample,
  formatSignedPoints,
  plural,
} from '../../words.ts';
import { describeDial, dialOf } from '../terminal/describe-dial.ts';
import {
  type CommandIo,
  formatAmountMs,
  formatAmountUsd,
  formatBytes,
  printable,
  textTable,
  wrapText,
} from '../terminal/io.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman inspect models/support
  $ npx pointsman inspect models/support/v-0123456789ab --json
  $ npx pointsman inspect models/support --card > CARD.md`;

interface InspectFlags {
  readonly json?: boolean;
  readonly card?: boolean;
}

/** `pointsman inspect`: what a router is, after every digest was checked. */
export function inspectCommand(io: CommandIo): Command {
  return new Command('inspect')
    .argument('<folder>', 'folder of a router, or of one of its versions')
    .option('--json', 'print the manifest as JSON')
    .option('--card', 'print its card, in Markdown')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, flags: InspectFlags) => {
      await runInspect(folder, flags, io);
    });
}

const CARD = 'CARD.md';
const METRICS = 'metrics.json';

async function runInspect(folder: string, flags: InspectFlags, io: CommandIo): Promise<void> {
  // Reading it checks the size and digest of every file.
  const artifact = await readArtifactFolder(folder, { reports: true });
  const { manifest } = artifact;
  checkReports(artifact);
  if (flags.json) return io.stdout(`${JSON.stringify(manifest, null, 2)}\n`);
  if (!flags.card) {
    const dial = dialOf(artifact);
    return io.stdout(
      verdictOf(artifact, io.columns) +
        (dial === null ? '' : `${describeDial(dial, folder, io.columns)}\n`) +
        describeManifest(manifest, io.columns),
    );
  }
  const card = artifact.reports?.files.get(CARD);
  if (card === undefined)
    throw new InvalidInputError(`The router in ${folder} has no card. Leave out --card to see its manifest.`);
  io.stdout(new TextDecoder().decode(card));
}

/** @throws ArtifactError naming every report that is not as it was written. */
function checkReports({ reports }: Artifact): void {
  if (reports === undefined || reports.changed.size === 0) return;
  throw new ArtifactError(
    `${[...reports.changed.values()].join(' ')} The router itself is as it was written, and can be used.`,
  );
}

/** The sentence that its report opens with, where it has one. */
function verdictOf(artifact: Artifact, columns: number): string {
  const file = artifact.reports?.files.get(METRICS);
  if (file === undefined) return '';
  const metrics: { verdict?: { sentence?: unknown } } = JSON.parse(new TextDecoder().decode(file));
  const sentence = metrics.verdict?.sentence;
  return typeof sentence === 'string' ? `${wrapText(printable(sentence), columns)}\n\n` : '';
}

/** A router's manifest for a person. Its files have been checked. */
export function describeManifest(manifest: Manifest, columns: number): string {
  return [
    summary(manifest, columns),
    candidateTable(manifest, columns),
    metricTable(manifest, columns),
    learnerTable(manifest, columns),
    fileTable([...manifest.files, ...manifest.reports], columns),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function summary(manifest: Manifest, columns: number): string {
  const { embedder, features, heads, id, policy, provenance } = manifest;
  const { fit, calibrate, test } = provenance.prompts;
  const blocks = features.blocks.map((block) => block.kind).join(', ');
  const calibrators = [...new Set(heads.success.calibrators.map(({ kind }) => kind))].join(', ');
  const rows = [
    ['router', id],
    ['made by', `pointsman ${provenance.toolVersion}, seed ${provenance.seed}`],
    [
      'traffic',
      `${provenance.dataFingerprint.slice(0, 12)}: ${fit} prompts to fit, ${calibrate} to calibrate, ${test} to test`,
    ],
    ['embedder', `${embedder.id}, ${embedder.dimensions} dimensions`],
    ['features', `${features.length}: ${blocks}`],
    ['calibrators', `${calibrators}; choice at temperature ${choiceTemperature(manifest).toFixed(3)}`],
    ['choice', describeChoiceModel(manifest)],
    ...answerRow(manifest),
    ['policy', JSON.stringify(policy)],
  ];
  return rows
    .map(([label, text]) => `${label.padEnd(12)} ${wrapText(printable(text), columns, ' '.repeat(13))}\n`)
    .join('');
}

/** What reads answers, or what training says of the answers that it did not keep a head for. */
function answerRow({ answer, provenance }: Manifest): string[][] {
  const { answers } =
    (provenance.config as { chosen?: { answers?: { summary?: unknown } } } | null)?.chosen ?? {};
  const summary = typeof answers?.summary === 'string' ? answers.summary : '';
  if (answer === undefined) return summary === '' ? [] : [['answers', summary]];
  const blocks = answer.features.blocks.map(({ kind }) => kind).join(', ');
  const parts = [
    `read by a head of ${answer.features.length} features (${blocks}), for ${plural(answer.candidates.length, 'candidate')} by name`,
    answer.earlier === undefined ? 'each by itself' : 'held against earlier answers to the same prompt',
    ...(answer.thresholds === undefined ? [] : [`tuned at ${JSON.stringify(answer.thresholds)}`]),
  ];
  return [['answers', `${parts.join('; ')}. ${summary}`.trim()]];
}

/** Where the temperature is in the weights, the one that training found. */
function choiceTemperature({ heads, provenance }: Manifest): number {
  const found = (provenance.config as { chosen?: { temperature?: unknown } } | null)?.chosen?.temperature;
  return typeof found === 'number' ? found : heads.choice.temperature;
}

function candidateTable({ candidates, heads }: Manifest, columns: number): string {
  return textTable(
    [
      { title: 'candidate', shrinks: 'names' },
      { title: 'mean quality', align: 'right' },
      { title: 'cost of 1,000', align: 'right' },
      { title: 'mean latency', align: 'right' },
      { title: 'calibrator' },
    ],
    candidates.map(({ name, meanQuality, meanCostUsd, meanLatencyMs }, c) => [
      name,
      formatDecimal(meanQuality),
      formatAmountUsd(meanCostUsd && 1000 * meanCostUsd),
      formatAmountMs(meanLatencyMs),
      heads.success.calibrators[c].kind,
    ]),
    columns,
  );
}

function metricTable({ metrics }: Manifest, columns: number): string {
  const rows = Object.entries(metrics).filter(([, value]) => value !== null);
  if (rows.length === 0) return '';
  return textTable(
    [
      { title: 'on the test split', shrinks: 'text' },
      { title: 'value', align: 'right' },
    ],
    rows.map(([name, value]) => [METRIC_NAMES[name] ?? inWords(name), metricValue(name, value!)]),
    columns,
  );
}

const METRIC_NAMES: Readonly<Record<string, string>> = {
  routedCostUsd: 'routed cost of 1,000',
  bestSingleCostUsd: 'best single cost of 1,000',
  costUsd: 'cost of 1,000',
  savedUsd: 'saved on 1,000',
  routedLatencyMs: 'routed latency',
  apgr: 'average performance gap recovered (APGR)',
  aiq: 'average improvement in quality (AIQ)',
  worstEce: 'worst calibration error (ECE)',
};

/** In the units of the rest of the page: points, dollars of 1,000 requests, milliseconds. */
function metricValue(name: string, value: number): string {
  if (/^gain/.test(name)) return `${formatSignedPoints(value)} points`;
  if (/quality(Loss)?$/i.test(name)) return `${formatPoints(value)} points`;
  if (/Usd$/.test(name)) return formatCost(value);
  if (/Ms$/.test(name)) return formatAmountMs(value);
  if (/^(strongShare|costSaved)$/.test(name)) return formatPercent(value);
  if (/(Prompts|Rows)$/.test(name)) return formatCount(value);
  if (name === 'effectiveSampleSize') return formatSample(value);
  return String(Number(value.toPrecision(4)));
}

/** "gainOverBestSingleLow" as "gain over best single low". */
function inWords(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** What cross-validation chose, where the manifest says. */
function learnerTable({ provenance }: Manifest, columns: number): string {
  const members = chosenLearners(provenance.config);
  if (members.length === 0) return '';
  const weight = (value: unknown) => (typeof value === 'number' ? value.toFixed(3) : '–');
  return textTable(
    [
      { title: 'head', shrinks: 'names' },
      { title: 'weight for difficulty', align: 'right' },
      { title: 'weight for differences', align: 'right' },
      { title: 'settings', shrinks: 'text' },
    ],
    members.map(({ name, levelWeight, deviationWeight, settings }) => [
      String(name),
      weight(levelWeight),
      weight(deviationWeight),
      Object.entries((settings as object) ?? {})
        .map(([key, value]) => `${inWords(key)} ${Number(Number(value).toPrecision(3))}`)
        .join(', '),
    ]),
    columns,
  );
}

function chosenLearners(config: unknown): Record<string, unknown>[] {
  const chosen = (config as { chosen?: { members?: unknown } } | null)?.chosen?.members;
  return Array.isArray(chosen) ? chosen.filter((one) => typeof one === 'object' && one !== null) : [];
}

function fileTable(files: readonly FileEntry[], columns: number): string {
  const table = textTable(
    [{ title: 'file', shrinks: 'names' }, { title: 'size', align: 'right' }, { title: 'sha256' }],
    files.map(({ path, bytes, sha256 }) => [path, formatBytes(bytes), sha256.slice(0, 16)]),
    columns,
  );
  return `${table}\nThe size and sha256 of every file are as the manifest says.\n`;
}

const VERSIONS_EXAMPLES = `
Examples:
  $ npx pointsman versions models/support
  $ npx pointsman versions models/support --json`;

interface VersionsFlags {
  readonly json?: boolean;
}

/** `pointsman versions`: what a router's folder holds, and which of it is in use. */
export function versionsCommand(io: CommandIo): Command {
  return new Command('versions')
    .argument('<folder>', 'folder of a router')
    .option('--json', 'print them as JSON')
    .addHelpText('after', VERSIONS_EXAMPLES)
    .action(async (folder: string, flags: VersionsFlags) => {
      await runVersions(folder, flags, io);
    });
}

async function runRollback(folder: string, flags: RollbackFlags, io: CommandIo): Promise<void> {
  const done = await rollBack(folder, flags.to === undefined ? {} : { to: flags.to });
  io.stdout(
    flags.json ? `${JSON.stringify(done, null, 2)}\n` : `${done.to} is in use; ${done.from} is withdrawn.\n`,
  );
}

const ROLLBACK_EXAMPLES = `
Examples:
  $ npx pointsman rollback models/support
  $ npx pointsman rollback models/support --to v-0123456789ab

A router loaded with { watch: true } goes over to it by itself. What is rolled back from is not promoted again by
pointsman retrain; --to promotes it by hand. Versions: npx pointsman versions models/support`;

interface RollbackFlags {
  readonly to?: string;
  readonly json?: boolean;
}

/** `pointsman rollback`: the version before, in one step. */
export function rollbackCommand(io: CommandIo): Command {
  return new Command('rollback')
    .argument('<folder>', 'folder of a router')
    .option('--to <version>', 'which version (default: the one in use before)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', ROLLBACK_EXAMPLES)
    .action(async (folder: string, flags: RollbackFlags) => {
      await runRollback(folder, flags, io);
    });
}

async function runVersions(folder: string, flags: VersionsFlags, io: CommandIo): Promise<void> {
  const versions = await listVersions(folder);
  if (versions.length === 0)
    throw new InvalidInputError(
      `There is no version of a router in ${folder}. Give the folder that \`pointsman train --out\` wrote.`,
    );
  if (flags.json) return io.stdout(`${JSON.stringify(versions, null, 2)}\n`);
  io.stdout(
    textTable(
      [
        { title: 'version' },
        { title: 'state' },
        { title: 'written' },
        { title: 'quality when tested', align: 'right' },
        { title: 'size', align: 'right' },
        { title: 'problem', shrinks: 'text' },
      ],
      versions.map(({ bytes, metrics, problem, state, version, writtenAtMs }) => [
        version,
        state,
        new Date(writtenAtMs).toISOString().slice(0, 16).replace('T', ' '),
        metrics.routedQuality == null ? '–' : formatPoints(metrics.routedQuality),
        formatBytes(bytes),
        problem ?? '',
      ]),
      io.columns,
    ),
  );
}
