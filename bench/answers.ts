import { readPrompt } from 'pointsman';
import { createRandom, quantileSorted } from 'pointsman/internal';
import { averageGapRecovered, rankByScore, strongShareCurve } from '../training/evaluate/curves.ts';
import {
  calibrationBins,
  debiasedCalibrationError,
  expectedCalibrationError,
} from '../training/evaluate/metrics.ts';
import { nameSplits, splitOutcomes } from '../training/split/split.ts';
import { COST_WEIGHTS } from '../training/tune/answer-scores.ts';
import { tuneForLoss } from '../training/tune/guarantee.ts';
import {
  cascadeFamily,
  measureSetting,
  type RoutingFamily,
  type TuningRows,
} from '../training/tune/settings.ts';
import { formatPercent } from '../training/words.ts';
import { type AnsweredSet, type ArtifactScores, readAnsweredSet, scoreByArtifact } from './answered-set.ts';
import { benchSolvers } from './answers-solvers.ts';
import { atLeast, atMost, type BenchLine, meanOf, plain, skipped } from './bench-line.ts';

const SET = 'answers-gsm8k';
const SEEDS = [0, 1, 2, 3, 4];
const SIZES = { fit: 0.56, calibrate: 0.14, test: 0.3 };
const STRONG = 'gpt-4o-2024-08-06';
/** Area under ROC, and APGR against the strong one. */
const TARGETS: Readonly<Record<string, readonly [auc: number, apgr: number]>> = {
  'gemma-2-2b-it': [0.74, 0.65],
  'Mixtral-8x7B-Instruct-v0.1': [0.77, 0.72],
  'Meta-Llama-3-8B-Instruct': [0.8, 0.76],
  'claude-3-haiku-20240307': [0.7, 0.7],
};
/** US dollars per million tokens, in and out, cheapest first: assumptions, as the set has no costs. */
const PRICES: Readonly<Record<string, readonly [input: number, output: number]>> = {
  'gemma-2-2b-it': [0.02, 0.04],
  'Meta-Llama-3-8B-Instruct': [0.05, 0.08],
  'Mixtral-8x7B-Instruct-v0.1': [0.24, 0.24],
  'claude-3-haiku-20240307': [0.25, 1.25],
  [STRONG]: [2.5, 10],
};
const CHARACTERS_A_TOKEN = 4;
const EPSILON = 0.01;
const DELTA = 0.1;
const SPLITS = 100;
const CROSS_FITS = 5;
/** Of the prompts that a setting is tuned on; the rest checks it. */
const TUNED_SHARES = [0.7, 0.5];
const PERFECT_DRAWS = 50;
const ANSWER_CHARACTERS = 2_000;
const WARM_UP = 2_000;
const ROUNDS = 5_000;

/** What reading answers is worth beside reading prompts, and how long it takes. */
export async function benchAnswers(onProgress: (what: string) => void = () => {}): Promise<BenchLine[]> {
  onProgress('sample traffic');
  const solvers = await benchSolvers();
  const bare = await readAnsweredSet(SET);
  const set = bare && { ...bare, matrix: { ...bare.matrix, costUsd: costsOf(bare) } };
  if (set === null) return [skipped('heads that read answers', `${SET}.jsonl.gz is not there`), ...solvers];
  return [...(await qualityLines(set, onProgress)), ...(await guaranteeLines(set, onProgress)), ...solvers];
}

/** One seed: what is known of the test prompts. */
interface TestedSeed {
  readonly rows: Int32Array;
  /** By the exported artifact: its success head, and its answer head, `[test, candidates]`. */
  readonly byPrompt: Float32Array;
  readonly byAnswer: Float32Array;
  readonly scorer: ArtifactScores['scorer'];
  /** Scores of the chain of all candidates, and the costs. */
  readonly chain: TuningRows;
  readonly routing: RoutingFamily;
}

async function qualityLines(set: AnsweredSet, onProgress: (what: string) => void): Promise<BenchLine[]> {
  const { matrix } = set;
  const order = Object.keys(PRICES).map((name) => matrix.candidates.indexOf(name));
  const costUsd = costsOf(set);
  const seeds: TestedSeed[] = [];
  for (const seed of SEEDS) {
    onProgress(`${SET}, seed ${seed}`);
    seeds.push(await testSeed(set, order, costUsd, seed));
  }
  const lines = [speedLine(set, seeds[0])];
  for (const [name, [auc, apgr]] of Object.entries(TARGETS)) {
    const c = matrix.candidates.indexOf(name);
    const byAnswer = seeds.map((seed) => areaUnder(seed.byAnswer, set, seed.rows, c));
    const byPrompt = seeds.map((seed) => areaUnder(seed.byPrompt, set, seed.rows, c));
    const gapByAnswer = seeds.map((seed) => gapRecovered(seed.byAnswer, set, seed.rows, c));
    const gapByPrompt = seeds.map((seed) => gapRecovered(seed.byPrompt, set, seed.rows, c));
    const errors = seeds.map((seed) => calibrationError(seed, set, c));
    lines.push(
      atLeast(`AUC of the answer head, ${name}`, meanOf(byAnswer), '', auc, `seeds ${shown(byAnswer)}`),
      plain('  of the router, which reads the prompt', meanOf(byPrompt), '', `seeds ${shown(byPrompt)}`),
      atLeast(
        `APGR from ${name} to ${STRONG}, by the answer`,
        meanOf(gapByAnswer),
        '',
        apgr,
        `seeds ${shown(gapByAnswer)}`,
      ),
      plain('  by the prompt', meanOf(gapByPrompt), '', `seeds ${shown(gapByPrompt)}`),
      atMost(
        '  ECE of the answer head, less sampling noise',
        meanOf(errors.map(([, debiased]) => debiased)),
        '',
        0.04,
        `plain ${meanOf(errors.map(([plain]) => plain)).toFixed(4)}, of one without error ${meanOf(errors.map(([, , perfect]) => perfect)).toFixed(4)}: ten bins of ${Math.round(seeds[0].rows.length / 10)} prompts`,
      ),
    );
  }
  const pooled = seeds.map((seed) => calibrationError(seed, set, null)[0]);
  lines.push(
    atMost(
      'ECE of the answer head, all candidates together',
      meanOf(pooled),
      '',
      0.04,
      `ten bins, seeds ${shown(pooled)}`,
    ),
  );
  const answers = cascadeFamily(order, { asked: 1 });
  const cost = (family: RoutingFamily, score: (seed: TestedSeed) => Float32Array) =>
    seeds.map((seed) => 100 * cheapestWithin(family, { ...seed.chain, success: score(seed) }));
  const withEarlier = cost(answers, ({ chain }) => chain.success);
  const alone = cost(answers, ({ byAnswer }) => byAnswer);
  const byPrompt = cost(cascadeFamily(order), (seed) => seed.byPrompt);
  const routed = seeds.map((seed) => 100 * cheapestWithin(seed.routing, seed.chain));
  lines.push(
    atMost(
      `cost at the quality of ${STRONG} less a point, all five in turn`,
      meanOf(withEarlier),
      '%',
      60,
      `of asking it alone; the threshold read off the test prompts; USD a million tokens ${priceList()}; seeds ${shown(withEarlier)}`,
    ),
    atMost(
      '  by cascade routing',
      meanOf(routed),
      '%',
      60,
      `likewise, the weight of cost; seeds ${shown(routed)}`,
    ),
    plain('  each answer by itself, earlier ones not seen', meanOf(alone), '', `%; seeds ${shown(alone)}`),
    plain(
      '  by the prompt: the first that is likely enough',
      meanOf(byPrompt),
      '',
      `%; seeds ${shown(byPrompt)}`,
    ),
  );
  return lines;
}

async function testSeed(
  set: AnsweredSet,
  order: readonly number[],
  costUsd: Float32Array,
  seed: number,
): Promise<TestedSeed> {
  const { groups, matrix } = set;
  const { splits } = splitOutcomes(matrix, { sizes: SIZES, seed, groups });
  const { rows } = splits.test;
  const { alone, byPrompt, inTurn, routing, scorer } = await scoreByArtifact(set, splits, order, seed);
  const chain = tuningRows(set, costUsd, inTurn, rows);
  return { rows, byPrompt, byAnswer: alone, scorer, chain, routing };
}

/** @param success of these rows */
function tuningRows(
  { groups, matrix }: AnsweredSet,
  costUsd: Float32Array,
  success: Float32Array,
  rows: Int32Array,
): TuningRows {
  const columns = matrix.candidates.length;
  return {
    columns,
    quality: takeCells(matrix.quality, rows, columns),
    costUsd: takeCells(costUsd, rows, columns),
    success,
    groups: rows.map((row) => groups.groups[row]),
  };
}

/** Whether a tuned loss is kept: heads cross-fitted over all prompts, then 100 random splits to tune and to check. */
async function guaranteeLines(set: AnsweredSet, onProgress: (what: string) => void): Promise<BenchLine[]> {
  const { groups, matrix } = set;
  const columns = matrix.candidates.length;
  const order = Object.keys(PRICES).map((name) => matrix.candidates.indexOf(name));
  const costUsd = costsOf(set);
  const all = Int32Array.from(matrix.prompts.keys());
  const success = new Float32Array(matrix.quality.length);
  const routed = new Map<number, Routed[]>();
  const random = createRandom(1);
  const fold = Int32Array.from(groups.groups, () => 0);
  const foldOfGroup = new Map<number, number>();
  for (const row of random.shuffle(all.slice())) {
    const group = groups.groups[row];
    if (!foldOfGroup.has(group)) foldOfGroup.set(group, foldOfGroup.size % CROSS_FITS);
    fold[row] = foldOfGroup.get(group) ?? 0;
  }
  for (let held = 0; held < CROSS_FITS; held++) {
    onProgress(`${SET}, cross-fitting ${held + 1} of ${CROSS_FITS}`);
    const others = random.shuffle(all.filter((row) => fold[row] !== held));
    const cut = Math.round(0.8 * others.length);
    const test = all.filter((row) => fold[row] === held);
    const splits = nameSplits(others.slice(0, cut).sort(), others.slice(cut).sort(), test);
    const { inTurn, routing } = await scoreByArtifact(set, splits, order, held);
    const costs = takeCells(costUsd, test, columns);
    test.forEach((row, i) => {
      success.set(inTurn.subarray(i * columns, (i + 1) * columns), row * columns);
      routed.set(
        row,
        Array.from(routing.dials, (dial) => ({
          chosen: routing.choose(dial, success, i * columns),
          cost: routing.cost(dial, success, costs, i * columns),
        })),
      );
    });
  }
  const inTurn = cascadeFamily(order, { asked: 1 });
  return TUNED_SHARES.flatMap((share) => [
    ...keptLines('cascade on the answer', set, share, success, () => inTurn),
    ...keptLines('cascade routing', set, share, success, (rows) =>
      routedFamily(rows, routed, order, columns),
    ),
  ]);
}

/** What cascade routing does with a prompt at one weight of cost. */
interface Routed {
  readonly chosen: number;
  readonly cost: number;
}

/** Cascade routing on some prompts, by what was found for each. */
function routedFamily(
  rows: Int32Array,
  routed: ReadonlyMap<number, readonly Routed[]>,
  order: readonly number[],
  columns: number,
): RoutingFamily {
  const numbers = new Map(Array.from(COST_WEIGHTS, (dial, number) => [dial, number]));
  const of = (dial: number, at: number) => routed.get(rows[at / columns])![numbers.get(dial)!];
  return {
    dials: COST_WEIGHTS,
    candidates: order,
    choose: (dial, _, at) => of(dial, at).chosen,
    cost: (dial, _scores, _costs, at) => of(dial, at).cost,
    thresholds: () => [],
  };
}

function keptLines(
  name: string,
  set: AnsweredSet,
  share: number,
  success: Float32Array,
  familyOf: (rows: Int32Array) => RoutingFamily,
): BenchLine[] {
  const all = Int32Array.from(set.matrix.prompts.keys());
  const columns = set.matrix.candidates.length;
  const random = createRandom(2);
  const sums = { held: 0, cost: 0, loss: 0, found: 0 };
  const part = (rows: Int32Array) =>
    tuningRows(set, set.matrix.costUsd, takeCells(success, rows, columns), rows);
  for (let split = 0; split < SPLITS; split++) {
    const shuffled = random.shuffle(all.slice());
    const cut = Math.round(share * all.length);
    const [tuned, checked] = [shuffled.slice(0, cut), shuffled.slice(cut)];
    const family = familyOf(tuned);
    const dial = tuneForLoss(family, part(tuned), {
      maxQualityLoss: EPSILON,
      delta: DELTA,
      seed: split,
      requests: checked.length,
    });
    // Where nothing is shown, nothing is set: the last candidate answers all.
    const { costSaved, loss } =
      dial === null ? { costSaved: 0, loss: 0 } : measureSetting(familyOf(checked), dial, part(checked));
    if (loss <= EPSILON) sums.held++;
    if (dial !== null) sums.found++;
    sums.cost += 100 * (1 - (costSaved ?? 0));
    sums.loss += loss;
  }
  const of = `tuned on ${formatPercent(share, 0)} of ${all.length} prompts for as many requests as the rest, which checks it`;
  const kept = `splits of 100 in which a tuned loss of a point is kept, ${name}`;
  const note = `ε = ${EPSILON}, δ = ${DELTA}; ${of}; ${CROSS_FITS} cross-fits; a setting in ${sums.found}`;
  return [
    // Where nothing is set, nothing is lost, and that shows nothing.
    2 * sums.found > SPLITS ? atLeast(kept, sums.held, '', 90, note) : plain(kept, sums.held, '', note),
    plain(
      '  mean cost of what was tuned',
      sums.cost / SPLITS,
      '',
      `% of ${STRONG} alone; mean loss ${(sums.loss / SPLITS).toFixed(4)}`,
    ),
  ];
}

/** Reading and scoring an answer of 2,000 characters, its question read already. */
function speedLine(set: AnsweredSet, { scorer }: TestedSeed): BenchLine {
  const columns = set.matrix.candidates.length;
  const texts: string[] = [];
  for (let c = 0, text = ''; c < columns; c++)
    for (let row = 0; row < set.matrix.prompts.length; row++) {
      text += `${set.answers[row * columns + c]?.text ?? ''}\n`;
      if (text.length < ANSWER_CHARACTERS) continue;
      texts.push(text.slice(0, ANSWER_CHARACTERS));
      text = '';
    }
  const questions = set.matrix.prompts.map(({ request }) => scorer.readQuestion(request));
  const [candidate] = set.matrix.candidates;
  const times = new Float64Array(ROUNDS);
  for (let i = -WARM_UP; i < ROUNDS; i++) {
    const question = questions[(i + WARM_UP) % questions.length];
    const answer = { text: texts[(i + WARM_UP) % texts.length] };
    const started = performance.now();
    scorer.score({ question, candidate, success: 0.5, answer });
    if (i >= 0) times[i] = 1000 * (performance.now() - started);
  }
  times.sort();
  const note = `checks, numeric signals, n-grams and the head; ${texts.length} texts of ${ANSWER_CHARACTERS} characters, p99 ${quantileSorted(times, 0.99).toFixed(0)} µs`;
  return atMost('an answer scored, p50', quantileSorted(times, 0.5), 'µs', 300, note);
}

/** Tokens counted as characters, at `PRICES`. */
function costsOf({ answers, matrix }: AnsweredSet): Float32Array {
  const columns = matrix.candidates.length;
  return Float32Array.from(answers, (answer, cell) => {
    const [input, output] = PRICES[matrix.candidates[cell % columns]];
    const prompt = readPrompt(matrix.prompts[Math.floor(cell / columns)].request).text;
    const tokens = (characters: number) => Math.ceil(characters / CHARACTERS_A_TOKEN);
    return (input * tokens(prompt.length) + output * tokens(answer?.text.length ?? 0)) / 1e6;
  });
}

function priceList(): string {
  return Object.entries(PRICES)
    .map(([name, [input, output]]) => `${name} ${input}/${output}`)
    .join(', ');
}

/** Least share of the strong one's cost at which no more than a point is lost on these rows. */
function cheapestWithin(family: RoutingFamily, rows: TuningRows): number {
  let least = 1;
  for (const dial of family.dials) {
    const { costSaved, loss } = measureSetting(family, dial, rows);
    if (loss <= EPSILON) least = Math.min(least, 1 - (costSaved ?? 0));
  }
  return least;
}

function takeCells(values: Float32Array, rows: Int32Array, columns: number): Float32Array {
  const out = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => {
    out.set(values.subarray(row * columns, (row + 1) * columns), i * columns);
  });
  return out;
}

function qualities({ matrix }: AnsweredSet, rows: Int32Array, candidate: number): Float64Array {
  return Float64Array.from(rows, (row) => matrix.quality[row * matrix.candidates.length + candidate]);
}

function scoresOf(scores: Float32Array, { matrix }: AnsweredSet, candidate: number): Float64Array {
  const columns = matrix.candidates.length;
  return Float64Array.from({ length: scores.length / columns }, (_, i) => scores[i * columns + candidate]);
}

/** Area under the receiver operating characteristic: how often a good answer scores above a bad one; ties count half. */
function areaUnder(scores: Float32Array, set: AnsweredSet, rows: Int32Array, candidate: number): number {
  const own = scoresOf(scores, set, candidate);
  const good = qualities(set, rows, candidate);
  let [pairs, wins] = [0, 0];
  for (let i = 0; i < own.length; i++)
    for (let k = 0; k < own.length; k++) {
      if (good[i] <= good[k]) continue;
      pairs++;
      wins += own[i] > own[k] ? 1 : own[i] === own[k] ? 0.5 : 0;
    }
  return wins / pairs;
}

function gapRecovered(scores: Float32Array, set: AnsweredSet, rows: Int32Array, weak: number): number {
  const doubt = scoresOf(scores, set, weak).map((score) => -score);
  const strong = qualities(set, rows, set.matrix.candidates.indexOf(STRONG));
  return averageGapRecovered(strongShareCurve(rankByScore(doubt), strong, qualities(set, rows, weak)));
}

/** As it is, less its estimated noise, and as it would be if the probabilities were right. @param candidate null for all together */
function calibrationError({ byAnswer, rows }: TestedSeed, set: AnsweredSet, candidate: number | null) {
  const columns = set.matrix.candidates.length;
  const [scores, good] =
    candidate === null
      ? [byAnswer, takeCells(set.matrix.quality, rows, columns)]
      : [scoresOf(byAnswer, set, candidate), qualities(set, rows, candidate)];
  const bins = calibrationBins(scores, good, 10, null);
  const random = createRandom(1);
  let perfect = 0;
  for (let draw = 0; draw < PERFECT_DRAWS; draw++) {
    const drawn = Float64Array.from(scores, (score) => Number(random.next() < score));
    perfect += expectedCalibrationError(calibrationBins(scores, drawn, 10, null)) / PERFECT_DRAWS;
  }
  return [expectedCalibrationError(bins), debiasedCalibrationError(bins), perfect] as const;
}

function shown(values: readonly number[]): string {
  return values.map((value) => value.toFixed(value > 2 ? 1 : 4)).join(' ');
}
