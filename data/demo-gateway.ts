import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createGateway, type GatewayConfig, serve } from '@pointsman/gateway';
import { type CommandIo, processIo } from '../training/cli/terminal/io.ts';
import { runDemo } from './demo.ts';
import { writePastTraffic } from './past-traffic.ts';
import { openSolverUpstream } from './solver-upstream.ts';
import { loadSolvers } from './solvers/candidates/solvers.ts';
import { generatePrompts, type SamplePrompt } from './solvers/generate-prompts.ts';
import { grade } from './solvers/grading/grade.ts';

const usage = `Serves the sample solvers behind a gateway, and sends it traffic that keeps coming, with ratings. Needs no key and no network.
A router is trained first, where there is none yet.

  npm run demo:gateway -- [--port 8800] [--per-second 5] [--requests N] [--router models/demo] [--prompts 1500]
                          [--log .pointsman/gateway/log] [--work .pointsman] [--seed 0] [--retrain-after 50]
                          [--past-days 12]

It goes on until Ctrl+C, or for so many requests. An empty log gets the traffic of some days before first, since a retraining compares days. After
--retrain-after requests, 'pointsman retrain' learns from the log once; where its gate lets the new version pass, a canary tries it.
`;

/** Of all answers: of how many somebody says how good they were, and how many are read as they come. */
const RATED_SHARE = 0.6;
const STREAMED_EVERY = 3;

/** Prompts that are made at a time. */
const AT_A_TIME = 300;

/** The summary is printed after so many requests, and at the end. */
const SUMMARY_EVERY = 50;

const PROMPTS_PER_DAY = 120;

/** Of what is explored a new router can learn, and the dashboard can say what others would have been worth. */
const POLICY = {
  kind: 'explore',
  method: 'epsilon-greedy',
  epsilon: 0.3,
  policy: { kind: 'utility', weights: 'balanced' },
} as const;

/** With far more of the traffic than a real one, so that something is seen in minutes. */
const CANARY = { steps: [0.3, 1], minRatings: 5, minRequests: 10, maxRegret: 0.2 };

/** Far more lenient than the defaults: a real gate wants more traffic than a demo has. */
const GATE = {
  tolerance: 1,
  confidence: 0.6,
  nightsTolerance: 1,
  nights: 1,
  nightsAlpha: 0.4,
  sliceTolerance: 1,
  calibrationLimit: 1,
};

/** Runs the gateway with its upstreams and its users. @returns the exit code */
export async function runGatewayDemo(
  argv: readonly string[],
  io: CommandIo,
  stopped: Promise<void>,
): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      port: { type: 'string', default: '8800' },
      'per-second': { type: 'string', default: '5' },
      requests: { type: 'string', default: 'Infinity' },
      router: { type: 'string', default: 'models/demo' },
      prompts: { type: 'string', default: '1500' },
      log: { type: 'string', default: '.pointsman/gateway/log' },
      seed: { type: 'string', default: '0' },
      'retrain-after': { type: 'string', default: '50' },
      'past-days': { type: 'string', default: '12' },
      work: { type: 'string', default: '.pointsman' },
      help: { type: 'boolean', default: false },
    },
  });
  const numbers = [
    values.port,
    values['per-second'],
    values.requests,
    values.seed,
    values['retrain-after'],
    values['past-days'],
  ].map(Number);
  if (values.help || numbers.some(Number.isNaN)) {
    io.stdout(usage);
    return values.help ? 0 : 2;
  }
  const [port, perSecond, requests, seed, retrainAfter, days] = numbers;
  if (!existsSync(join(values.router, 'current.json'))) {
    const code = await runDemo(
      ['--prompts', values.prompts, '--out', values.router, '--work', values.work],
      io,
    );
    if (code !== 0) return code;
  }
  const solvers = await loadSolvers();
  if (days > 0 && !(await readdir(values.log).catch(() => [])).length) {
    io.stdout(`Writing ${days} days of traffic into ${values.log} …\n`);
    const past = { days, promptsPerDay: PROMPTS_PER_DAY, policy: POLICY, seed: seed + 500 };
    await writePastTraffic({ ...past, router: values.router, log: values.log, solvers });
  }
  const upstream = await openSolverUpstream(solvers);
  const candidates = solvers.map(({ name, price }) => [name, { upstream: 'solvers', ...price }]);
  const config: GatewayConfig = {
    listen: { port },
    upstreams: { solvers: { baseUrl: upstream.url } },
    candidates: Object.fromEntries(candidates),
    routers: {
      demo: {
        folder: values.router,
        canary: CANARY,
        policy: POLICY,
      },
    },
    log: { folder: values.log },
    keys: { state: ':memory:' },
  };
  const gateway = await createGateway(config, { onError: (error) => io.stderr(`${String(error)}\n`) });
  const server = await serve(gateway);
  const key = await makeKey(server.url);
  io.stdout(greeting(server.url, values.log, key));
  const counts = new Counts(solvers.map(({ name }) => name));
  let retraining: Promise<void> | undefined;
  let isOver = false;
  stopped.then(() => {
    isOver = true;
  });
  try {
    for (let i = 0; i < requests && !isOver; ) {
      for (const prompt of generatePrompts({ count: AT_A_TIME, seed: seed + 1000 + i })) {
        if (i >= requests || isOver) break;
        counts.add(await ask({ url: server.url, key }, prompt, i, solvers));
        i++;
        if (i === retrainAfter) retraining = retrain(values.router, values.log, io);
        if (i % SUMMARY_EVERY === 0) io.stdout(counts.summary());
        await Promise.race([pause(1000 / perSecond), stopped]);
      }
    }
  } finally {
    io.stdout(counts.summary());
    await retraining;
    await server.close();
    await upstream.close();
  }
  return 0;
}

function greeting(url: string, log: string, key: string): string {
  return `The gateway listens at ${url}; its upstream is eight local programs, its users are made up. Decisions go to ${log}.

  Dashboard: ${url}/dashboard
  The key of the made-up users, for the playground and for requests of yours: ${key}

  curl ${url}/v1/chat/completions -H "Authorization: Bearer ${key}" -d '{"model": "auto", "messages": [{"role": "user", "content": "What is 17 * 23?"}]}'
  curl ${url}/v1/route -H "Authorization: Bearer ${key}" -d '{"text": "What is the capital of Mongolia?"}'
  curl ${url}/metrics

Ctrl+C stops it.

`;
}

/** As the dashboard makes one. @returns its secret */
async function makeKey(url: string): Promise<string> {
  const settings = { name: 'made-up users', budgetUsdPerDay: 5, requestsPerMinute: 6000 };
  const response = await post(`${url}/admin/keys`, settings);
  return (await response.json()).secret;
}

const COMMAND = fileURLToPath(new URL('../src/bin/pointsman.js', import.meta.url));

/** What a schedule does at night, in a process of its own: whether there is enough to learn from, it says itself. */
async function retrain(router: string, log: string, io: CommandIo): Promise<void> {
  const folder = dirname(log);
  const config = join(folder, 'retrain.yaml');
  // JSON is YAML.
  await writeFile(
    config,
    JSON.stringify({
      router,
      logs: { files: [join(log, 'decisions-*')], format: 'pointsman' },
      work: join(folder, 'work'),
      train: { policy: POLICY },
      gate: GATE,
    }),
  );
  const child = spawn(process.execPath, [COMMAND, 'retrain', '--config', config, '--quiet'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text) => {
    said += String(text);
  });
  const [code] = await once(child, 'close');
  // 3: the router was kept, which is a result too.
  const came = code === 3 ? 'the gate kept the router that was there' : 'a canary tries the new version';
  if (code === 0 || code === 3)
    io.stdout(`A retraining has ended, and ${came}: the pages Versions and Drift show what it found.\n`);
  else io.stderr(`The retraining failed: ${said}\n`);
}

/** One answer, as its user knows it. */
interface Seen {
  readonly candidate: string;
  readonly quality: number;
  readonly costUsd: number;
  /** What the dearest solver would have cost for the same tokens. */
  readonly dearestUsd: number;
  readonly isRated: boolean;
}

/** Asks as any program would, and says how good the answer was. */
async function ask(
  { key, url }: { readonly url: string; readonly key: string },
  prompt: SamplePrompt,
  i: number,
  solvers: Awaited<ReturnType<typeof loadSolvers>>,
): Promise<Seen> {
  const stream = i % STREAMED_EVERY === 0;
  const messages = prompt.messages ?? [{ role: 'user', content: prompt.text }];
  const response = await post(`${url}/v1/chat/completions`, { model: 'auto', messages, stream }, key, {
    'x-pointsman-task': prompt.family,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`The gateway answered ${response.status}: ${text}`);
  const answer = stream ? streamedText(text) : JSON.parse(text).choices[0].message.content;
  const decisionId = response.headers.get('x-pointsman-decision-id') as string;
  const quality = grade(prompt.expected, answer);
  // The golden ratio spreads the share evenly, without a random source.
  const isRated = (i * 0.618_033_988_749_895) % 1 < RATED_SHARE;
  if (isRated) await post(`${url}/v1/feedback`, { decisionId, rating: quality }, key);
  const record = await (await fetch(`${url}/v1/decisions/${decisionId}`, { headers: bearer(key) })).json();
  const costOf = ({ price }: (typeof solvers)[number]) =>
    (price.inputPricePerMillionTokens * record.inputTokens +
      price.outputPricePerMillionTokens * record.outputTokens) /
    1e6;
  return {
    candidate: record.candidate,
    quality,
    costUsd: record.costUsd,
    dearestUsd: costOf(solvers[solvers.length - 1]),
    isRated,
  };
}

function post(
  url: string,
  body: unknown,
  key?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { ...(key === undefined ? {} : bearer(key)), ...headers },
  });
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

function streamedText(events: string): string {
  const chunks = [...events.matchAll(/^data: (\{.*\})$/gm)].map(([, data]) => JSON.parse(data));
  return chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
}

/** What came of the traffic so far. */
class Counts {
  readonly #byCandidate: Map<string, number>;
  #answers = 0;
  #quality = 0;
  #rated = 0;
  #costUsd = 0;
  #dearestUsd = 0;

  constructor(names: readonly string[]) {
    this.#byCandidate = new Map(names.map((name) => [name, 0]));
  }

  add({ candidate, costUsd, dearestUsd, isRated, quality }: Seen): void {
    this.#byCandidate.set(candidate, (this.#byCandidate.get(candidate) ?? 0) + 1);
    this.#answers++;
    this.#quality += quality;
    this.#rated += Number(isRated);
    this.#costUsd += costUsd;
    this.#dearestUsd += dearestUsd;
  }

  summary(): string {
    const shares = [...this.#byCandidate].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
    const each = shares.map(([name, count]) => `${name} ${count}`).join(', ');
    const quality = (this.#quality / Math.max(1, this.#answers)).toFixed(3);
    return (
      `${this.#answers} answers (${this.#rated} rated): mean quality ${quality}, $${this.#costUsd.toPrecision(3)} ` +
      `instead of $${this.#dearestUsd.toPrecision(3)} for the same tokens of the dearest\n  ${each}\n`
    );
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const stopped = new Promise<void>((resolve) => process.once('SIGINT', () => resolve()));
  process.exitCode = await runGatewayDemo(process.argv.slice(2), processIo(), stopped);
}
