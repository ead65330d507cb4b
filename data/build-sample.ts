import { createWriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { SingleBar } from 'cli-progress';
import { qualityMarkdown, qualityTable } from './solvers/quality-table.ts';
import { type SampleRow, type SampleTrafficOptions, sampleTraffic } from './solvers/sample-traffic.ts';

export interface BuildSampleOptions extends SampleTrafficOptions {
  /** @default 'data/sample/traffic.jsonl' */
  readonly out?: string;
}

/**
 * Writes the sample traffic as JSONL, one row a line, and gives the rows back. The file appears under its name only
 * when it is whole.
 */
export async function buildSampleTraffic(
  options: BuildSampleOptions = {},
): Promise<{ file: string; rows: SampleRow[] }> {
  const { out: file = 'data/sample/traffic.jsonl', ...rest } = options;
  await mkdir(dirname(file), { recursive: true });
  const unfinished = `${file}.part`;
  const stream = createWriteStream(unfinished);
  const rows: SampleRow[] = [];
  for await (const row of sampleTraffic(rest)) {
    rows.push(row);
    stream.write(`${JSON.stringify(row)}\n`);
  }
  await new Promise<void>((resolve, reject) => stream.on('error', reject).end(resolve));
  await rename(unfinished, file);
  return { file, rows };
}

const usage = `Asks every local solver every sample prompt and writes the outcomes.

  npx tsx data/build-sample.ts [--prompts 6000] [--seed 0] [--out data/sample/traffic.jsonl] [--table]

  --table   print the quality of every solver in every family as Markdown`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      prompts: { type: 'string', default: '6000' },
      seed: { type: 'string', default: '0' },
      out: { type: 'string', default: 'data/sample/traffic.jsonl' },
      table: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  const [prompts, seed] = [wholeNumber('prompts', values.prompts), wholeNumber('seed', values.seed)];
  const bar = new SingleBar({ format: 'sample traffic {bar} {value}/{total} prompts, {eta_formatted} left' });
  bar.start(prompts, 0);
  const { file, rows } = await buildSampleTraffic({
    prompts,
    seed,
    out: values.out,
    onProgress: (done) => bar.update(done),
  });
  bar.stop();
  console.log(`${rows.length} rows in ${file}`);
  if (values.table) console.log(`\n${qualityMarkdown(qualityTable(rows))}`);
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} must be a whole number. Got ${text}.`);
  return Number(text);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
