import { InvalidInputError } from 'pointsman';
import { compactLog } from '../log-store/compact-log.ts';
import type { CompactReport } from '../log-store/compact-report.ts';
import type { CommandIo } from './command-io.ts';
import type { CompactFlags } from './commands/log.ts';
import { createProgress } from './terminal/io.ts';

export async function runLogCompact(folder: string, flags: CompactFlags, io: CommandIo): Promise<void> {
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
