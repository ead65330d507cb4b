import type { PolicySpec } from 'pointsman';
import { argMax, largest } from 'pointsman/internal';
import { loadRouter } from 'pointsman/node';
import type { MonthWorld } from './month-world.ts';

/** What every choice is truly worth on a day, on prompts that are never served. */
export interface DayTruth {
  readonly quality: Float64Array; // [pool, candidates]
  readonly costUsd: Float64Array; // [pool, candidates]
  readonly bestSingle: { readonly candidate: string; readonly quality: number };
  readonly oracle: number;
}

/** What a version is truly worth on a day. */
export interface VersionTruth {
  /** With its exploring, as it serves: exact, since the propensities are known. */
  readonly quality: number;
  /** Without it. */
  readonly qualityUnexplored: number;
  readonly costUsd: number;
  /** Share of each candidate, exploring included. */
  readonly shares: Readonly<Record<string, number>>;
}

/** Asks every candidate every prompt of the pool. */
export async function dayTruth({ ask, candidates, pool }: MonthWorld, day: number): Promise<DayTruth> {
  const columns = candidates.length;
  const quality = new Float64Array(pool.length * columns);
  const costUsd = new Float64Array(pool.length * columns);
  for (const [row, prompt] of pool.entries()) {
    for (const [c, candidate] of candidates.entries()) {
      const outcome = await ask(candidate, prompt, day);
      quality[row * columns + c] = outcome.quality;
      costUsd[row * columns + c] = outcome.costUsd;
    }
  }
  const means = candidates.map((_, c) => meanOf(pool.length, (row) => quality[row * columns + c]));
  const best = argMax(means);
  return {
    quality,
    costUsd,
    bestSingle: { candidate: candidates[best], quality: means[best] },
    oracle: meanOf(pool.length, (row) => largest(quality.subarray(row * columns, (row + 1) * columns))),
  };
}

/** Lets a version route the pool. */
export async function versionTruth(
  folder: string,
  { candidates, pool }: MonthWorld,
  { costUsd, quality }: DayTruth,
): Promise<VersionTruth> {
  const columns = candidates.length;
  const router = await loadRouter(folder, { seed: 0 });
  const policy = router.manifest.policy as PolicySpec;
  const plain = policy.kind === 'explore' ? await loadRouter(folder, { policy: policy.policy }) : router;
  const shares = Object.fromEntries(candidates.map((name) => [name, 0]));
  let [explored, unexplored, cost] = [0, 0, 0];
  for (const [row, prompt] of pool.entries()) {
    const { candidate, propensities } = await router.route({ text: prompt.text });
    for (const [name, p] of Object.entries(propensities ?? { [candidate]: 1 })) {
      const cell = row * columns + candidates.indexOf(name);
      explored += (p * quality[cell]) / pool.length;
      cost += (p * costUsd[cell]) / pool.length;
      shares[name] += p / pool.length;
    }
    const first = (await plain.route({ text: prompt.text })).candidate;
    unexplored += quality[row * columns + candidates.indexOf(first)] / pool.length;
  }
  return { quality: explored, qualityUnexplored: unexplored, costUsd: cost, shares };
}

function meanOf(rows: number, value: (row: number) => number): number {
  let sum = 0;
  for (let row = 0; row < rows; row++) sum += value(row);
  return sum / rows;
}
