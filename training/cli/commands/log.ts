import { Command, Option } from 'commander';
import { InvalidInputError } from 'pointsman';
import { nameOf } from '../../engine/queue.ts';
import { type CollectReport, collectLogs, IS_STREAM } from '../../log-store/collect.ts';
import { type CompactReport, compactLog } from '../../log-store/compact.ts';
import { type CommandIo, createProgress } from '../terminal/io.ts';
import { wholeNumber } from '../terminal/options.ts';
import { forgetCommand } from './forget.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman log compact logs/decisions
  $ npx pointsman log compact logs/decisions --json

The logs of many gateways into one store of Parquet files by day, every hour, on each machine:
  $ npx pointsman log compact logs/decisions --out /mnt/shared/log
  $ npx pointsman log compact 'redis://queue:6379?stream=pointsman_log' --out /mnt/shared/log

Learn from it, compacted or not:
  $ npx pointsman ingest logs/decisions --format pointsman --out outcomes.parquet
  $ npx pointsman ingest /mnt/shared/log --format pointsman --out outcomes.parquet`;

interface CompactFlags {
  readonly out?: string;
  readonly settle?: number;
  readonly json?: boolean;
}

/** `pointsman log`: what is done with the decision log that routers write. */
export function logCommand(io: CommandIo): Command {
  const command = new Command('log');
  command
    .command('compact')
    .description(
      'Turn the closed files of decision logs from JSONL into Parquet: beside them, or in a store by day that many share. May be run at any time, beside routers that log.',
    )
    .argument(
      '<places...>',
      'folders of logs; with --out also streams of Redis, as redis://host:6379?stream=name',
    )
    .option(
      '--out <store>',
      'folder that their records are taken into, by day, each once (default: beside the log)',
    )
    .addOption(
      new Option(
        '--settle <minutes>',
        'how long after its time a file is left alone, whose process did not close it (10)',
      ).argParser(wholeNumber),
    )
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (places: string[], flags: CompactFlags) => {
      if (flags.out === undefined) for (const place of places) await runLogCompact(place, flags, io);
      else await runLogCollect(places, flags.out, flags, io);
    });
  command.addCommand(forgetCommand(io));
  return command;
}

async function runLogCompact(folder: string, flags: CompactFlags, io: CommandIo): Promise<void> {
  if (IS_STREAM.test(folder))
    throw new InvalidInputError(
      `\`--out\` must be given for ${nameOf(folder)}: the folder of a store. Got none.`,
    );
  const report = await withProgress(io, (onProgress) =>
    compactLog({ folder, onProgress, ...settled(flags) }),
  );
  io.stdout(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describeCompact(report));
  throwRefused(report.refused);
}

async function runLogCollect(
  sources: readonly string[],
  out: string,
  flags: CompactFlags,
  io: CommandIo,
): Promise<void> {
  const report = await withProgress(io, (onProgress) =>
    collectLogs({ sources, out, onProgress, ...settled(flags) }),
  );
  io.stdout(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describeCollect(report));
  throwRefused(report.refused);
}

type OnFiles = (progress: { readonly filesDone: number; readonly filesTotal: number }) => void;

async function withProgress<Report>(
  io: CommandIo,
  work: (onProgress: OnFiles) => Promise<Report>,
): Promise<Report> {
  const progress = createProgress(io, !io.isTTY);
  try {
    return await work(({ filesDone, filesTotal }) => {
      if (filesTotal > 0) progress.update('compacting', filesDone / filesTotal);
    });
  } finally {
    progress.stop();
  }
}

function settled({ settle }: CompactFlags): { settleMs?: number } {
  return settle === undefined ? {} : { settleMs: 60_000 * settle };
}

function throwRefused([first, ...others]: CompactReport['refused']): void {
  if (first === undefined) return;
  const more = others.length === 0 ? '' : ` So with ${count(others.length, 'other')}: see --json.`;
  throw new InvalidInputError(first.reason + more);
}

function describeCollect(report: CollectReport): string {
  const {
    bytesAfter,
    bytesBefore,
    elsewhere,
    files,
    linesCutOff,
    open,
    parts,
    records,
    refused,
    repeated,
    trimmed,
  } = report;
  const size = records === 0 ? '' : `, ${megabytes(bytesBefore)} to ${megabytes(bytesAfter)}`;
  const lines = [
    `${count(records, 'record')} taken in, of ${count(files, 'file')}, into ${count(parts, 'part')}${size}`,
  ];
  if (repeated > 0) lines.push(`  ${count(repeated, 'record')} were there already`);
  if (linesCutOff > 0) lines.push(`  ${count(linesCutOff, 'line')} cut off by a crash left out`);
  if (trimmed > 0)
    lines.push(
      `  ${count(trimmed, 'entry', 'entries')} at least dropped by a full stream: compact more often, or raise its maxLength`,
    );
  if (open > 0) lines.push(`  ${count(open, 'file')} may still be written to`);
  if (elsewhere > 0) lines.push(`  ${count(elsewhere, 'file')} claimed for another store`);
  if (refused.length > 0) lines.push(`  ${refused.length} refused`);
  return `${lines.join('\n')}\n`;
}

function describeCompact(report: CompactReport): string {
  const { compacted, records, bytesBefore, bytesAfter, linesCutOff, open, alreadyCompacted, refused } =
    report;
  const size = compacted === 0 ? '' : `, ${megabytes(bytesBefore)} to ${megabytes(bytesAfter)}`;
  const lines = [`${count(compacted, 'file')} compacted, ${count(records, 'record')}${size}`];
  if (linesCutOff > 0) lines.push(`  ${count(linesCutOff, 'line')} cut off by a crash left out`);
  if (open > 0) lines.push(`  ${count(open, 'file')} may still be written to`);
  if (alreadyCompacted > 0) lines.push(`  ${count(alreadyCompacted, 'file')} compacted before`);
  if (refused.length > 0) lines.push(`  ${count(refused.length, 'file')} refused`);
  return `${lines.join('\n')}\n`;
}

function count(n: number, what: string, several = `${what}s`): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? what : several}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
