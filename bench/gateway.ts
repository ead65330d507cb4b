import { loadavg } from 'node:os';
import { join } from 'node:path';
import { quantileSorted } from 'pointsman/internal';
import { atLeast, atMost, type BenchLine, plain, skipped } from './bench-line.ts';
import { Load } from './gateway-client.ts';
import {
  BARE,
  EVERYTHING,
  PORTKEY,
  startBare,
  startEverything,
  startOne,
  startUnmended,
  withUpstream,
} from './gateway-stage.ts';

/** Each in a process of its own, asked in turns: one after another a block of requests, so that what else the machine does meets all. */
const ROUNDS = 30;
const ONE_AT_A_TIME = 50;
const STREAMS = 10;
const IN_FLIGHT = [16, 64] as const;
const SECONDS = 1;
const LOAD_ROUNDS = 5;
/** Until nothing is compiled any more: the first thousand requests take three times as long as those after five thousand. */
const WARM_UP = 6_000;
/** The same of streams, whose pieces are a path of their own: those that a gateway can give. */
const WARM_UP_STREAMS = 600;
/** Until what is kept of a bounded number is full: of the newest 50,000 answers, whether they may still be rated. */
const MEMORY_WARM_UP = 60_000;
const MEMORY_REQUESTS = 200_000;
const MEMORY_EVERY = 20_000;
/** How many times it is looked at the beginning and at the end: a single look depends on when garbage was last collected. */
const MEMORY_LOOKS = 3;

type Progress = (what: string) => void;

/** What a gateway adds to a request, and how many it bears: beside a bare proxy and another gateway, before one upstream. */
export async function benchGateway(onProgress: Progress): Promise<BenchLine[]> {
  return withUpstream(onProgress, async ({ add, folder, router, texts, upstream }) => {
    const portkey = await startUnmended(upstream);
    const peers = [
      await add(startBare(upstream)),
      ...(portkey instanceof Error ? [] : [await add(Promise.resolve(portkey))]),
      await add(startOne(upstream)),
      await add(startEverything(join(folder, 'all'), upstream, router)),
    ];
    const load = peers.map((peer) => new Load(peer, texts));
    for (const each of load) {
      onProgress(`gateway: warming up ${each.peer.name}`);
      await each.run({ requests: WARM_UP, inFlight: 16 });
      await each.run({ requests: WARM_UP_STREAMS, inFlight: 16, kind: 'streamed' }).catch(() => {});
    }
    const busy = loadavg()[0].toFixed(0);
    const note = `${router.from}, prompts of 1,000 characters; ${busy} processes of this machine wanted a core`;
    return [
      ...(portkey instanceof Error ? [skipped(`${PORTKEY}: requests`, portkey.message)] : []),
      ...(await latencyLines(load, note, onProgress)),
      ...(await streamLines(load, note, onProgress)),
      ...(await loadLines(load, note, onProgress)),
    ];
  });
}

/** Whether the memory of a gateway stays as it is once it has warmed up. */
export async function benchGatewayMemory(onProgress: Progress): Promise<BenchLine[]> {
  return withUpstream(onProgress, async ({ add, folder, router, texts, upstream }) => {
    const peer = await add(startEverything(join(folder, 'memory'), upstream, router));
    return memoryLines(new Load(peer, texts), onProgress);
  });
}

/** Blocks in turns, which begin with another peer each time. */
async function inTurns(
  loads: readonly Load[],
  rounds: number,
  onProgress: (round: number) => void,
  block: (load: Load) => Promise<void>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    onProgress(round);
    for (let i = 0; i < loads.length; i++) await block(loads[(round + i) % loads.length]);
  }
}

/** Ascending. */
type Times = ReadonlyMap<Load, Float64Array>;

/** Milliseconds of requests one at a time. */
async function timesOf(
  loads: readonly Load[],
  kind: 'whole' | 'streamed',
  perBlock: number,
  onProgress: Progress,
): Promise<Times> {
  const times = new Map<Load, number[]>(loads.map((load) => [load, []]));
  await inTurns(
    loads,
    ROUNDS,
    (round) => onProgress(`gateway: ${kind} requests one at a time, round ${round + 1} of ${ROUNDS}`),
    async (load) => {
      for (let i = 0; i < perBlock; i++) {
        const { firstByteMs, wholeMs } = await load.once(kind);
        times.get(load)!.push(kind === 'whole' ? wholeMs : firstByteMs);
      }
    },
  );
  return new Map([...times].map(([load, all]) => [load, Float64Array.from(all).sort()]));
}

const bareOf = (loads: readonly Load[]): Load => loads.find(({ peer }) => peer.name === BARE)!;

/** How much later than the bare proxy. */
function added(times: Times, load: Load, quantile: number): number {
  const bare = bareOf([...times.keys()]);
  return quantileSorted(times.get(load)!, quantile) - quantileSorted(times.get(bare)!, quantile);
}

async function latencyLines(
  loads: readonly Load[],
  note: string,
  onProgress: Progress,
): Promise<BenchLine[]> {
  const times = await timesOf(loads, 'whole', ONE_AT_A_TIME, onProgress);
  const bare = times.get(bareOf(loads))!;
  const how = `${bare.length} requests one at a time, in turns of ${ONE_AT_A_TIME}; ${note}`;
  return [
    plain(`${BARE}: a request, p50`, quantileSorted(bare, 0.5), 'ms', how),
    plain(`${BARE}: a request, p99`, quantileSorted(bare, 0.99), 'ms', how),
    ...addedLines(times, 'added to a request', 0.6, how),
  ];
}

/** Of every peer but the bare proxy. @param target of ours with everything on, in milliseconds at p50 */
function addedLines(times: Times, what: string, target: number, how: string): BenchLine[] {
  const others = [...times.keys()].filter(({ peer }) => peer.name !== BARE);
  return others.flatMap((load) => {
    const { name } = load.peer;
    const [low, middle, high] = [0.1, 0.5, 0.99].map((quantile) => added(times, load, quantile));
    return [
      plain(`${name}: ${what}, p10`, low, 'ms', how),
      name === EVERYTHING
        ? atMost(`${name}: ${what}, p50`, middle, 'ms', target, how)
        : plain(`${name}: ${what}, p50`, middle, 'ms', how),
      plain(`${name}: ${what}, p99`, high, 'ms', how),
    ];
  });
}

async function streamLines(loads: readonly Load[], note: string, onProgress: Progress): Promise<BenchLine[]> {
  const able: Load[] = [];
  const unable: BenchLine[] = [];
  for (const load of loads) {
    const why = await load.once('streamed').then(
      () => null,
      (error: Error) => error.message,
    );
    if (why === null) able.push(load);
    else unable.push(skipped(`${load.peer.name}: first byte of a stream`, why));
  }
  const times = await timesOf(able, 'streamed', STREAMS, onProgress);
  const how = `${times.get(able[0])!.length} streams one at a time, in turns of ${STREAMS}; ${note}`;
  return [...unable, ...addedLines(times, 'added to the first byte of a stream', 1, how)];
}

async function loadLines(loads: readonly Load[], note: string, onProgress: Progress): Promise<BenchLine[]> {
  const lines: BenchLine[] = [];
  for (const inFlight of IN_FLIGHT) {
    const rates = new Map<Load, number[]>(loads.map((load) => [load, []]));
    const cpuMs = new Map<Load, number[]>(loads.map((load) => [load, []]));
    await inTurns(
      loads,
      LOAD_ROUNDS,
      (round) => onProgress(`gateway: ${inFlight} in flight, round ${round + 1} of ${LOAD_ROUNDS}`),
      async (load) => {
        const before = await load.used();
        const { done, perSecond } = await load.run({ seconds: SECONDS, inFlight });
        rates.get(load)!.push(perSecond);
        cpuMs.get(load)!.push(((await load.used()).cpuMs - before.cpuMs) / done);
      },
    );
    const how = `median of ${LOAD_ROUNDS} rounds of ${SECONDS} s, in turns; ${note}`;
    for (const load of loads) {
      const { name } = load.peer;
      lines.push(
        plain(`${name}: ${inFlight} in flight`, median(rates.get(load)!), 'requests/s', how),
        plain(
          `${name}: ${inFlight} in flight, processor time of a request`,
          median(cpuMs.get(load)!),
          'ms',
          how,
        ),
      );
    }
    const portkey = loads.find(({ peer }) => peer.name === PORTKEY);
    const ours = loads.find(({ peer }) => peer.name === EVERYTHING)!;
    if (portkey === undefined) continue;
    const ratio = median(rates.get(ours)!.map((rate, round) => rate / rates.get(portkey)![round]));
    const name = `${EVERYTHING}: ${inFlight} in flight, of the requests a second of Portkey`;
    lines.push(inFlight === 16 ? atLeast(name, ratio, '×', 3, how) : plain(name, ratio, '×', how));
  }
  return lines;
}

const median = (values: readonly number[]): number => quantileSorted(Float64Array.from(values).sort(), 0.5);

/** Resident memory of a process of its own, from when it has warmed up. */
async function memoryLines(load: Load, onProgress: Progress): Promise<BenchLine[]> {
  onProgress(`gateway: memory, ${MEMORY_WARM_UP} requests to warm up`);
  await load.run({ requests: MEMORY_WARM_UP, inFlight: 16 });
  const megabytes = [(await load.used()).rssBytes / 1e6];
  for (let done = 0; done < MEMORY_REQUESTS; done += MEMORY_EVERY) {
    onProgress(`gateway: memory, ${done} of ${MEMORY_REQUESTS} requests`);
    await load.run({ requests: MEMORY_EVERY, inFlight: 16 });
    megabytes.push((await load.used()).rssBytes / 1e6);
  }
  const first = median(megabytes.slice(0, MEMORY_LOOKS));
  const last = median(megabytes.slice(-MEMORY_LOOKS));
  const seen = megabytes.map((value) => value.toFixed(0)).join(' ');
  const note = `MB after ${MEMORY_WARM_UP} requests, and after each ${MEMORY_EVERY} of ${MEMORY_REQUESTS} more: ${seen}`;
  return [
    plain(`${EVERYTHING}: resident memory after ${MEMORY_REQUESTS} more requests`, last, 'MB', note),
    atMost(
      `${EVERYTHING}: growth of memory over ${MEMORY_REQUESTS} requests, the median of ${MEMORY_LOOKS} looks against that of the first`,
      100 * (last / first - 1),
      '%',
      10,
      note,
    ),
  ];
}
