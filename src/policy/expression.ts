import type { Signals } from '../signals/signals.ts';
import type { Predictions } from './predictions.ts';

/** A compiled expression. */
export interface Expression {
  /** The most steps that it takes for any request. @default it is not known */
  readonly maxSteps?: number;
  /** @throws whatever evaluation throws, such as a division by zero. */
  evaluate(signals: Signals, predictions: Predictions, novelty: () => number | null): boolean;
}

/**
 * Compiles an expression over signals and predictions: `compileCel` of `pointsman/cel`.
 *
 * @param candidates names, in the order of the predictions.
 * @throws InvalidInputError when it cannot be read, names what is not there, or is not of type bool.
 */
export type CompileExpression = (expression: string, candidates: readonly string[]) => Expression;
