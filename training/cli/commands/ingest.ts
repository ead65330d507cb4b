import { Command } from 'commander';
import type { CommandIo } from '../command-io.ts';
import { addMapOption, type ColumnMap } from '../map-option.ts';
import { withStandardInput } from '../standard-input.ts';
import { addLogOptions, type LogFlags } from '../terminal/options.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman ingest traffic.jsonl --out outcomes.parquet
  $ npx pointsman ingest 'logs/*.jsonl.gz' old.csv --out outcomes.parquet \\
      --map text=request.prompt --map candidate=llm
  $ npx pointsman ingest traffic.parquet --out outcomes.parquet --prices prices.yaml --strict
  $ npx pointsman ingest 'decisions-*.jsonl' --format pointsman --out outcomes.parquet --append

prices.yaml, US dollars per million tokens, for rows with tokens and no cost:
  small-model: { inputPricePerMillionTokens: 0.15, outputPricePerMillionTokens: 0.6 }`;

export interface IngestFlags extends LogFlags {
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
    .description('Read logs (JSONL, CSV, Parquet, Arrow) into one outcomes table in Parquet.')
    .argument('<files...>', 'files or quoted patterns; - reads standard input; JSONL and CSV also as .gz')
    .requiredOption('-o, --out <file>', 'the Parquet file to write');
  return addLogOptions(addMapOption(command))
    .option('-p, --prices <file>', 'YAML or JSON with prices per million tokens by candidate')
    .option('--strict', 'stop at the first row that cannot be used')
    .option('-e, --embedder <kind>', 'for --keep hashes: as the router will use', 'static')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (files: string[], flags: IngestFlags) => {
      const { runIngest } = await import('../run-ingest.ts');
      await withStandardInput(files, io, (read) => runIngest(read, flags, io));
    });
}
