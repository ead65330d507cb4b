import { readFile } from 'node:fs/promises';
import { SingleBar } from 'cli-progress';
import { Command, InvalidArgumentError } from 'commander';
import { InvalidInputError } from 'pointsman';
import { parse } from 'yaml';
import { ingestOutcomes } from '../outcomes/ingest.ts';
import {
  type IngestOptions,
  type IngestProgress,
  type Prices,
  pricesSchema,
} from '../outcomes/ingest-options.ts';
import { OUTCOME_FIELDS } from '../outcomes/outcome-fields.ts';
import type { CommandIo } from './command-io.ts';
import { describeIngest } from './describe-ingest.ts';

const EXAMPLES = `
Examples:
  $ pointsman ingest traffic.jsonl --out outcomes.parquet
  $ pointsman ingest 'logs/*.jsonl.gz' old.csv --out outcomes.parquet --map text=request.prompt --map candidate=llm
  $ pointsman ingest traffic.parquet --out outcomes.parquet --prices prices.yaml --strict

prices.yaml, US dollars per million tokens, for rows with tokens and no cost:
  small-model: { inputPricePerMillionTokens: 0.15, outputPricePerMillionTokens: 0.6 }`;

interface IngestFlags {
  readonly out: string;
  readonly map: IngestOptions['map'];
  readonly prices?: string;
  readonly strict: boolean;
  readonly json: boolean;
  readonly memory?: number;
}

/** `pointsman ingest`: logs of any shape into one outcomes table. Run it with `runCommand`. */
export function ingestCommand(io: CommandIo): Command {
  return new Command('ingest')
    .description('Read logs (JSONL, CSV, Parquet, Arrow) into one outcomes table in Parquet.')
    .argument('<files...>', 'files or quoted patterns; JSONL and CSV also as .gz')
    .requiredOption('-o, --out <file>', 'the Parquet file to write')
    .option(
      '-m, --map <field=column>',
      'your name for a field; dots go into objects (repeatable)',
      addToMap,
      {},
    )
    .option('-p, --prices <file>', 'YAML or JSON with prices per million tokens by candidate')
    .option('--strict', 'stop at the first row that cannot be used', false)
    .option('--json', 'print the report as JSON', false)
    .option('--memory <megabytes>', 'memory for rows on their way; the rest goes to disk', Number)
    .addHelpText('after', EXAMPLES)
    .action(async (files: string[], flags: IngestFlags) => {
      const progress = progressBar(io);
      try {
        const report = await ingestOutcomes({
          files,
          out: flags.out,
          map: flags.map ?? {},
          strict: flags.strict,
          onProgress: progress.update,
          ...(flags.prices === undefined ? {} : { prices: await readPrices(flags.prices) }),
          ...(flags.memory === undefined ? {} : { memoryLimitMb: flags.memory }),
        });
        progress.stop();
        io.stdout(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describeIngest(report, flags.out));
      } finally {
        progress.stop();
      }
    });
}

function addToMap(pair: string, map: Record<string, string>): Record<string, string> {
  const [field, ...column] = pair.split('=');
  if (!([...OUTCOME_FIELDS, 'outcomes'] as string[]).includes(field) || column.join('=') === '') {
    throw new InvalidArgumentError(
      `Give field=column, where field is one of: ${OUTCOME_FIELDS.join(', ')}, outcomes.`,
    );
  }
  return { ...map, [field]: column.join('=') };
}

async function readPrices(file: string): Promise<Prices> {
  let content: unknown;
  try {
    content = parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new InvalidInputError(`Prices cannot be read from ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const result = pricesSchema.safeParse(content);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InvalidInputError(
    `\`${issue.path.join('.')}\` of ${file}: ${issue.message}. See: pointsman ingest --help`,
  );
}

function progressBar(io: CommandIo): { update: (progress: IngestProgress) => void; stop: () => void } {
  if (!io.isTTY) return { update: () => {}, stop: () => {} };
  const bar = new SingleBar({
    format: 'reading {bar} {percentage}% | {eta_formatted} left',
    clearOnComplete: true,
  });
  let started = false;
  return {
    update({ bytesRead, bytesTotal }) {
      if (!started) bar.start(bytesTotal, 0);
      started = true;
      bar.update(bytesRead);
    },
    stop: () => bar.stop(),
  };
}
