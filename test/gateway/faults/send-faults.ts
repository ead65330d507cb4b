import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { LiveRows } from '../../../gateway/admin/live-area.ts';
import type { GatewayConfig } from '../../../gateway/config/schema.ts';
import type { RollupAnswer } from '../../../gateway/rollups/rollup.ts';
import { buildGatewayProgram, type GatewayProcess } from '../../fixtures/start-gateway.ts';
import { startFaultyUpstream } from './faulty-upstream.ts';
import { type FaultOptions, runFaults } from './run-faults.ts';

/** What is left of requests when all are over. */
export interface LeftOver {
  /** Requests that the gateway counts as under way. */
  readonly inFlight: number;
  /** Requests that upstreams still answer. */
  readonly open: number;
  /** Timers, sockets and servers that were not there before, as Node names them. */
  readonly resources: readonly string[];
  /** US dollars set aside in the books. */
  readonly heldUsd: number;
  /** By how much the books differ from the costs that were counted, in US dollars. */
  readonly unbookedUsd: number;
  /** Decisions of the log without an outcome, beyond those whose client left or that were refused. */
  readonly withoutOutcome: number;
  /** Outcomes of decisions that are not there, or have one already. */
  readonly oddOutcomes: number;
  /** Decisions that the gateway still shows as under way. */
  readonly running: number;
  /** What the gateway said was wrong. */
  readonly errors: readonly string[];
}

interface Options extends FaultOptions {
  /** Filled by the gateway. */
  readonly folder: string;
  /** Of a router of m0, m1 and m2. */
  readonly router: string;
}

/** Sends requests through a whole gateway in front of upstreams that break, and looks at what is left. */
export async function sendFaults({ folder, router, ...options }: Options) {
  const upstream = await startFaultyUpstream(options.seed);
  const program = await buildGatewayProgram();
  const gateway = await program.start(configOf(upstream.url, folder, router));
  try {
    const admin = async (path: string, body?: object) =>
      JSON.parse(await askOnce(`${gateway.url}/admin/${path}`, body));
    const { key, secret } = await admin('keys', { name: 'faults', budgetUsdPerDay: 1e6 });
    const before = (await gateway.look()).resources;
    const chat = ['auto', 'router/hedged', 'router/several', 'm1'];
    const report = await runFaults(
      {
        url: gateway.url,
        headers: (_, deadlineMs) => ({
          authorization: `Bearer ${secret}`,
          'x-pointsman-deadline-ms': String(deadlineMs),
        }),
        models: { 'openai-chat': chat, anthropic: chat, 'openai-responses': chat, embeddings: ['vectors'] },
      },
      options,
    );
    let withoutAnswer = 0;
    const settled = async (): Promise<Standing> => {
      const { days } = await admin(`keys/${key.id}/usage`);
      const { rows } = (await admin('rollups?by=day')) as RollupAnswer;
      const counted = rows.reduce((sum, { costUsd }) => sum + costUsd, 0);
      withoutAnswer = rows.reduce((sum, { left, refused }) => sum + left + refused, 0);
      const metrics = await askOnce(`${gateway.url}/metrics`);
      return {
        inFlight: Number(/requests_in_flight (\d+)/.exec(metrics)![1]),
        open: upstream.open,
        heldUsd: days[0].heldUsd,
        unbookedUsd: days[0].usd - counted,
        running: await countRunning(gateway.url),
      };
    };
    const standing = await whenQuiet(settled);
    const { errors, resources } = await lookWhenIdle(gateway, before.length);
    const closed = await gateway.close();
    const left: LeftOver = {
      ...standing,
      ...readLog(join(folder, 'log'), withoutAnswer),
      resources: subtract(resources, before),
      errors: [...errors, ...closed.errors],
    };
    return { report, left, played: upstream.played };
  } finally {
    await gateway.kill();
    await upstream.close();
    await program.remove();
  }
}

type Standing = Pick<LeftOver, 'inFlight' | 'open' | 'heldUsd' | 'unbookedUsd' | 'running'>;

function configOf(url: string, folder: string, router: string): GatewayConfig {
  const prices = { inputPricePerMillionTokens: 1, outputPricePerMillionTokens: 10 };
  const candidates = ['m0', 'm1', 'm2'].map((name) => [
    name,
    { upstream: 'faulty', model: `model-${name}`, ...prices },
  ]);
  const hedged = { kind: 'speculative', fast: 'm0', slow: 'm1', delayMs: 40 };
  const several = { kind: 'ensemble', members: ['m0', 'm1'], combine: { kind: 'majority' } };
  return {
    listen: { port: 0 },
    upstreams: {
      faulty: { baseUrl: `${url}/v1`, protocol: ['openai-chat', 'anthropic', 'openai-responses'] },
    },
    candidates: Object.fromEntries(candidates),
    embeddings: { vectors: { upstream: 'faulty', inputPricePerMillionTokens: 1 } },
    routers: {
      support: { folder: router },
      hedged: { folder: router, policy: hedged },
      several: { folder: router, policy: several },
    },
    execution: { retryDelayMs: 1, timeoutMs: 400, idleTimeoutMs: 400, breaker: false },
    keys: { state: join(folder, 'keys.db') },
    log: { folder: join(folder, 'log') },
  };
}

const LOOKS = 100;
const LOOK_MS = 100;

/** What it is when nothing is under way any more, or after ten seconds. */
async function whenQuiet(look: () => Promise<Standing>): Promise<Standing> {
  for (let looks = 1; ; looks++) {
    const seen = await look();
    const isQuiet = seen.inFlight + seen.open + seen.running === 0 && seen.heldUsd === 0;
    if (isQuiet || looks === LOOKS) return seen;
    await pause(LOOK_MS);
  }
}

/** Of the newest decisions, those that have no end. */
async function countRunning(url: string): Promise<number> {
  const text = await askOnce(`${url}/admin/live`, undefined, (got) => got.includes('\n\n'));
  const { rows } = JSON.parse(text.replace(/^data: /, '')) as LiveRows;
  return rows.filter(({ state }) => state === 'running').length;
}

/** On a connection of its own, of which nothing is left. @param isEnough of what has come; the rest is not waited for */
function askOnce(url: string, body?: object, isEnough = (_: string) => false): Promise<string> {
  const method = body === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, agent: false }, async (incoming) => {
      let text = '';
      for await (const piece of incoming.setEncoding('utf8')) {
        text += piece;
        if (isEnough(text)) break;
      }
      resolve(text);
    });
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Connections that are kept for the next request end when the other side closes them. */
async function lookWhenIdle(gateway: GatewayProcess, before: number) {
  for (let looks = 1; ; looks++) {
    const seen = await gateway.look();
    if (seen.resources.length <= before || looks === LOOKS) return seen;
    await pause(LOOK_MS);
  }
}

function subtract(all: readonly string[], some: readonly string[]): string[] {
  const left = [...all];
  for (const each of some) if (left.includes(each)) left.splice(left.indexOf(each), 1);
  return left;
}

/** @param withoutAnswer requests that were refused or whose client left: of these there is no outcome */
function readLog(folder: string, withoutAnswer: number): Pick<LeftOver, 'withoutOutcome' | 'oddOutcomes'> {
  const open = new Set<string>();
  let oddOutcomes = 0;
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.jsonl'))) {
    for (const line of readFileSync(join(folder, name), 'utf8').trim().split('\n')) {
      const { id, kind } = JSON.parse(line);
      if (kind === 'decision') open.add(id);
      if (kind === 'outcome' && !open.delete(id)) oddOutcomes++;
    }
  }
  return { withoutOutcome: Math.max(0, open.size - withoutAnswer), oddOutcomes };
}
