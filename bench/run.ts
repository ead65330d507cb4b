import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { BenchLine } from './bench-line.ts';
import { SIMULATIONS } from './simulations.ts';

/** Every bench, in the order it is run; each is imported when its turn comes, so that none is timed beside another's code. */
const BENCHES: Readonly<
  Record<string, (options: { file?: string; large: boolean }) => Promise<BenchLine[]>>
> = {
  answers: async () => (await import('./answers.ts')).benchAnswers(progress),
  bandit: async () => (await import('./bandit.ts')).benchBandit({ onProgress: progress }),
  cost: async () => (await import('./cost.ts')).benchCost(progress),
  decision: async () => (await import('./decision.ts')).benchDecision(),
  'decision-log': async () => (await import('./decision-log.ts')).benchLog(),
  embedder: async () => (await import('./embedder.ts')).benchEmbedder(),
  fit: async () => (await import('./fit.ts')).benchFit(),
  policy: async () => (await import('./policy.ts')).benchPolicy(),
  faults: async () => (await import('./faults.ts')).benchFaults(),
  'gateway-faults': async () => (await import('./gateway-faults.ts')).benchGatewayFaults(),
  gateway: async () => (await import('./gateway.ts')).benchGateway(progress),
  'gateway-memory': async () => (await import('./gateway.ts')).benchGatewayMemory(progress),
  'gateway-state': async () => (await import('./gateway-state.ts')).benchGatewayState(),
  guarantee: async () => (await import('./guarantee.ts')).benchGuarantee(progress),
  ingest: async ({ large }) => (await import('./ingest.ts')).benchIngest({ large }),
  large: async () => (await import('./large.ts')).benchLarge(),
  logs: async () => (await import('./logs.ts')).benchLogs(),
  quality: async ({ file }) =>
    (await import('./quality.ts')).benchQuality({
      onProgress: progress,
      ...(file === undefined ? {} : { file }),
    }),
  preferences: async () => (await import('./preferences.ts')).benchPreferences(progress),
  scale: async () => (await import('./scale.ts')).benchScale(progress),
  'scale-sample': async () => (await import('./scale-sample.ts')).benchScaleSample(progress),
  'scale-rare': async () => (await import('./scale-rare.ts')).benchScaleRare(progress),
  'scale-logged': async () => (await import('./scale.ts')).benchScaleLogged(progress),
  'scale-large': async () => (await import('./scale.ts')).benchScaleLarge(progress),
  'off-policy': async () => (await import('./off-policy.ts')).benchOffPolicy(progress),
  onboard: async () => (await import('./onboard.ts')).benchOnboard({ onProgress: progress }),
  shadow: async () => (await import('./shadow.ts')).benchShadow(progress),
  small: async () => (await import('./small.ts')).benchSmall(progress),
  'no-harm': async () => (await import('./no-harm.ts')).benchNoHarm({ onProgress: progress }),
  uncertainty: async () => (await import('./uncertainty.ts')).benchUncertainty(progress),
  ...Object.fromEntries(
    Object.entries(SIMULATIONS).map(([name, load]) => [
      `simulations-${name}`,
      async () => (await load())(progress),
    ]),
  ),
};

const HELP = `npm run bench -- [NAME ...] [--only NAME,...] [--data FILE] [--large]

  --only   ${Object.keys(BENCHES).join(', ')}, simulations (all that begin so);
           names may stand alone too
  --data   measures routed quality on another table of the shape of llmrouter9, instead of the public sets
  --large  ingests 10 million rows as well as 1 million, and runs what is large of scale (all that begin so)

Public sets are read from POINTSMAN_DATA, or from shared/data beside the repository; where they are absent,
their lines say so. Results go to bench/results/.`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    data: { type: 'string' },
    large: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else await main();

async function main(): Promise<void> {
  const named = [...positionals, ...(values.only?.split(',') ?? [])].flatMap(namesOf);
  const only =
    named.length > 0 ? named : Object.keys(BENCHES).filter((name) => values.large || !isLarge(name));
  const names = values.data === undefined ? only : ['quality'];
  const unknown = names.find((name) => !(name in BENCHES));
  if (unknown !== undefined) {
    console.error(`\`--only\` must name benches: ${Object.keys(BENCHES).join(', ')}. Got ${unknown}.`);
    process.exitCode = 2;
    return;
  }
  const machine = `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`;
  const date = new Date().toISOString().slice(0, 10);
  console.log(`${date}, ${machine}\n`);
  for (const name of names) {
    const options = { large: values.large, ...(values.data === undefined ? {} : { file: values.data }) };
    const lines = await BENCHES[name](options);
    process.stderr.write('\r\x1b[K');
    for (const line of lines) console.log(row(line));
    await save(name, { date, machine, lines });
  }
}

/** "simulations" is all of them, and "scale" too where large ones are wanted. */
function namesOf(name: string): string[] {
  const all = Object.keys(BENCHES).filter((bench) => bench.startsWith(`${name}-`));
  if (name === 'scale' && values.large) return [name, ...all];
  return name === 'simulations' ? all : [name];
}

function isLarge(name: string): boolean {
  return name.startsWith('scale-');
}

/** One file a bench, so that one can be run again without the others. */
async function save(
  name: string,
  result: { date: string; machine: string; lines: BenchLine[] },
): Promise<void> {
  const folder = fileURLToPath(new URL('results/', import.meta.url));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
}

function row({ name, value, unit, target, met, note }: BenchLine): string {
  const shown = Number.isNaN(value) ? '-' : `${Number(value.toPrecision(4))} ${unit}`.trim();
  const verdict = met === null ? '' : met ? 'met' : 'MISSED';
  return `${name.padEnd(56)} ${shown.padStart(14)}  ${(target ?? '').padEnd(9)} ${verdict.padEnd(6)}  ${note}`;
}

function progress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
  else process.stderr.write(`${what}\n`);
}
