import { createRouter, memoryFiles, type Request, readArtifact } from 'pointsman';
import { argMax, createRandom, mean, type SyncEmbedder } from 'pointsman/internal';
import { SHADOW_RULES, type ShadowRule } from '../gateway/config/schema.ts';
import { drawShadow, ShadowChoice } from '../gateway/shadow/choose-shadow.ts';
import { parseTrainConfig } from '../training/config.ts';
import { openEmbedder } from '../training/embed/embedders.ts';
import type { OutcomeMatrix } from '../training/outcomes/matrix.ts';
import { nameSplits, type Splits } from '../training/split/split.ts';
import { bestSingle, learn, type Prepared, prepare } from './bandit.ts';
import { toBanditLog } from './bandit-log.ts';
import { type BenchLine, plain, shown, skipped } from './bench-line.ts';
import { embedPrompts, type OutcomeSet, readOutcomeSet } from './outcome-sets.ts';
import { trainOn } from './train-once.ts';

/** Calls beside those of the log, of all of its calls. */
const SHARES = [0.05, 0.1, 0.2, 0.5];
/** At which rules are compared. */
const CHOOSING_SHARE = 0.2;
const SEEDS = 3;

/**
 * What shadow answers teach, on `llmrouter9` as a log of one answer a prompt, drawn uniformly: of the gain over the best single candidate that
 * the whole table gives, the share that the log gives with so many more calls, chosen by what they teach and uniformly. Each half of the prompts is
 * chosen from by a router that learned from the other half's log, as a gateway chooses from prompts that its router has not seen. Rules are compared
 * on prompts to calibrate that are held out from learning; the test prompts see the best of them alone.
 */
export async function benchShadow(
  onProgress: (what: string) => void,
  mostSeeds = SEEDS,
): Promise<BenchLine[]> {
  const set = await readOutcomeSet('llmrouter9');
  if (set === null) return [skipped('shadow answers', 'llmrouter9.jsonl.gz is not there')];
  const embeddings = await embedPrompts(set.matrix);
  const seeds = [];
  for (const one of (await prepare(set)).slice(0, mostSeeds)) {
    onProgress(`shadow: seed ${one.seed}`);
    const log = toBanditLog(set.matrix, { seed: one.seed });
    const known = await crossedPredictions(set, log, one, embeddings.values, onProgress);
    seeds.push({ one, log, known });
  }
  const lines: BenchLine[] = [];
  const held = new Map<ShadowRule, number[]>(SHADOW_RULES.map((rule) => [rule, []]));
  for (const { known, log, one } of seeds) {
    for (const rule of SHADOW_RULES) {
      const inner = { ...one, splits: withoutTest(one.splits, set.groups, one.seed) };
      const more = withShadows(set.matrix, log, known, rule, CHOOSING_SHARE, one.seed);
      const { quality } = await learn(set, more, inner, {});
      held.get(rule)!.push(quality);
      onProgress(`shadow: held out, ${rule}, seed ${one.seed}: ${quality.toFixed(4)}`);
    }
  }
  for (const [rule, qualities] of held)
    lines.push(
      plain(
        `shadow: held-out quality with 20 % more, ${rule}`,
        mean(qualities),
        '',
        `seeds ${shown(qualities)}`,
      ),
    );
  const rules = SHADOW_RULES.filter((rule) => rule !== 'uniform');
  const best = rules[argMax(rules.map((rule) => mean(held.get(rule)!)))];
  const [single, full, none] = [[], [], []] as number[][];
  for (const { log, one } of seeds) {
    single.push(bestSingle(set.matrix, one.splits));
    full.push((await learn(set, set.matrix, one, {})).quality);
    none.push((await learn(set, log, one, {})).quality);
  }
  const shareOf = (qualities: readonly number[]) =>
    (mean(qualities) - mean(single)) / (mean(full) - mean(single));
  lines.push(plain('shadow: quality of the best single', mean(single), '', `seeds ${shown(single)}`));
  lines.push(plain('shadow: quality, the whole table', mean(full), '', `seeds ${shown(full)}`));
  lines.push(
    plain('shadow: share of the gain, no shadow answers', shareOf(none), '', `seeds ${shown(none)}`),
  );
  for (const share of SHARES)
    for (const rule of ['uniform', best] as const) {
      const qualities: number[] = [];
      const costs: number[] = [];
      for (const { known, log, one } of seeds) {
        const more = withShadows(set.matrix, log, known, rule, share, one.seed);
        qualities.push((await learn(set, more, one, {})).quality);
        costs.push(spentOn(more, one.splits) / spentOn(log, one.splits) - 1);
        onProgress(`shadow: ${rule}, ${share}, seed ${one.seed}: ${qualities.at(-1)!.toFixed(4)}`);
      }
      lines.push(
        plain(
          `shadow: share of the gain, ${100 * share} % more calls, ${rule}`,
          shareOf(qualities),
          '',
          `seeds ${shown(qualities)}; ${(100 * mean(costs)).toFixed(0)} % more money`,
        ),
      );
    }
  return lines;
}

/** What a router says of a prompt that it has not seen: each candidate's success probability, and the errors of all differences to a first one. */
interface Known {
  readonly success: Float64Array;
  /** `[candidates, candidates]`: of the difference between the two. */
  readonly errors: Float64Array;
}

/** By two routers, of halves of the prompts that are learned from: each of the other half. */
async function crossedPredictions(
  { groups, matrix }: OutcomeSet,
  log: OutcomeMatrix,
  { seed, splits }: Prepared,
  embeddings: Float32Array,
  onProgress: (what: string) => void,
): Promise<ReadonlyMap<number, Known>> {
  const found = new Map<number, Known>();
  const { embedder } = await openEmbedder(parseTrainConfig({}).embedder);
  for (const half of [0, 1]) {
    const some = (rows: Int32Array, which: number) => rows.filter((row) => groups.groups[row] % 2 === which);
    const learned = nameSplits(
      some(splits.fit.rows, half),
      some(splits.calibrate.rows, half),
      splits.test.rows,
    );
    const { artifact } = await trainOn(log, groups, learned, seed, { uncertainty: true, resamples: 100 });
    onProgress(`shadow: seed ${seed}, a router of half ${half + 1}`);
    const router = createRouter(await readArtifact(memoryFiles(artifact.files), { uncertainty: true }), {
      embedder: embedder as SyncEmbedder,
    });
    const names = matrix.candidates;
    const dimensions = embedder.dimensions;
    for (const row of [...some(splits.fit.rows, 1 - half), ...some(splits.calibrate.rows, 1 - half)]) {
      const vector = embeddings.slice(row * dimensions, (row + 1) * dimensions);
      found.set(row, predictionOf(router, vector, matrix.prompts[row].request, names));
    }
  }
  return found;
}

function predictionOf(
  router: ReturnType<typeof createRouter>,
  vector: Float32Array,
  request: Request,
  names: readonly string[],
): Known {
  const success = new Float64Array(names.length);
  const errors = new Float64Array(names.length ** 2);
  for (const [first, name] of names.entries()) {
    const limits = { allow: [name] };
    const { predictions } = router.routeEmbedding(vector, request, { uncertainty: true, limits });
    for (const { candidate, differenceError, successProbability } of predictions) {
      const c = names.indexOf(candidate);
      success[c] = successProbability;
      errors[first * names.length + c] = differenceError ?? Number.NaN;
    }
  }
  return { success, errors };
}

/** The log with answers that were asked for beside, and the probability that each is in it. */
function withShadows(
  matrix: OutcomeMatrix,
  log: OutcomeMatrix,
  known: ReadonlyMap<number, Known>,
  rule: ShadowRule,
  share: number,
  seed: number,
): OutcomeMatrix {
  const columns = matrix.candidates.length;
  const random = createRandom(Math.imul(seed + 11, 0x9e3779b1));
  const quality = log.quality.slice();
  const costUsd = log.costUsd.slice();
  const latencyMs = log.latencyMs.slice();
  const propensity = log.propensity.slice();
  const choice = new ShadowChoice(rule, share);
  for (const [row, { errors, success }] of known) {
    // The router's own choice is what others are compared with: whether it answered or was drawn against, it is what the next router decides between.
    const first = argMax(success);
    const options = matrix.candidates.flatMap((candidate, c) =>
      Number.isNaN(log.quality[row * columns + c])
        ? [
            {
              candidate,
              c,
              difference: success[c] - success[first],
              error: c === first ? bestError(errors, first, columns) : errors[first * columns + c],
            },
          ]
        : [],
    );
    const probabilities = choice.probabilities(options);
    const drawn = drawShadow(probabilities, random.next());
    if (drawn === null) continue;
    const { c } = options[drawn];
    const at = row * columns + c;
    quality[at] = matrix.quality[at];
    costUsd[at] = matrix.costUsd[at];
    latencyMs[at] = matrix.latencyMs[at];
    propensity[at] = 1 / columns + (1 - 1 / columns) * probabilities[drawn];
  }
  return { ...log, quality, costUsd, latencyMs, propensity };
}

/** Of the choice itself: the error of its difference to the one that is known best. */
function bestError(errors: Float64Array, first: number, columns: number): number {
  const own = errors.subarray(first * columns, (first + 1) * columns).filter((_, c) => c !== first);
  return own.reduce((least, error) => Math.min(least, error), 1);
}

/** What is learned from, divided anew; whole groups of near-duplicates, so that what is held out is not seen. */
function withoutTest({ calibrate, fit }: Splits, { groups }: OutcomeSet['groups'], seed: number): Splits {
  const rows = [...fit.rows, ...calibrate.rows].sort((a, b) => a - b);
  const random = createRandom(seed + 5);
  const places = new Map<number, number>();
  for (const row of rows) if (!places.has(groups[row])) places.set(groups[row], random.next());
  const within = (from: number, to: number) =>
    Int32Array.from(rows.filter((row) => places.get(groups[row])! >= from && places.get(groups[row])! < to));
  return nameSplits(within(0, 0.56), within(0.56, 0.7), within(0.7, 1));
}

function spentOn({ candidates, costUsd }: OutcomeMatrix, { calibrate, fit }: Splits): number {
  const columns = candidates.length;
  let spent = 0;
  for (const row of [...fit.rows, ...calibrate.rows])
    for (let c = 0; c < columns; c++)
      if (!Number.isNaN(costUsd[row * columns + c])) spent += costUsd[row * columns + c];
  return spent;
}
