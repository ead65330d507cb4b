import type { Embedder } from 'pointsman/embedder';
import { ingestOutcomes } from '../ingest/ingest.ts';
import { openEmbedder } from '../pipeline/router-embedder.ts';
import type { CommandIo } from './command-io.ts';
import type { IngestFlags } from './commands/ingest.ts';
import { readPrices } from './read-settings.ts';
import { describeIngest } from './terminal/describe.ts';
import { createProgress } from './terminal/io.ts';
import { logOptions } from './terminal/options.ts';
import { readTrainSettings } from './train-settings.ts';

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
      onStep: (what, done, total) => progress.update(what, total === 0 ? 1 : done / total),
      ...(flags.keep === 'hashes' ? { embedder: await embedderOf(flags, io) } : {}),
      ...prices,
    });
    progress.stop();
    const written = `  written to ${flags.out}, fingerprint ${report.fingerprint.slice(0, 12)}\n`;
    io.stdout(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describeIngest(report) + written);
  } finally {
    progress.stop();
  }
}

async function embedderOf(flags: IngestFlags, io: CommandIo): Promise<Embedder> {
  const { config } = await readTrainSettings({ embedder: flags.embedder }, io.env);
  return (await openEmbedder(config.embedder)).embedder;
}
