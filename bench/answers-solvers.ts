import {
  argMax,
  dot,
  type EarlierAnswer,
  EVIDENCE_LENGTH,
  evidenceInto,
  largest,
  logit,
  nextToAsk,
  UNASKED_LENGTH,
  unaskedInto,
} from 'pointsman/internal';
import { columnMeans } from '../training/evaluate/evaluation-input.ts';
import { costQualityHull, mixAtCost } from '../training/evaluate/metrics.ts';
import {
  earlierExamples,
  fitEarlierHead,
  fitUnaskedHead,
  unaskedExamples,
} from '../training/learners/answer.ts';
import { takeCells } from '../training/outcomes/matrix.ts';
import { splitOutcomes } from '../training/split/split.ts';
import { type AnsweredSet, calibrate, fitOnAnswers, sampleAnswers } from './answered-set.ts';
import { atLeast, type BenchLine, plain } from './bench-line.ts';

const PROMPTS = 2_000;
const SIZES = { fit: 0.56, calibrate: 0.14, test: 0.3 };
const SEEDS = [0, 1, 2];
/** Thresholds of what is expected before a candidate is asked, and of its answer after. */
const DIALS = Array.from({ length: 41 }, (_, i) => i / 40);
const COSTS = 40;
/** Thresholds of cascades that begin with whom the prompt prefers: fewer, as there is one for each worth. */
const PASSES = Array.from({ length: 11 }, (_, i) => i / 10);
const SKIPS = [0, 0.3, 0.6];

/** Prompts' worth of a thousandth of a US dollar, from one that buys nothing to one that buys all. */
const WORTHS = Array.from({ length: 61 }, (_, i) => 10 ** (-3 + i / 10));

/** Mean cost and quality of a way to ask, over some prompts. */
type Way = (rows: Int32Array) => { readonly cost: number; readonly quality: number };

/** Ways to ask that are set apart from each other: by what is expected of prompts, and by what answers say too. */
const KINDS = ['prompt', 'cascade', 'preferred', 'routing'] as const;

/**
 * The sample traffic's eight programs, asked by what the prompt says alone, and by what answers say too: in cascades, and by cascade
 * routing. For each of 40 costs up to that of always asking the dearest, each is set on the prompts that were learned from, by what
 * was said of them out of fold, and measured on the others.
 */
export async function benchSolvers(): Promise<BenchLine[]> {
  const set = await sampleAnswers(PROMPTS);
  const runs: Awaited<ReturnType<typeof qualitiesOf>>[] = [];
  for (const seed of SEEDS) runs.push(await qualitiesOf(set, seed));
  const gainsOver = (kind: (typeof KINDS)[number], other: (typeof KINDS)[number]) =>
    Array.from(
      { length: COSTS },
      (_, i) =>
        runs.reduce((sum, { qualities }) => sum + qualities[kind][i] - qualities[other][i], 0) / runs.length,
    );
  const most = runs.map((run) => (1000 * run.most).toFixed(3)).join(', ');
  const note = `${COSTS} costs up to USD ${most} a 1,000 prompts; ${PROMPTS} prompts of the sample traffic, mean of ${SEEDS.length} splits`;
  const lines = (name: string, gains: readonly number[], target: number | null): BenchLine[] => {
    const beaten = gains.filter((gain) => gain > 0).length;
    return [
      target === null ? plain(name, beaten, '', note) : atLeast(name, beaten, '', target, note),
      plain(
        '  mean gain in quality',
        gains.reduce((a, b) => a + b) / COSTS,
        '',
        `from the lowest cost to the highest: ${gains.map((gain) => gain.toFixed(4)).join(' ')}`,
      ),
    ];
  };
  return [
    ...lines('costs at which cascade routing beats asking by prompts', gainsOver('routing', 'prompt'), COSTS),
    ...lines(
      'costs at which cascades on answers beat asking by prompts',
      gainsOver('cascade', 'prompt'),
      null,
    ),
    ...lines(
      'costs at which cascades on answers that begin with whom the prompt prefers do',
      gainsOver('preferred', 'prompt'),
      COSTS,
    ),
    ...lines(
      'costs at which cascade routing beats cascades on answers',
      gainsOver('routing', 'cascade'),
      null,
    ),
  ];
}

/** Quality at each cost, on the test prompts of one split; the highest cost is that of always asking the dearest. */
async function qualitiesOf(set: AnsweredSet, seed: number) {
  const order = byCost(set);
  const { splits } = splitOutcomes(set.matrix, { sizes: SIZES, seed, groups: set.groups });
  const read = await fitOnAnswers(set, splits.fit.rows, seed);
  const expected = calibrate(set, read.promptLogits, splits.calibrate.rows, seed);
  const calibrator = calibrate(set, read.logits, splits.calibrate.rows, seed);
  const success = read.promptLogits.map((logit) => expected.probability(logit));
  // By themselves: who was asked before depends on the setting.
  const scores = read.logits.map((logit, cell) =>
    set.answers[cell] === null ? 0 : calibrator.probability(logit),
  );
  const known: Known = {
    ...{ set, order, success, scores, logits: read.logits },
    expectedCostUsd: columnMeans(set.matrix.costUsd, set.matrix.candidates.length, splits.fit.rows),
    ...(await fitChain(set, order, splits.fit.rows, read.logits, success, scores)),
  };
  const ways: Record<(typeof KINDS)[number], Way[]> = {
    prompt: [
      ...DIALS.map(
        (dial): Way =>
          (rows) =>
            cascade(known, rows, dial, 0),
      ),
      ...WORTHS.map(
        (worth): Way =>
          (rows) =>
            byPromise(known, rows, worth, 1),
      ),
    ],
    cascade: DIALS.flatMap((skip) =>
      DIALS.map(
        (accept): Way =>
          (rows) =>
            cascade(known, rows, skip, accept),
      ),
    ),
    preferred: WORTHS.flatMap((worth) => [
      ...PASSES.flatMap((accept) =>
        SKIPS.map(
          (skip): Way =>
            (rows) =>
              fromPreferred(
                known,
                rows,
                worth,
                (score, cell, isLast) => score < accept && (isLast || success[cell] >= skip),
              ),
        ),
      ),
      (rows: Int32Array) =>
        fromPreferred(
          known,
          rows,
          worth,
          (score, cell) => (1 - score) * success[cell] > priceOf(known, cell, worth),
        ),
    ]),
    routing: WORTHS.map(
      (worth): Way =>
        (rows) =>
          byPromise(known, rows, worth, order.length),
    ),
  };
  // A threshold above any probability leaves the last.
  const most = cascade(known, splits.fit.rows, 2, 0).cost;
  const qualities = Object.fromEntries(
    KINDS.map((kind) => {
      const hull = costQualityHull(ways[kind].map((way) => ({ way, ...way(splits.fit.rows) })));
      return [
        kind,
        Array.from({ length: COSTS }, (_, i) => qualityAt(hull, (most * (i + 1)) / COSTS, splits.test.rows)),
      ];
    }),
  ) as Record<(typeof KINDS)[number], number[]>;
  return { qualities, most };
}

/** Quality of the mixture of ways that was best at this cost on the prompts learned from. */
function qualityAt(
  hull: readonly { readonly way: Way; readonly cost: number; readonly quality: number }[],
  budget: number,
  rows: Int32Array,
): number {
  const shares = mixAtCost(hull, budget);
  return hull.reduce((sum, { way }, i) => sum + (shares[i] > 0 ? shares[i] * way(rows).quality : 0), 0);
}

/** Probabilities by the prompt, and by the answer: `[prompts, candidates]`. */
interface Known {
  readonly set: AnsweredSet;
  /** Candidates, cheapest first. */
  readonly order: readonly number[];
  readonly success: Float32Array;
  readonly scores: Float32Array;
  /** By the answer, not calibrated. */
  readonly logits: Float32Array;
  /** Mean cost of each candidate on the prompts that were learned from. */
  readonly expectedCostUsd: Float64Array;
  /** Logits that answers are good, each in the light of the others. @param cells of one prompt */
  weigh(cells: readonly number[]): number[];
  /** How likely a candidate is to be good where the best of these answers is bad. */
  unasked(success: number, cells: readonly number[], best: number): number;
}

/** What answers to one prompt say of each other, and of whoever was not asked: learned as training does, on the prompts learned from. */
async function fitChain(
  { matrix }: AnsweredSet,
  order: readonly number[],
  rows: Int32Array,
  logits: Float32Array,
  success: Float32Array,
  scores: Float32Array,
): Promise<Pick<Known, 'weigh' | 'unasked'>> {
  const columns = matrix.candidates.length;
  const { keys, places } = matrix.answers;
  const keyOf = (cell: number) => (Number.isNaN(places[cell]) ? null : keys[places[cell]]);
  const quality = takeCells(matrix.quality, columns, rows);
  const cellsOf = Array.from(rows, (row) =>
    Array.from({ length: columns }, (_, c) => row * columns + c),
  ).flat();
  const answered = {
    candidates: columns,
    keys: cellsOf.map(keyOf),
    logits: takeCells(logits, columns, rows),
    quality,
  };
  const earlier = await fitEarlierHead(earlierExamples(answered, order));
  const evidence = new Float32Array(EVIDENCE_LENGTH);
  const alone = (score: number) => logit(Math.min(1 - 1e-6, Math.max(1e-6, score)));
  const beside = (own: EarlierAnswer, others: readonly EarlierAnswer[], score: number) => {
    if (others.length === 0) return alone(score);
    evidenceInto(own, others, evidence);
    return earlier.bias[0] + dot(earlier.kernel, evidence);
  };
  const weighAll = (answers: readonly EarlierAnswer[], scored: readonly number[]) =>
    answers.map((own, i) =>
      beside(
        own,
        answers.filter((other) => other !== own),
        scored[i],
      ),
    );
  const scoreOf = new Map(cellsOf.map((cell) => [logits[cell], scores[cell]]));
  const examples = unaskedExamples(
    answered,
    { success: takeCells(success, columns, rows).map(alone), scored: quality },
    (answers) =>
      weighAll(
        answers,
        answers.map(({ logit }) => scoreOf.get(logit) ?? 0.5),
      ),
  );
  const head = await fitUnaskedHead(examples);
  const out = new Float32Array(UNASKED_LENGTH);
  const answersOf = (cells: readonly number[]) =>
    cells.map((cell) => ({ logit: logits[cell], key: keyOf(cell) ?? '' }));
  return {
    weigh: (cells) =>
      weighAll(
        answersOf(cells),
        cells.map((cell) => scores[cell]),
      ),
    unasked(probability, cells, best) {
      unaskedInto(
        alone(probability),
        best,
        answersOf(cells).map(({ key }) => key),
        out,
      );
      return 1 / (1 + Math.exp(-(head.bias[0] + dot(head.kernel, out))));
    },
  };
}

function byCost({ matrix: { candidates, costUsd } }: AnsweredSet): number[] {
  const sums = candidates.map(() => 0);
  costUsd.forEach((cost, cell) => {
    sums[cell % candidates.length] += cost;
  });
  return [...sums.keys()].sort((a, b) => sums[a] - sums[b]);
}

/** The first that is likely enough to be asked, and whose answer is likely enough to be good; else the last. */
function cascade({ order, scores, set, success }: Known, rows: Int32Array, skip: number, accept: number) {
  const { candidates, costUsd, quality } = set.matrix;
  const last = order[order.length - 1];
  const sums = { cost: 0, quality: 0 };
  for (const row of rows)
    for (const c of order) {
      const cell = row * candidates.length + c;
      if (c !== last && success[cell] < skip) continue;
      sums.cost += costUsd[cell] / rows.length;
      if (c !== last && scores[cell] < accept) continue;
      sums.quality += quality[cell] / rows.length;
      break;
    }
  return sums;
}

/** What asking is expected to cost, as a part of what quality is worth: see `byPromise`. */
function priceOf({ expectedCostUsd }: Known, cell: number, worth: number): number {
  return (1000 * expectedCostUsd[cell % expectedCostUsd.length]) / worth;
}

/**
 * The one of the highest utility first, then dearer ones in turn, of which the last that was asked counts.
 * @param asks whether a dearer one is asked after an answer of such a score
 */
function fromPreferred(
  known: Known,
  rows: Int32Array,
  worth: number,
  asks: (score: number, cell: number, isLast: boolean) => boolean,
) {
  const { order, scores, set, success } = known;
  const { candidates, costUsd, quality } = set.matrix;
  const sums = { cost: 0, quality: 0 };
  for (const row of rows) {
    const cells = order.map((c) => row * candidates.length + c);
    const first = argMax(cells.map((cell) => success[cell] - priceOf(known, cell, worth)));
    let answer = cells[first];
    sums.cost += costUsd[answer] / rows.length;
    for (const cell of cells.slice(first + 1)) {
      if (!asks(scores[answer], cell, cell === cells[cells.length - 1])) continue;
      answer = cell;
      sums.cost += costUsd[cell] / rows.length;
    }
    sums.quality += quality[answer] / rows.length;
  }
  return sums;
}

/**
 * Cascade routing: whoever promises most for its price, given the answers so far, while that is worth it. The likeliest answer counts, and
 * an answer without words is bad. @param worth USD a 1,000 prompts that all of quality is worth @param times how many may be asked
 */
function byPromise(known: Known, rows: Int32Array, worth: number, times: number) {
  const { order, set, success } = known;
  const { candidates, costUsd, quality } = set.matrix;
  const sums = { cost: 0, quality: 0 };
  for (const row of rows) {
    const at = row * candidates.length;
    const promises = order.map((c) => ({
      success: success[at + c],
      utility: success[at + c] - (1000 * known.expectedCostUsd[c]) / worth,
    }));
    // Where nobody else may be asked, nobody is asked in hope.
    const placeOf = ({ success, utility }: { success: number; utility: number }) =>
      utility > 0 && times > 1 ? utility / success : utility;
    let left = [...order.keys()];
    let next = left.reduce((a, b) => (placeOf(promises[b]) > placeOf(promises[a]) ? b : a));
    const said: number[] = [];
    let [answer, best] = [-1, 0];
    for (let asked = 0; asked < times; asked++) {
      const cell = at + order[next];
      left = left.filter((step) => step !== next);
      sums.cost += costUsd[cell] / rows.length;
      if (set.answers[cell] !== null) said.push(cell);
      if (answer === -1) answer = cell;
      const logits = said.length === 0 ? [] : known.weigh(said);
      const most = largest(logits);
      if (said.length > 0) [answer, best] = [said[logits.indexOf(most)], 1 / (1 + Math.exp(-most))];
      if (left.length === 0) break;
      const following = nextToAsk({ quality: 1, promises }, left, (each) =>
        said.length === 0 ? each : known.unasked(each, said, most),
      );
      if (best >= following.under) break;
      next = following.step;
    }
    sums.quality += quality[answer] / rows.length;
  }
  return sums;
}
