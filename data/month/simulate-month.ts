import { createHash } from 'node:crypto';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom } from 'pointsman/internal';
import { parseRetrainConfig, type RetrainConfigInput } from '../../training/retrain/config.ts';
import { retrain } from '../../training/retrain/retrain.ts';
import type { RetrainRun } from '../../training/retrain/run.ts';
import { createMonthWorld, type MonthEvents, type MonthWorld } from './month-world.ts';
import { serveDay } from './serve-day.ts';
import { shortEmbedder } from './short-embedder.ts';
import { type DayTruth, dayTruth, type VersionTruth, versionTruth } from './true-quality.ts';

/** Everything of a month that can be chosen. */
export interface MonthOptions {
  /** Where router, logs and outcomes go. */
  readonly folder: string;
  readonly days: number;
  readonly perDay: number;
  /** Days before the first, of which prompts were sent to candidates evenly at random. */
  readonly historyDays: number;
  /** Prompts that the truth is measured on. */
  readonly pool: number;
  readonly candidates: readonly string[];
  readonly events: MonthEvents;
  /** On this day the log holds so many more prompts, and every score of it upside down. */
  readonly poison: { readonly day: number; readonly extra: number };
  readonly seed: number;
  /** Columns of the embedder: fewer are quicker to fit. */
  readonly dimensions: number;
  readonly config: Omit<RetrainConfigInput, 'router' | 'logs' | 'store' | 'work'>;
  readonly onDay?: (day: MonthDay) => void;
}

export interface MonthDay {
  readonly day: number;
  /** Of the version that served the day. */
  readonly router: VersionTruth;
  readonly bestSingle: DayTruth['bestSingle'];
  readonly oracle: number;
  /** The night after. */
  readonly run: RetrainRun;
  /** Of the night's challenger, on the same day; null where there was none. */
  readonly challenger: VersionTruth | null;
}

export interface Month {
  readonly days: readonly MonthDay[];
  /** The night on which the poisoned day would first have been learned from, without screening: on a copy. */
  readonly unscreened: {
    readonly day: number;
    readonly run: RetrainRun;
    readonly challenger: VersionTruth;
  } | null;
}

const DAY_MS = 86_400_000;
const FIRST_DAY_MS = Date.UTC(2026, 0, 1);

/**
 * A month of serving by day and retraining by night, through the code and files that production has. The world beneath is made
 * of local programs whose answers are graded; what the routers are truly worth is measured on prompts never served.
 */
export async function simulateMonth(options: MonthOptions): Promise<Month> {
  const { days, events, folder, historyDays, perDay, poison, seed } = options;
  const world = await createMonthWorld({
    candidates: options.candidates,
    events,
    served: (historyDays + days) * perDay + poison.extra,
    pool: options.pool,
    seed,
  });
  const [logs, router] = [join(folder, 'logs'), join(folder, 'router')];
  await mkdir(logs, { recursive: true });
  const config = parseRetrainConfig({
    ...options.config,
    router,
    logs: { files: [join(logs, '*.jsonl')], format: 'pointsman' },
    work: join(folder, 'work'),
  });
  const startOf = (day: number) => FIRST_DAY_MS + (day - 1) * DAY_MS;
  // At three in the morning after the day.
  const night = (day: number) => () => new Date(startOf(day + 1) + DAY_MS / 8);
  const embedder = await shortEmbedder(options.dimensions);
  await writeHistory(world, { ...options, logs, startOf });
  await retrain({ config, embedder, now: night(0) });

  const truths = new Map<string, DayTruth>();
  const truthOf = async (day: number) => {
    const key = `${day >= events.degrade.day} ${day >= events.reprice.day}`;
    const truth = truths.get(key) ?? (await dayTruth(world, day));
    truths.set(key, truth);
    return truth;
  };
  const found: MonthDay[] = [];
  let unscreened: Month['unscreened'] = null;
  let next = historyDays * perDay;
  for (let day = 1; day <= days; day++) {
    const poisoned = day === poison.day;
    const count = perDay + (poisoned ? poison.extra : 0);
    const truth = await truthOf(day);
    const serving = await versionTruth(router, world, truth);
    await serveDay({
      world,
      prompts: world.served.slice(next, next + count),
      router,
      day,
      startMs: startOf(day),
      logs,
      seed: seed + day,
      ...(poisoned ? { distort: ({ quality }) => 1 - quality } : {}),
    });
    next += count;
    if (day === poison.day + config.traffic.holdoutDays) {
      const copy = join(folder, 'unscreened');
      await cp(router, join(copy, 'router'), { recursive: true });
      await cp(config.work, join(copy, 'work'), { recursive: true });
      const run = await retrain({
        config: {
          ...config,
          router: join(copy, 'router'),
          work: join(copy, 'work'),
          screening: { ...config.screening, enabled: false },
        },
        embedder,
        now: night(day),
      });
      const challenger = await versionTruth(join(copy, 'router', run.challenger!), world, truth);
      unscreened = { day, run, challenger };
    }
    const run = await retrain({ config, embedder, now: night(day) });
    const challenger =
      run.challenger === null ? null : await versionTruth(join(router, run.challenger), world, truth);
    found.push({
      day,
      router: serving,
      bestSingle: truth.bestSingle,
      oracle: truth.oracle,
      run,
      challenger,
    });
    options.onDay?.(found[found.length - 1]);
  }
  return { days: found, unscreened };
}

/** What was logged before there was a router: each prompt to a candidate drawn evenly. */
async function writeHistory(
  world: MonthWorld,
  {
    historyDays,
    logs,
    perDay,
    seed,
    startOf,
  }: MonthOptions & { readonly logs: string; readonly startOf: (day: number) => number },
): Promise<void> {
  const random = createRandom(seed + 1000);
  const lines: string[] = [];
  for (let i = 0; i < historyDays * perDay; i++) {
    const prompt = world.served[i];
    const day = Math.floor(i / perDay) - historyDays + 1;
    const at = new Date(startOf(day) + DAY_MS / 4 + (i % perDay) * 60_000).toISOString();
    const candidate = world.candidates[random.integer(world.candidates.length)];
    const { quality, ...outcome } = await world.ask(candidate, prompt, day);
    const id = `history-${i}`;
    const share = 1 / world.candidates.length;
    const records = [
      {
        kind: 'decision',
        id,
        artifactId: 'none',
        policyPath: ['uniform'],
        candidate,
        propensity: share,
        propensities: Object.fromEntries(world.candidates.map((name) => [name, share])),
        confidence: share,
        probabilities: {},
        predictions: [],
        signals: {},
        promptHash: createHash('sha256').update(prompt.text).digest('hex'),
        request: { text: prompt.text },
        task: prompt.family,
      },
      { kind: 'outcome', id, candidate, status: 'answered', ...outcome },
      { kind: 'feedback', id, quality },
    ];
    for (const record of records) lines.push(JSON.stringify({ schemaVersion: 1, at, ...record }));
  }
  await writeFile(join(logs, 'decisions-000.jsonl'), `${lines.join('\n')}\n`);
}
