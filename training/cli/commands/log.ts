import { Command, Option } from 'commander';
import { InvalidInputError } from 'pointsman';
import { type CompactReport, compactLog } from '../../log-store/compact.ts';
import { type CommandIo, createProgress } from '../terminal/io.ts';
import { wholeNumber } from '../terminal/options.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman log compact logs/decisions
  $ npx pointsman log compact logs/decisions --json

Learn from it, compacted or not:
  $ npx pointsman ingest 'logs/decisions/decisions-*' --format pointsman --out outcomes.parquet`;

interface CompactFlags {
  readonly settle?: number;
  readonly json?: boolean;
}

/** `pointsman log`: what is done with the decision log that routers write. */
export function logCommand(io: CommandIo): Command {
  const command = new Command('log');
  command
    .command('compact')
    .description(
      'Turn the closed files of a decision log from JSONL into Parquet. May be run at any time, beside routers that log.',
    )
    .argument('<folder>', 'folder of the log')
    .addOption(
      new Option(
        '--settle <minutes>',
        'how long after its time a file is left alone, whose process did not close it (10)',
      ).argParser(wholeNumber),
    )
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, flags: CompactFlags) => {
      await runLogCompact(folder, flags, io);
    });
  return command;
}

async function runLogCompact(folder: string, flags: CompactFlags, io: CommandIo): Promise<void> {
  const progress = createProgress(io, !io.isTTY);
  try {
    const report = await compactLog({
      folder,
      onProgress: ({ filesDone, filesTotal }) => {
        if (filesTotal > 0) progress.update('compacting', filesDone / filesTotal);
      },
      ...(flags.settle === undefined ? {} : { settleMs: 60_000 * flags.settle }),
    });
    progress.stop();
    io.stdout(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describeCompact(report));
    const [first, ...others] = report.refused;
    if (first === undefined) return;
    const more = others.length === 0 ? '' : ` So with ${count(others.length, 'other file')}: see --json.`;
    throw new InvalidInputError(first.reason + more);
  } finally {
    progress.stop();
  }
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

function count(n: number, what: string): string {
  return `${n.toLocaleString('en-US')} ${what}${n === 1 ? '' : 's'}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
