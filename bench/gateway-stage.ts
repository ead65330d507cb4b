import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { servingArtifact } from '../test/fixtures/serving-artifact.ts';
import { writeArtifact } from '../training/artifact/write-artifact.ts';
import type { BenchLine } from './bench-line.ts';
import type { Peer } from './gateway-client.ts';
import { readOutcomeSet } from './outcome-sets.ts';
import { startPortkey } from './portkey.ts';
import { benchPrompts } from './prompts.ts';
import { trainOnce } from './train-once.ts';

const PEERS = fileURLToPath(new URL('gateway-peers.mjs', import.meta.url));
const ROUTER = 'support';
const SIZES = { fit: 0.56, calibrate: 0.14, test: 0.3 };

export const BARE = 'bare proxy';
export const PORTKEY = 'Portkey';
export const EVERYTHING = 'ours, everything on';

/** What a bench of gateways begins with. */
export interface Stage {
  readonly folder: string;
  readonly router: MadeRouter;
  readonly texts: readonly string[];
  /** Address of the upstream. */
  readonly upstream: string;
  /** Adds a peer, which is stopped at the end. */
  add(peer: Promise<Peer>): Promise<Peer>;
}

/** Makes a router, starts the upstream, and stops at the end whatever was started. */
export async function withUpstream(
  onProgress: (what: string) => void,
  work: (stage: Stage) => Promise<BenchLine[]>,
): Promise<BenchLine[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  const peers: Peer[] = [];
  try {
    onProgress('gateway: training a router');
    const router = await makeRouter(join(folder, 'router'));
    onProgress('gateway: starting the peers');
    const upstream = await startPeer('upstream', ['upstream']);
    peers.push(upstream);
    const { texts } = await benchPrompts(2_000, 1_000);
    const add = async (peer: Promise<Peer>) => {
      peers.push(await peer);
      return peer;
    };
    return await work({ folder, router, texts, upstream: upstream.url, add });
  } finally {
    for (const peer of peers) await endOf(peer);
    await rm(folder, { recursive: true, force: true });
  }
}

export interface MadeRouter {
  readonly folder: string;
  readonly candidates: readonly string[];
  readonly from: string;
}

/** A router that was really trained where the public set is there; else one made up of the same size. */
async function makeRouter(folder: string): Promise<MadeRouter> {
  const set = await readOutcomeSet('llmrouter9');
  const sealed =
    set === null
      ? await servingArtifact()
      : (await trainOnce(set.matrix, set.groups, SIZES, 0)).trained.artifact;
  await writeArtifact(folder, sealed);
  const candidates = sealed.manifest.candidates.map(({ name }) => name);
  const from = set === null ? 'a made-up router' : 'a router trained on llmrouter9';
  return { folder, candidates, from };
}

const CANDIDATE = {
  upstream: 'bench',
  model: 'bench-model',
  inputPricePerMillionTokens: 1,
  outputPricePerMillionTokens: 4,
};

export async function startOne(upstream: string): Promise<Peer> {
  const config = {
    listen: { port: 0 },
    upstreams: { bench: { baseUrl: `${upstream}/v1` } },
    candidates: { only: CANDIDATE },
  };
  return startPeer('ours, one candidate', ['gateway', JSON.stringify(config)], 'only');
}

/** With everything on: a trained router of nine candidates, a decision log, keys, limits and budgets. */
export async function startEverything(folder: string, upstream: string, router: MadeRouter): Promise<Peer> {
  const config = {
    listen: { port: 0 },
    upstreams: { bench: { baseUrl: `${upstream}/v1` } },
    candidates: Object.fromEntries(router.candidates.map((candidate) => [candidate, CANDIDATE])),
    routers: { [ROUTER]: { folder: router.folder } },
    log: { folder: join(folder, 'log') },
    keys: { state: join(folder, 'keys.db') },
  };
  const peer = await startPeer(EVERYTHING, ['gateway', JSON.stringify(config)], 'auto');
  const response = await fetch(`${peer.url}/admin/keys`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'bench',
      budgetUsdPerDay: 1_000_000,
      budgetUsdPerMonth: 9_000_000,
      requestsPerMinute: 10_000_000,
      tokensPerMinute: 10_000_000_000,
    }),
  });
  const { secret } = (await response.json()) as { secret: string };
  return { ...peer, headers: { authorization: `Bearer ${secret}` } };
}

/** As it is, without what its streams need. @returns a reason in the place of the peer where it cannot be had. */
export async function startUnmended(upstream: string): Promise<Peer | Error> {
  const portkey = await startPortkey(PEERS).catch((error: Error) => error);
  if (portkey instanceof Error) return portkey;
  const headers = {
    authorization: 'Bearer bench',
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${upstream}/v1`,
  };
  return { ...portkey, name: PORTKEY, headers, model: 'bench-model' };
}

/** Nothing but Node. */
export async function startBare(upstream: string): Promise<Peer> {
  return startPeer(BARE, ['bare', upstream]);
}

async function startPeer(name: string, args: readonly string[], model = 'bench-model'): Promise<Peer> {
  const child = fork(PEERS, [...args], { execArgv: [] });
  const [told] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
  if (typeof told !== 'object') throw new Error(`${name} could not be started.`);
  return { name, child, url: told.url, headers: {}, model };
}

async function endOf({ child, stop }: Peer): Promise<void> {
  if (child.connected) child.send('stop');
  await stop?.();
}
