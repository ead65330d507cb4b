import type { FoldProgress } from '../head/fit-progress.ts';
import type { Matrix } from '../head/matrix.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { fitPropensities, observedShares } from './fit-propensities.ts';
import { propensityFeatures } from './propensity-features.ts';

/** How likely it was that the log holds what it holds. */
export interface LoggingPropensities {
  /** Probability that the cell was observed; NaN where nothing was. `[prompts, candidates]` */
  readonly values: Float64Array;
  /** Probability that the log gave the prompt to the candidate, seen or not; NaN where the log does not say. `[prompts, candidates]` */
  readonly policy?: Float64Array;
  /** 1 for the prompts with an outcome of any candidate: `[prompts]` */
  readonly answered: Uint8Array;
  /** `fitted` where at least one had to be estimated. */
  readonly source: 'logged' | 'fitted';
  /** What must hold for them to be right, in a sentence. */
  readonly assumption: string;
  /** Prompts with an outcome whose propensities were logged, or are certain as every candidate answered. */
  readonly knownRows: number;
  /** Prompts with an outcome whose propensities were estimated. */
  readonly fittedRows: number;
}

export interface PropensityOptions {
  /**
   * Of every prompt of the matrix, `[prompts, features]`; a function is asked for them where some propensity must be estimated.
   * @default null: task and tier alone
   */
  readonly features?: Matrix | null | (() => Matrix);
  /** Prompts that are looked at; others stay NaN. @default all */
  readonly rows?: Int32Array;
  /** Near-duplicate group of each prompt of the matrix. @default each its own */
  readonly groups?: Int32Array;
  /** For cross-fitting. @default 5 */
  readonly folds?: number;
  /** Deals the folds. @default 0 */
  readonly seed?: number;
  readonly onFold?: (progress: FoldProgress) => void;
}

/** An estimate below this is not to be told from 0; a weight of its inverse is far beyond where weights are cut. */
const LEAST_ESTIMATE = 1e-6;

/**
 * The propensity of every observed cell: the logged one where the log has it, 1 where every candidate answered, else an
 * estimate. A prompt with one answer has that candidate's probability in a multinomial logistic model of prompt, task and tier,
 * cross-fitted by near-duplicate group; one with k of more answers k times that, at most 1.
 *
 * Qualities are never looked at, only where there is one.
 */
export async function loggingPropensities(
  matrix: OutcomeMatrix,
  options: PropensityOptions = {},
): Promise<LoggingPropensities> {
  const columns = matrix.candidates.length;
  const rows = options.rows ?? Int32Array.from(matrix.prompts.keys());
  const values = new Float64Array(matrix.quality.length).fill(Number.NaN);
  const policy = new Float64Array(matrix.quality.length).fill(Number.NaN);
  const unknown: number[] = [];
  const answered = new Uint8Array(matrix.prompts.length);
  let knownRows = 0;
  for (const row of rows) {
    const cells = observedCells(matrix, row);
    if (cells.length === 0) continue;
    answered[row] = 1;
    const logged = cells.every((cell) => matrix.propensity[cell] > 0);
    if (!logged && cells.length < columns) {
      unknown.push(row);
      continue;
    }
    knownRows++;
    for (const cell of cells) values[cell] = logged ? matrix.propensity[cell] : 1;
    putPolicy(matrix, row, cells, values, policy);
  }
  if (unknown.length > 0) await estimate(matrix, Int32Array.from(unknown), options, values);
  return {
    values,
    policy,
    answered,
    source: unknown.length > 0 ? 'fitted' : 'logged',
    assumption: assumptionOf(knownRows, unknown.length),
    knownRows,
    fittedRows: unknown.length,
  };
}

/**
 * What is known of all candidates of a prompt: what the log says, or that a candidate with propensity 1 was the only one that
 * could be asked, or that all of them were.
 */
function putPolicy(
  { candidates, policy: logged }: OutcomeMatrix,
  row: number,
  cells: readonly number[],
  values: Float64Array,
  policy: Float64Array,
): void {
  const columns = candidates.length;
  const from = row * columns;
  const isCertain = cells.every((cell) => values[cell] === 1);
  for (let cell = from; cell < from + columns; cell++) {
    if (logged !== undefined && !Number.isNaN(logged[cell])) policy[cell] = logged[cell];
    else if (isCertain) policy[cell] = 0;
  }
  for (const cell of cells) policy[cell] = values[cell];
}

async function estimate(
  matrix: OutcomeMatrix,
  rows: Int32Array,
  { features = null, groups, folds = 5, seed = 0, onFold }: PropensityOptions,
  values: Float64Array,
): Promise<void> {
  const columns = matrix.candidates.length;
  const observed = (i: number, c: number) => !Number.isNaN(matrix.quality[rows[i] * columns + c]);
  const fitted = await fitPropensities(
    propensityFeatures(matrix, typeof features === 'function' ? features() : features, rows),
    observedShares(observed, rows.length, columns),
    {
      groups: Int32Array.from(rows, (row) => groups?.[row] ?? row),
      folds,
      seed,
      ...(onFold === undefined ? {} : { onFold }),
    },
  );
  rows.forEach((row, i) => {
    const cells = observedCells(matrix, row);
    for (const cell of cells)
      values[cell] = Math.max(
        LEAST_ESTIMATE,
        Math.min(1, cells.length * fitted[i * columns + (cell % columns)]),
      );
  });
}

function observedCells({ candidates, quality }: OutcomeMatrix, row: number): number[] {
  const columns = candidates.length;
  return Array.from({ length: columns }, (_, c) => row * columns + c).filter(
    (cell) => !Number.isNaN(quality[cell]),
  );
}

function assumptionOf(known: number, fitted: number): string {
  const rated = 'whether an answer was rated depends on the prompt and the candidate alone';
  if (fitted === 0)
    return `The logged propensities are those that the candidates were drawn with, and ${rated}.`;
  const share =
    known === 0 ? 'The propensities' : `The propensities of ${fitted} of ${known + fitted} prompts`;
  return (
    `${share} are estimated from the prompts, which assumes that nothing but the prompt influenced both which candidate answered and ` +
    `how good the answer was (no unobserved confounding given the prompt), and that ${rated}.`
  );
}
