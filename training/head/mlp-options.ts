import type { FitData, Loss } from '../fit/loss.ts';
import type { OnProgress } from './fit-progress.ts';

/** One output of the network, over the features that all tasks share. */
export interface MlpTask extends Omit<FitData, 'features'> {
  readonly loss: Loss;
  /** Importance beside the other tasks. @default 1 */
  readonly importance?: number;
}

export interface MlpOptions {
  readonly seed: number;
  /** Units of each hidden layer, shared by all tasks. @default [64] */
  readonly hidden?: readonly number[];
  /** @default 'relu' */
  readonly activation?: 'relu' | 'tanh';
  /** Share of hidden units silenced at each step. @default 0.2 */
  readonly dropout?: number;
  /** Decay of the kernels by this share of the learning rate at each step (AdamW). @default 1e-2 */
  readonly weightDecay?: number;
  /** @default 2e-3, falling to 0 along a cosine over `epochs` */
  readonly learningRate?: number;
  /** @default 128 */
  readonly batchRows?: number;
  /** Most passes over the rows. @default 60 */
  readonly epochs?: number;
  /** Passes without a better held-out loss before it ends. @default 8 */
  readonly patience?: number;
  /**
   * Rows held out of the fit to stop early by; choose them by group where prompts repeat.
   * @default a seeded 15 % of the rows
   */
  readonly heldOut?: Int32Array;
  readonly onProgress?: OnProgress;
}
