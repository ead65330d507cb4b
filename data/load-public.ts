import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { InvalidInputError, PointsmanError } from 'pointsman';
import { loadRouteLlm } from './loaders/load-routellm.ts';
import { loadRouterBench } from './loaders/load-routerbench.ts';
import type { WidePrompt } from './loaders/wide-prompt.ts';

const usage = `Turns a public table that you downloaded into JSONL which \`pointsman train\` and \`pointsman ingest\` read.

  npx tsx data/load-public.ts routellm    FILE.csv... --out routellm.jsonl [--contaminated contaminated_prompts.jsonl]
  npx tsx data/load-public.ts routerbench FILE.csv|FILE.parquet... --out routerbench.jsonl.gz

  routellm      mmlu_<subject>.csv and gsm8k_responses.csv of github.com/lm-sys/RouteLLM, folder routellm/evals
  routerbench   routerbench_0shot or _5shot of withmartian/routerbench, converted from pickle (say .pkl to see how)
  --out         where the lines go; a name that ends in .gz is compressed
  --contaminated  prompts to leave out, one {"eval_prompt": ...} a line, as in RouteLLM's repository`;

/** Writes prompts as JSONL, gzipped when the name says so; the file appears under its name when it is whole. */
export async function writePrompts(prompts: AsyncIterable<WidePrompt>, out: string): Promise<number> {
  await mkdir(dirname(out), { recursive: true });
  const unfinished = `${out}.part`;
  let count = 0;
  async function* lines(): AsyncGenerator<string> {
    for await (const prompt of prompts) {
      count++;
      yield `${JSON.stringify(prompt)}\n`;
    }
  }
  const target = createWriteStream(unfinished);
  if (out.endsWith('.gz')) await pipeline(Readable.from(lines()), createGzip(), target);
  else await pipeline(Readable.from(lines()), target);
  await rename(unfinished, out);
  return count;
}

async function* loadAll(
  kind: string,
  files: readonly string[],
  leftOut: ReadonlySet<string>,
): AsyncGenerator<WidePrompt> {
  for (const file of files) yield* kind === 'routellm' ? loadRouteLlm(file, leftOut) : loadRouterBench(file);
}

async function readContaminated(file: string | undefined): Promise<Set<string>> {
  const prompts = new Set<string>();
  if (file === undefined) return prompts;
  for await (const line of createInterface(createReadStream(file))) {
    if (line.trim() !== '') prompts.add((JSON.parse(line) as { eval_prompt: string }).eval_prompt);
  }
  return prompts;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      out: { type: 'string' },
      contaminated: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const [kind, ...files] = positionals;
  if (values.help || kind === undefined) return console.log(usage);
  if (kind !== 'routellm' && kind !== 'routerbench') {
    throw new InvalidInputError(`The first word must be routellm or routerbench. Got ${kind}. See --help.`);
  }
  if (files.length === 0 || values.out === undefined)
    throw new InvalidInputError('Name one or more files, and --out. See --help.');
  const count = await writePrompts(
    loadAll(kind, files, await readContaminated(values.contaminated)),
    values.out,
  );
  console.log(`${count} prompts in ${values.out}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main().catch((error: unknown) => {
    if (!(error instanceof PointsmanError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  });
}
