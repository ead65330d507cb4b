import { createRandom, mean, type UncertaintySpec } from 'pointsman/internal';
import { eachFold, type Matrix, principalDirections, takeRows } from '../fit/rows.ts';
import { allRows, isFullyObserved, type LearnerData } from './learner.ts';
import { encodePosterior, rowDifficulty } from './linear.ts';

/** Penalties of the linear learner, as shares of what outcomes weigh times feature variance. */
export interface LinearPenalties {
  readonly difficulty: number;
  readonly advantage: number;
}

interface PartScales {
  readonly difficulty: number;
  readonly advantage: number;
}

/** What the artifact has of it, and by how much the posterior was scaled. */
export interface FittedUncertainty {
  readonly spec: UncertaintySpec;
  readonly bytes: Uint8Array;
  /** What the variances of both parts were multiplied by. */
  readonly scales: PartScales;
  /** As it was before it was scaled. */
  readonly model: PosteriorModel;
}

const FILE = 'uncertainty.bin';

/** Directions weighed apart: with as many, standard errors are within 3 % of those by all of 397 (bench/experiments.md). */
const COMPONENTS = 128;

/** Second moments need no more rows. */
const MOST_ROWS = 4_000;

/** Rows of a set that scales are fitted on, in pairs. */
const MOST_HELD = 1_000;

/** Standard deviation of a scale, beforehand: what is unlike the linear learner in the stack makes it no more unsure than this. */
const SCALE_DEVIATION = 0.5;

const SCALE_BOUNDS = [0.1, 10] as const;

/** What was predicted of rows that nothing was fitted on. */
export interface HeldErrors {
  readonly features: Matrix;
  /** Outcome minus prediction, `[rows, candidates]`; NaN: unobserved. */
  readonly errors: Matrix;
  /** Near-duplicate group of each row: rows of one are no two rows. */
  readonly groups: ArrayLike<number>;
  /** Of the outcomes of the fit split, the share that the predictions were fitted on. */
  readonly share: number;
}

/**
 * How unsure the quality heads are: the posterior of the linear learner, on whose features and outcomes all learners rest, scaled to
 * how much the errors of the whole stack go together on rows that it has not seen. Two prompts that are alike share what was
 * not learned of them, so the product of their errors is as large as the posterior's covariance on average, whatever the noise of
 * an outcome (the regression of Haseman and Elston 1972). Where candidates are unevenly observed the second moments are those of
 * all rows, in proportion.
 *
 * @param outOfFold of the stack, `[rows, candidates]`
 */
export function fitUncertainty(
  data: LearnerData,
  outOfFold: Matrix,
  penalties: LinearPenalties,
  held: HeldErrors,
): FittedUncertainty {
  const { features, residuals } = data;
  const isFull = isFullyObserved(residuals);
  const every = Math.ceil(features.rows / MOST_ROWS);
  const sample = takeRows(
    features,
    allRows(features).filter((row) => row % every === 0),
  );
  const count = Math.min(COMPONENTS, features.columns, Math.floor(sample.rows / 4));
  const { directions, variances } = principalDirections(sample, count, data.seed);
  const components = variances.length;
  const total = sample.values.reduce((sum, x) => sum + x * x, 0) / sample.rows;
  const explained = variances.reduce((sum, variance) => sum + variance, 0);
  const rest = components < features.columns ? (total - explained) / (features.columns - components) : 0;
  const moments = Float32Array.from([rest, ...variances], (moment) => Math.max(0, moment));
  const errors = { ...residuals, values: residuals.values.map((value, i) => value - outOfFold.values[i]) };
  const { covariance, difficulty, outcomes } = leftOver(errors, data.weights, isFull);
  const unit = isFull ? features.rows : mean(outcomes);
  const spec: UncertaintySpec = {
    file: FILE,
    components,
    difficulty: {
      ...difficulty,
      penalty: penalties.difficulty * data.featureVariance * (isFull ? features.rows : difficulty.outcomes),
    },
    advantage: { outcomes, penalty: penalties.advantage * data.featureVariance * unit },
  };
  const model = { spec, moments, directions, covariance, length: features.columns };
  const scales = fitScales(model, isFull, [
    cut(held, data.seed),
    ...errorsByFold(data, errors).map((fold) => cut(fold, data.seed)),
  ]);
  return scaled(model, scales);
}

function scaled(model: PosteriorModel, scales: PartScales): FittedUncertainty {
  const { covariance, directions, length, moments, spec } = model;
  const { difficulty } = spec;
  const own = covariance.map((value) => value * scales.advantage);
  return {
    spec: { ...spec, difficulty: { ...difficulty, variance: difficulty.variance * scales.difficulty } },
    bytes: encodePosterior(moments, directions, own, length),
    scales,
    model,
  };
}

/** The same heads learned from half of the prompts, and what both fits expect of prompts that neither has learned from. */
export interface HalfFit {
  readonly half: FittedUncertainty;
  readonly features: Matrix; // [rows, length]
  readonly before: Matrix; // [rows, candidates], by half of the prompts
  readonly after: Matrix; // by all of them
}

const COVERAGE = 0.9;

/** Half the width of an interval that holds so much of a normal distribution, in standard deviations. */
const HALF_WIDTH = 1.6449;

/** Of fewer rows there is no such quantile to speak of. */
const FEWEST_ROWS = 50;

/**
 * Wide enough for what a fit on twice as much does. Of posterior means the later one is normal around the earlier one, with what the
 * earlier variance loses by as many outcomes again. Where 90 % of such intervals of the fit on half of the prompts do not hold what the
 * fit on all of them expects, variances are multiplied by what makes them do (normalised split conformal prediction: Lei et al.
 * 2018, section 5.2, the prediction of the later fit in the place of an outcome). So choices of penalties, weights and guards count,
 * which change with more data and of which the posterior knows nothing. They are never made smaller.
 */
export function widened(fitted: FittedUncertainty, refit: HalfFit): FittedUncertainty {
  const { advantage, difficulty } = movesOf(refit);
  const most = SCALE_BOUNDS[1];
  return scaled(fitted.model, {
    difficulty: Math.min(most, fitted.scales.difficulty * widening(difficulty)),
    advantage: Math.min(most, fitted.scales.advantage * widening(advantage)),
  });
}

/** How far expectations moved, in standard deviations: of rows on average, and of each candidate beside that. */
function movesOf({ after, before, features, half }: HalfFit) {
  const { model, scales } = half;
  const { advantage, difficulty } = model.spec;
  const { columns, rows } = after;
  const lost = (outcomes: number, penalty: number) => {
    const [now, later] = [outcomes, 2 * outcomes].map((count) => kernel(model, features, count, penalty));
    return (row: number) => now(row, row) - later(row, row);
  };
  const shared = lost(difficulty.outcomes, difficulty.penalty);
  const own = new Map<number, (row: number) => number>();
  for (const outcomes of advantage.outcomes)
    if (!own.has(outcomes)) own.set(outcomes, lost(outcomes, advantage.penalty));
  const moves = { difficulty: [] as number[], advantage: [] as number[] };
  for (let row = 0; row < rows; row++) {
    const moved = Array.from({ length: columns }, (_, c) => {
      const i = row * columns + c;
      return after.values[i] - before.values[i];
    });
    const all = mean(moved);
    const variance = difficulty.variance * scales.difficulty * shared(row);
    moves.difficulty.push(Math.abs(all) / Math.sqrt(variance));
    moved.forEach((each, c) => {
      const outcomes = advantage.outcomes[c];
      const variance = model.covariance[c * columns + c] * scales.advantage * (own.get(outcomes)?.(row) ?? 0);
      moves.advantage.push(Math.abs(each - all) / Math.sqrt(variance));
    });
  }
  return moves;
}

/** Of the variance. @param moves in standard deviations */
function widening(moves: readonly number[]): number {
  const known = moves.filter((move) => !Number.isNaN(move)).sort((a, b) => a - b);
  if (known.length < FEWEST_ROWS) return 1;
  const at = Math.min(known.length, Math.ceil(COVERAGE * (known.length + 1))) - 1;
  return Math.max(1, (known[at] / HALF_WIDTH) ** 2);
}

/** What the stack leaves of outcomes, out of fold. */
interface LeftOver {
  readonly difficulty: { readonly outcomes: number; readonly variance: number };
  /** Weight of each candidate's outcomes. */
  readonly outcomes: readonly number[];
  readonly covariance: Float64Array; // [candidates, candidates]
}

/**
 * Variances of errors as regression weighs them: Σ w² e² / Σ w, which is the variance where all weigh alike, and what weights
 * cost where they do not (White 1980).
 */
function leftOver(errors: Matrix, weights: Float32Array | null, isFull: boolean): LeftOver {
  const { rows, columns } = errors;
  const shared = rowDifficulty(errors, weights);
  let [outcomes, squares] = [0, 0];
  const observed = new Float64Array(columns);
  const products = new Float64Array(columns * columns);
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    const difficulty = shared.residuals.values[row];
    if (Number.isNaN(difficulty)) continue;
    const weight = isFull ? 1 : shared.weights[row];
    outcomes += weight;
    squares += (weight * difficulty) ** 2;
    for (let a = 0; a < columns; a++) {
      const one = weighed(from + a);
      if (Number.isNaN(one)) continue;
      observed[a] += weights === null ? 1 : weights[from + a];
      for (let b = 0; b < columns; b++) {
        const other = weighed(from + b);
        if (!Number.isNaN(other)) products[a * columns + b] += one * other;
      }
    }

    function weighed(i: number): number {
      const error = isFull ? errors.values[i] - difficulty : errors.values[i];
      return weights === null ? error : weights[i] * error;
    }
  }
  // Of a candidate that nobody has seen nothing is known but that it is one of them.
  const most = products.reduce((found, value, i) => {
    const c = Math.floor(i / columns);
    return i % columns === c && observed[c] > 0 ? Math.max(found, value / observed[c]) : found;
  }, 0);
  const covariance = products.map((value, i) => {
    const [a, b] = [Math.floor(i / columns), i % columns];
    if (observed[a] > 0 && observed[b] > 0) return value / Math.sqrt(observed[a] * observed[b]);
    return a === b ? most : 0;
  });
  return {
    difficulty: { outcomes, variance: squares / Math.max(1, outcomes) },
    outcomes: Array.from(observed, (n) => (n > 0 ? n : 1)),
    covariance,
  };
}

interface PosteriorModel {
  readonly spec: UncertaintySpec;
  readonly moments: Float32Array; // [1 + components]
  readonly directions: readonly number[]; // [components, features]
  readonly covariance: Float64Array; // [candidates, candidates]
  /** Of the features. */
  readonly length: number;
}

/** Errors on each fold, by what was fitted on the others. @param errors of all rows, `[rows, candidates]` */
function errorsByFold({ features, folds, groups }: LearnerData, errors: Matrix): HeldErrors[] {
  return eachFold(folds).map(({ fit, held }) => ({
    features: takeRows(features, held),
    errors: takeRows(errors, held),
    groups: held.map((row) => groups[row]),
    share: fit.length / folds.length,
  }));
}

/** With at most as many rows as pairs can be made of. */
function cut(held: HeldErrors, seed: number): HeldErrors {
  if (held.errors.rows <= MOST_HELD) return held;
  const some = createRandom(seed).shuffle(allRows(held.errors)).slice(0, MOST_HELD);
  return {
    ...held,
    features: takeRows(held.features, some),
    errors: takeRows(held.errors, some),
    groups: some.map((row) => held.groups[row]),
  };
}

/** By how much errors of rows of one set go together, as a share of what the posterior says. */
function fitScales(model: PosteriorModel, isFull: boolean, sets: readonly HeldErrors[]): PartScales {
  const difficulties = new Slope();
  const pairs = sets.map((held) => createPairs(model, isFull, held));
  for (const each of pairs) each.addDifficulties(difficulties);
  const difficulty = difficulties.scale();
  const advantages = new Slope();
  for (const each of pairs) each.addAdvantages(advantages, difficulty);
  return { difficulty, advantage: advantages.scale() };
}

function createPairs(
  model: PosteriorModel,
  isFull: boolean,
  { errors, features, groups, share }: HeldErrors,
) {
  const { covariance, spec } = model;
  const { columns, rows, values } = errors;
  const shared = rowDifficulty(errors, null).residuals.values;
  const own = isFull ? values.map((error, i) => error - shared[Math.floor(i / columns)]) : values;
  const { difficulty, advantage } = spec;
  const variance = difficulty.variance;
  const common = kernel(model, features, share * difficulty.outcomes, share * difficulty.penalty);
  const kernels = new Map<number, Kernel>();
  const ownKernels = advantage.outcomes.map((outcomes) => {
    const made =
      kernels.get(outcomes) ?? kernel(model, features, share * outcomes, share * advantage.penalty);
    kernels.set(outcomes, made);
    return made;
  });
  const eachPair = (use: (i: number, j: number) => void) => {
    for (let i = 0; i < rows; i++) for (let j = 0; j < i; j++) if (groups[i] !== groups[j]) use(i, j);
  };
  return {
    addDifficulties(slope: Slope) {
      eachPair((i, j) => {
        const expected = variance * common(i, j);
        if (isFull) {
          slope.add(expected, shared[i] * shared[j]);
          return;
        }
        // Outcomes of one candidate have more in common than how hard the prompts are.
        for (let a = 0; a < columns; a++)
          for (let b = 0; b < columns; b++)
            if (a !== b) slope.add(expected, values[i * columns + a] * values[j * columns + b]);
      });
    },
    addAdvantages(slope: Slope, scale: number) {
      eachPair((i, j) => {
        let [expected, seen] = [0, 0];
        const both = isFull ? 0 : scale * variance * common(i, j);
        const alike = kernels.size === 1 ? ownKernels[0](i, j) : 0;
        for (let c = 0; c < columns; c++) {
          const product = own[i * columns + c] * own[j * columns + c];
          if (Number.isNaN(product)) continue;
          expected += covariance[c * columns + c] * (kernels.size === 1 ? alike : ownKernels[c](i, j));
          seen += product - both;
        }
        if (expected !== 0) slope.add(expected, seen);
      });
    },
  };
}

type Kernel = (i: number, j: number) => number;

/**
 * x' (outcomes · moments + penalty)⁻¹ y of any two rows along the directions, and what is not known of the mean. What lies outside of them
 * two rows hardly share.
 */
function kernel(
  { directions, moments, spec: { components } }: PosteriorModel,
  { columns, rows, values }: Matrix,
  outcomes: number,
  penalty: number,
): Kernel {
  const mapped = new Float32Array(rows * components);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < components; k++) {
      let along = 0;
      for (let i = 0; i < columns; i++) along += directions[k * columns + i] * values[row * columns + i];
      mapped[row * components + k] = along / Math.sqrt(outcomes * moments[1 + k] + penalty);
    }
  }
  return (i, j) => {
    let sum = 1 / outcomes;
    const [a, b] = [i * components, j * components];
    for (let k = 0; k < components; k++) sum += mapped[a + k] * mapped[b + k];
    return sum;
  };
}

/** Regression through 0 of products of errors on what is expected of them. */
class Slope {
  #products = 0;
  #squares = 0;
  #noise = 0;

  /** A product that is NaN is of what was not observed. */
  add(expected: number, product: number): void {
    if (Number.isNaN(product)) return;
    this.#products += expected * product;
    this.#squares += expected * expected;
    this.#noise += (expected * product) ** 2;
  }

  /** Between the slope and 1, by how sure the slope is (White 1980): pairs that share a row are hardly dependent. */
  scale(): number {
    if (!(this.#squares > 0) || !(this.#noise > 0)) return 1;
    const sureness = this.#squares ** 2 / this.#noise;
    const prior = 1 / SCALE_DEVIATION ** 2;
    const slope = this.#products / this.#squares;
    const [least, most] = SCALE_BOUNDS;
    return Math.min(most, Math.max(least, (prior + sureness * slope) / (prior + sureness)));
  }
}
