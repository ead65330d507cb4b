import { createRandom, mean, type UncertaintySpec } from 'pointsman/internal';
import { eachFold, type Matrix, principalDirections, takeRows } from '../fit/rows.ts';
import { allRows, isFullyObserved, type LearnerData } from './learner.ts';
import { rowDifficulty } from './linear.ts';

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
  const model = { spec, moments, directions, covariance };
  const scales = fitScales(model, isFull, [
    cut(held, data.seed),
    ...errorsByFold(data, errors).map((fold) => cut(fold, data.seed)),
  ]);
  const scaled = covariance.map((value) => value * scales.advantage);
  return {
    spec: { ...spec, difficulty: { ...spec.difficulty, variance: difficulty.variance * scales.difficulty } },
    bytes: encode(moments, directions, scaled, features.columns),
    scales,
  };
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

/** As `UncertaintySpec` says. */
function encode(
  moments: Float32Array,
  directions: readonly number[],
  covariance: Float64Array,
  length: number,
): Uint8Array {
  const components = moments.length - 1;
  const scales = Float32Array.from({ length: components }, (_, k) => {
    let most = 0;
    for (let i = 0; i < length; i++) most = Math.max(most, Math.abs(directions[k * length + i]));
    return most / 127;
  });
  const numbers = [...moments, ...scales, ...covariance];
  const bytes = new Uint8Array(4 * numbers.length + directions.length);
  const view = new DataView(bytes.buffer);
  numbers.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  directions.forEach((value, i) => {
    const scale = scales[Math.floor(i / length)];
    view.setInt8(4 * numbers.length + i, scale > 0 ? Math.round(value / scale) : 0);
  });
  return bytes;
}
