import { ingestOutcomes } from '../outcomes/ingest.ts';
import type { CommandIo } from './command-io.ts';
import { describeIngest } from './describe-ingest.ts';
import type { IngestFlags } from './ingest-command.ts';
import { logOptions } from './log-options.ts';
import { createProgress } from './progress.ts';
import { readPrices } from './read-settings.ts';

export async function runIngest(files: readonly string[], flags: IngestFlags, io: CommandIo): Promise<void> {
  const prices = flags.prices === undefined ? {} : { prices: await readPrices(flags.prices) };
  const progress = createProgress(io, !io.isTTY);
  try {
    const report = await ingestOutcomes({
      files,
      out: flags.out,
      map: flags.map,
      ...logOptions(flags),
      strict: flags.strict === true,
      onProgress: ({ bytesRead, bytesTotal }) => progress.update('reading', bytesRead / bytesTotal),
      ...prices,
      ...(flags.memory === undefined ? {} : { memoryLimitMb: flags.memory }),
    });
    progress.stop();
    const written = `  written to ${flags.out}, fingerprint ${report.fingerprint.slice(0, 12)}\n`;
    io.stdout(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describeIngest(report) + written);
  } finally {
    progress.stop();
  }
}
