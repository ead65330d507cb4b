import { evaluate } from '../../../training/evaluate/evaluate.ts';
import type { Dial, DialSettingId } from '../../../training/evaluate/evaluation.ts';
import type { EvaluationInput } from '../../../training/evaluate/evaluation-input.ts';

const quick = { resamples: 200 };
export const dialOf = (world: EvaluationInput): Dial => evaluate(world, quick).dial!;
export const setting = (dial: Dial, id: DialSettingId) => dial.settings.find((one) => one.id === id)!;

/** Tasks that a cheap candidate does nearly as well as the dear one, and tasks that it does not. */
export const TRUTH = [
  [0.9, 0.9, 0.91],
  [0.8, 0.88, 0.9],
  [0.2, 0.6, 0.9],
];
