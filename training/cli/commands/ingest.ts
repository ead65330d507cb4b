import { Command } from 'commander';
import type { Embedder } from 'pointsman';
import { openEmbedder } from '../../embed/embedders.ts';
import { ingestOutcomes } from '../../ingest/ingest.ts';
import { describeIngest } from '../terminal/describe.ts';
import { type CommandIo, createProgress } from '../terminal/io.ts';
import {
  addLogOptions,
  addMapOption,
  type ColumnMap,
  type LogFlags,
  logOptions,
  readPrices,
  withStandardInput,
} from '../terminal/options.ts';
import { readTrainSettings } from './train.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman ingest traffic.jsonl --out outcomes.parquet
  $ npx pointsman ingest 'logs/*.jsonl.gz' old.csv --out outcomes.parquet \\
      --map text=request.prompt --map candidate=llm
  $ npx pointsman ingest traffic.parquet --out outcomes.parquet --prices prices.yaml --strict
  $ npx pointsman ingest votes.jsonl --format preferences --out outcomes.parquet
  $ npx pointsman ingest 'decisions-*.jsonl' --format pointsman --out outcomes.parquet --append

prices.yaml, US dollars per million tokens, for rows with tokens and no cost:
  small-model: { inputPricePerMillionTokens: 0.15, outputPricePerMillionTokens: 0.6 }`;

interface IngestFlags extends LogFlags {
  readonly out: string;
  readonly map: ColumnMap;
  readonly prices?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
  readonly embedder: string;
}

/** `pointsman ingest`: logs of any shape into one outcomes table. Run it with `runCommand`. */
export function ingestCommand(io: CommandIo): Command {
  const command = new Command('ingest')
    .argument('<files...>', 'files or quoted patterns; - reads standard input; JSONL and CSV also as .gz')
    .requiredOption('-o, --out <file>', 'the Parquet file to write');
  return addLogOptions(addMapOption(command))
    .option('-p, --prices <file>', 'YAML or JSON with prices per million tokens by candidate')
    .option('--strict', 'stop at the first row that cannot be used')
    .option('-e, --embedder <kind>', 'for --keep hashes: as the router will use', 'static')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (files: string[], flags: IngestFlags) => {
      await withStandardInput(files, io, (read) => runIngest(read, flags, io));
    });
}

async function runIngest(files: readonly string[], flags: IngestFlags, io: CommandIo): Promise<void> {
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
