import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createRouter, memoryFiles, readArtifact } from 'pointsman';
import { describeTraining } from '../training/cli/commands/train.ts';
import {
  type CommandIo,
  createProgress,
  formatAmountMs,
  formatAmountUsd,
  processIo,
  showTraining,
  textTable,
} from '../training/cli/terminal/io.ts';
import { parseTrainConfig } from '../training/config.ts';
import { type TrainedFromFiles, trainFromFiles } from '../training/train/train-router.ts';
import { ensureSampleFile } from './sample-file.ts';
import { loadSolvers } from './solvers/candidates/solvers.ts';

const PROMPTS = [
  'What day of the week was 14 July 1789?',
  'What is the derivative of x^3 + 2x?',
  'What is the capital of Mongolia?',
  "What does this program print?\n```js\nconst list = [3, 1, 2];\nconsole.log(list.sort().join('-'));\n```",
  'Hugo has 17 apples and gives 5 to Ines. How many apples does he have left?',
];

const FULL_SIZE = 6000;

const usage = `Builds the sample traffic, trains a router on it and routes five prompts. Needs no network.

  npm run demo -- [--prompts ${FULL_SIZE}] [--seed 0] [--data FILE] [--out models/demo] [--work .pointsman]
`;

/** From nothing to a trained router and five answers. @returns the exit code */
export async function runDemo(argv: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      prompts: { type: 'string', default: String(FULL_SIZE) },
      seed: { type: 'string', default: '0' },
      data: { type: 'string' },
      out: { type: 'string', default: 'models/demo' },
      work: { type: 'string', default: '.pointsman' },
      help: { type: 'boolean', default: false },
    },
  });
  const [prompts, seed] = [Number(values.prompts), Number(values.seed)];
  if (values.help || !Number.isInteger(prompts) || !Number.isInteger(seed)) {
    io.stdout(usage);
    return values.help ? 0 : 2;
  }
  const file = values.data ?? `data/sample/traffic${prompts === FULL_SIZE ? '' : `-${prompts}`}.jsonl`;
  const progress = createProgress(io, false);
  let result: TrainedFromFiles;
  try {
    const asking = `asking every solver ${prompts.toLocaleString('en-US')} prompts`;
    await ensureSampleFile({
      prompts,
      seed,
      out: file,
      onProgress: (done, total) => progress.update(asking, done / total),
    });
    result = await trainFromFiles({
      files: [file],
      out: values.out,
      name: 'demo',
      config: parseTrainConfig({ seed, candidates: await solverPrices() }),
      workFolder: values.work,
      source: 'the sample traffic of data/solvers',
      onProgress: showTraining(progress),
    });
  } finally {
    progress.stop();
  }
  io.stdout(describeTraining(result, values.out, io.columns));
  io.stdout(`\nFive prompts, routed and answered:\n\n${await routedTable(result, io.columns)}`);
  io.stdout(
    `\nNext: open ${join(result.written.path, 'report.html')}, or train on traffic of your own:\n` +
      '      npx pointsman train traffic.jsonl --out models/support\n',
  );
  return 0;
}

async function solverPrices() {
  return Object.fromEntries((await loadSolvers()).map(({ name, price }) => [name, price]));
}

async function routedTable({ trained }: TrainedFromFiles, columns: number): Promise<string> {
  const router = createRouter(await readArtifact(memoryFiles(trained.artifact.files)));
  const solvers = new Map((await loadSolvers()).map((solver) => [solver.name, solver]));
  const rows: string[][] = [];
  for (const text of PROMPTS) {
    const { candidate, confidence, predictions } = await router.route({ text });
    const { expectedCostUsd, expectedLatencyMs } = predictions[0];
    const answer = await solvers.get(candidate)!.solve(text);
    rows.push([
      text,
      candidate,
      confidence.toFixed(2),
      formatAmountUsd(expectedCostUsd && 1000 * expectedCostUsd),
      formatAmountMs(expectedLatencyMs),
      answer ?? '(no answer)',
    ]);
  }
  return textTable(
    [
      { title: 'prompt', shrinks: 'text' },
      { title: 'candidate' },
      { title: 'P(good)', align: 'right' },
      { title: '$ per 1,000', align: 'right' },
      { title: 'latency', align: 'right' },
      { title: 'its answer', shrinks: 'text' },
    ],
    rows,
    columns,
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.exitCode = await runDemo(process.argv.slice(2), processIo());
