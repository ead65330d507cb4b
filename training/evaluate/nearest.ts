import { createRandom } from 'pointsman/internal';
import type { Matrix } from '../fit/rows.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';

interface NearestNeighboursOptions {
  readonly neighbours: number;
  readonly maxTrainRows: number;
  readonly seed: number;
  /** Used where no neighbour was observed: [candidates] */
  readonly fallback: ArrayLike<number>;
}

/**
 * The plain kNN baseline: a candidate's expected quality is its mean over the prompt's nearest training prompts
 * by cosine, observed ones alone, each counting the same.
 * @param embeddings of every prompt of the matrix: `[prompts, dimensions]`
 * @param prompts matrix rows to predict: `[rows]`
 * @returns `[rows, candidates]`
 */
export function nearestNeighbours(
  matrix: OutcomeMatrix,
  embeddings: Matrix,
  train: Int32Array,
  prompts: Int32Array,
  { neighbours, maxTrainRows, seed, fallback }: NearestNeighboursOptions,
): Float64Array {
  const candidates = matrix.candidates.length;
  const known =
    train.length <= maxTrainRows
      ? train
      : createRandom(seed).shuffle(train.slice()).slice(0, maxTrainRows).sort();
  const search = new CosineSearch(unitRows(embeddings, known), Math.min(neighbours, known.length));
  const estimates = new Float64Array(prompts.length * candidates);
  for (let from = 0; from < prompts.length; from += TOGETHER) {
    const block = prompts.subarray(from, from + TOGETHER);
    for (const [i, nearest] of search.nearest(unitRows(embeddings, block)).entries())
      for (let c = 0; c < candidates; c++) {
        let sum = 0;
        let seen = 0;
        for (const at of nearest) {
          const quality = matrix.quality[known[at] * candidates + c];
          if (Number.isNaN(quality)) continue;
          sum += quality;
          seen++;
        }
        estimates[(from + i) * candidates + c] = seen > 0 ? sum / seen : fallback[c];
      }
  }
  return estimates;
}

/** Copies rows scaled to length 1; a zero vector stays zero. */
function unitRows({ columns, values }: Matrix, rows: Int32Array): Matrix {
  const unit = new Float32Array(rows.length * columns);
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i] * columns;
    let squares = 0;
    for (let d = 0; d < columns; d++) squares += values[from + d] ** 2;
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let d = 0; d < columns; d++) unit[i * columns + d] = values[from + d] * scale;
  }
  return { rows: rows.length, columns, values: unit };
}

/** Rows that are compared at once: each stored number is read once for all of them. */
const TOGETHER = 4;

/** Rows of length 1 as whole numbers of 16 bits: this for 1, so that no product of two rows needs more than 31 bits. */
const ONE = 32_767;
const LANES = 8;

/** What rounding of doubles may add to the difference of two cosines. */
const SLACK = 1e-9;

/**
 * Finds the most similar of some rows, as exactly as if all were compared in double precision: rows are compared as whole numbers
 * first, eight at a time, which says how similar two are up to what rounding has cost them. What may be among the nearest by that
 * is then compared as it is.
 */
class CosineSearch {
  readonly #stored: Matrix;
  readonly #count: number;
  readonly #width: number;
  /** Most that rounding has moved a stored row. */
  readonly #moved: number;
  readonly #memory: WebAssembly.Memory;
  readonly #compare: Compare;

  /** @param stored rows of length 1 or 0 @param count how many are to be found */
  constructor(stored: Matrix, count: number) {
    this.#stored = stored;
    this.#count = count;
    this.#width = Math.ceil(stored.columns / LANES) * LANES;
    const bytes = 2 * this.#width * (TOGETHER + upToPair(stored.rows)) + 4 * TOGETHER * upToPair(stored.rows);
    this.#memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 2 ** 16) });
    const { exports } = new WebAssembly.Instance(compiled(), { m: { m: this.#memory } });
    this.#compare = exports.c as Compare;
    this.#moved = this.#round(stored, TOGETHER);
  }

  /** @param asked up to `TOGETHER` rows of length 1 or 0 @returns for each, which stored rows are nearest; of equals, the first */
  nearest(asked: Matrix): Int32Array[] {
    const { rows } = this.#stored;
    const moved = this.#round(asked, 0);
    // Of two cosines, each may be off by this; lengths are 1 up to single precision.
    const most = 1.00001 * (moved + this.#moved + moved * this.#moved) + SLACK;
    const [stored, out] = [2 * this.#width * TOGETHER, 2 * this.#width * (TOGETHER + upToPair(rows))];
    this.#compare(0, stored, 2 * this.#width, upToPair(rows) / 2, out);
    return Array.from({ length: asked.rows }, (_, i) => {
      const rough = new Int32Array(this.#memory.buffer, out + 4 * i * upToPair(rows), rows);
      const found = largest(rough, this.#count);
      const least =
        found.reduce((lowest, at) => Math.min(lowest, rough[at]), ONE * ONE) - 2 * most * ONE * ONE;
      const near: number[] = [];
      for (let at = 0; at < rows; at++) if (rough[at] >= least) near.push(at);
      const own = asked.values.subarray(i * asked.columns, (i + 1) * asked.columns);
      const exact = Float64Array.from(near, (at) => this.#cosine(own, at));
      return largest(exact, this.#count).map((at) => near[at]);
    });
  }

  #cosine(own: Float32Array, at: number): number {
    const { columns, values } = this.#stored;
    let sum = 0;
    for (let d = 0, from = at * columns; d < columns; d++) sum += values[from + d] * own[d];
    return sum;
  }

  /** Writes rows as whole numbers, from a row of the memory on. @returns the most that one of them was moved, as a length */
  #round({ columns, rows, values }: Matrix, first: number): number {
    const whole = new Int16Array(this.#memory.buffer, 2 * this.#width * first, this.#width * rows);
    let most = 0;
    for (let row = 0; row < rows; row++) {
      let squares = 0;
      for (let d = 0; d < columns; d++) {
        const value = ONE * values[row * columns + d];
        const rounded = Math.round(value);
        whole[row * this.#width + d] = rounded;
        squares += (value - rounded) ** 2;
      }
      most = Math.max(most, squares);
    }
    return Math.sqrt(most) / ONE;
  }
}

function upToPair(rows: number): number {
  return rows + (rows % 2);
}

/** Positions of the k largest values, in no order; of equals, the first. */
function largest(values: Float64Array | Int32Array, k: number): Int32Array {
  const kept = new Int32Array(k);
  let size = 0;
  let lowest = 0;
  const findLowest = () => {
    lowest = 0;
    for (let i = 1; i < size; i++) {
      const difference = values[kept[i]] - values[kept[lowest]];
      if (difference < 0 || (difference === 0 && kept[i] > kept[lowest])) lowest = i;
    }
  };
  for (let i = 0; i < values.length; i++) {
    if (size < k) {
      kept[size++] = i;
      if (size === k) findLowest();
    } else if (k > 0 && values[i] > values[kept[lowest]]) {
      kept[lowest] = i;
      findLowest();
    }
  }
  return kept;
}

/**
 * Products of four rows with each of so many pairs of rows: `[4, 2 * pairs]` whole numbers of 32 bits. All but the count are places
 * and lengths in bytes.
 */
type Compare = (asked: number, stored: number, width: number, pairs: number, out: number) => void;

let module: WebAssembly.Module | undefined;
function compiled(): WebAssembly.Module {
  module ??= new WebAssembly.Module(Buffer.from(KERNEL, 'base64'));
  return module;
}

/** WebAssembly in base64: `test/training/evaluate/compare-kernel.ts` writes it, instruction by instruction. */
const KERNEL =
  'AGFzbQEAAAABCQFgBX9/f39/AAIIAQFtAW0CAAEDAgEABwUBAWMAAAqtBQGqBQIHfwt7IAAgAmohCSAJIAJqIQogCiACaiELIANBA3QhBwNA' +
  '/QwAAAAAAAAAAAAAAAAAAAAAIQz9DAAAAAAAAAAAAAAAAAAAAAAhDf0MAAAAAAAAAAAAAAAAAAAAACEO/QwAAAAAAAAAAAAAAAAAAAAAIQ/9' +
  'DAAAAAAAAAAAAAAAAAAAAAAhEP0MAAAAAAAAAAAAAAAAAAAAACER/QwAAAAAAAAAAAAAAAAAAAAAIRL9DAAAAAAAAAAAAAAAAAAAAAAhEyAB' +
  'IAJqIQZBACEFA0AgASAFav0AAwAhFCAGIAVq/QADACEVIAAgBWr9AAMAIRYgDCAWIBT9ugH9rgEhDCANIBYgFf26Af2uASENIAkgBWr9AAMA' +
  'IRYgDiAWIBT9ugH9rgEhDiAPIBYgFf26Af2uASEPIAogBWr9AAMAIRYgECAWIBT9ugH9rgEhECARIBYgFf26Af2uASERIAsgBWr9AAMAIRYg' +
  'EiAWIBT9ugH9rgEhEiATIBYgFf26Af2uASETIAVBEGohBSAFIAJJDQALIAQhCCAIIAz9GwAgDP0bAWogDP0bAmogDP0bA2o2AgAgCCAN/RsA' +
  'IA39GwFqIA39GwJqIA39GwNqNgIEIAggB2ohCCAIIA79GwAgDv0bAWogDv0bAmogDv0bA2o2AgAgCCAP/RsAIA/9GwFqIA/9GwJqIA/9GwNq' +
  'NgIEIAggB2ohCCAIIBD9GwAgEP0bAWogEP0bAmogEP0bA2o2AgAgCCAR/RsAIBH9GwFqIBH9GwJqIBH9GwNqNgIEIAggB2ohCCAIIBL9GwAg' +
  'Ev0bAWogEv0bAmogEv0bA2o2AgAgCCAT/RsAIBP9GwFqIBP9GwJqIBP9GwNqNgIEIAggB2ohCCAGIAJqIQEgBEEIaiEEIANBAWsiAw0ACws=';
