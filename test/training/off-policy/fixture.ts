import { createRandom } from 'pointsman/internal';
import { createMatrix, type Matrix } from '../../../training/fit/rows.ts';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';

/** Prompts of two kinds that a feature, and on demand a task, tells apart. */
export interface LoggedWorld {
  readonly matrix: OutcomeMatrix;
  readonly features: Matrix;
  readonly kinds: Int32Array;
  /** Expected quality of each cell: `[prompts, candidates]` */
  readonly truth: Float64Array;
  /** What the log would have held of every cell. */
  readonly quality: Float64Array;
}

/** Mean quality of each kind and candidate: the best candidate differs, the second is best on the whole. */
export const QUALITY = [
  [0.8, 0.6, 0.3],
  [0.2, 0.7, 0.4],
] as const;

/**
 * A log of one candidate per prompt, in a world whose truth is known.
 * @param logging probability of each candidate for each kind of prompt
 */
export function loggedWorld(
  logging: readonly (readonly number[])[],
  { rows = 2000, seed = 1, tasks = false, keepPropensities = true } = {},
): LoggedWorld {
  const random = createRandom(seed);
  const columns = QUALITY[0].length;
  const empty = () => new Float32Array(rows * columns).fill(Number.NaN);
  const [observed, costUsd, latencyMs, propensity] = [empty(), empty(), empty(), empty()];
  const kinds = Int32Array.from({ length: rows }, () => random.integer(2));
  const features = createMatrix(rows, 4);
  const truth = new Float64Array(rows * columns);
  const quality = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    features.values[row * 4] = kinds[row];
    for (let i = 1; i < 4; i++) features.values[row * 4 + i] = random.normal();
    for (let c = 0; c < columns; c++) {
      truth[row * columns + c] = QUALITY[kinds[row]][c];
      quality[row * columns + c] = random.next() < QUALITY[kinds[row]][c] ? 1 : 0;
    }
    let at = random.next();
    const c = logging[kinds[row]].findIndex((p) => {
      at -= p;
      return at < 0;
    });
    const cell = row * columns + (c < 0 ? columns - 1 : c);
    observed[cell] = quality[cell];
    costUsd[cell] = 0.001 * 3 ** (cell % columns);
    latencyMs[cell] = 100;
    if (keepPropensities) propensity[cell] = logging[kinds[row]][cell % columns];
  }
  return {
    matrix: {
      candidates: ['a', 'b', 'c'],
      prompts: Array.from(kinds, (kind, row) => ({
        requestId: `r${row}`,
        timestampMs: null,
        request: { text: `prompt ${row}` },
        task: tasks ? `kind ${kind}` : null,
        tier: null,
        source: 'logged',
      })),
      quality: observed,
      costUsd,
      latencyMs,
      propensity,
    },
    features,
    kinds,
    truth,
    quality,
  };
}
