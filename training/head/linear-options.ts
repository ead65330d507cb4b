import type { DenseLayer } from './dense-chain.ts';
import type { OnProgress } from './fit-progress.ts';

export interface LinearOptions {
  /**
   * Strength of the penalty l2 / 2 * sum of squared weights, against the SUM of the rows' losses: 1 / C of
   * scikit-learn's LogisticRegression, alpha of its Ridge. The bias is not penalised.
   */
  readonly l2: number;
  /** Multiplies `l2` per feature `[inputs]`, so that blocks can be held back differently. @default 1 each */
  readonly featurePenalties?: Float32Array;
  /** Penalise the distance to this layer and not to 0, its bias included: what is known beforehand. */
  readonly towards?: DenseLayer;
  /** Begin here. @default `towards`, or 0 with the biases of the base rates */
  readonly start?: DenseLayer;
  /** @default 100 */
  readonly maxSteps?: number;
  /** Ends when the objective can fall by no more than this share of itself. @default 1e-5 */
  readonly tolerance?: number;
  readonly onProgress?: OnProgress;
}

export interface LinearPathOptions extends Omit<LinearOptions, 'l2'> {
  /** Strengths; fitted in the order given, each from where the last one ended. Strong to weak is quickest. */
  readonly l2s: readonly number[];
}
