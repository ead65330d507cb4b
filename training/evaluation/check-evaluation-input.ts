import { InvalidInputError } from 'pointsman';
import type { EvaluationInput } from '../evaluate/evaluation-input.ts';

/** Refuses predictions whose shape does not fit the test split, before a wrong figure is printed. */
export function checkEvaluationInput({
  matrix,
  splits,
  predictions,
  embeddings,
  propensities,
  groups,
}: EvaluationInput): void {
  const rows = splits.test.rows.length;
  const candidates = matrix.candidates.length;
  if (rows === 0) {
    throw new InvalidInputError(
      '`splits.test` of EvaluationInput must hold at least one row. Got 0. Give the test split a larger share.',
    );
  }
  const cells = rows * candidates;
  checkLength('success', predictions.success.length, cells);
  if (predictions.choice) checkLength('choice', predictions.choice.length, cells);
  checkLength('expectedCostUsd', predictions.expectedCostUsd.length, cells);
  checkLength('expectedLatencyMs', predictions.expectedLatencyMs.length, cells);
  checkLength('chosen', predictions.chosen.length, rows);
  if (predictions.decisionMicroseconds) {
    checkLength('decisionMicroseconds', predictions.decisionMicroseconds.length, rows);
  }
  const stray = predictions.chosen.find((chosen) => !(chosen >= 0 && chosen < candidates));
  if (stray !== undefined) {
    throw new InvalidInputError(
      `\`predictions.chosen\` of EvaluationInput must be candidate numbers from 0 to ${candidates - 1}. Got ${stray}.`,
    );
  }
  if (embeddings && embeddings.vectors.length !== matrix.prompts.length * embeddings.dimensions) {
    throw new InvalidInputError(
      `\`embeddings.vectors\` of EvaluationInput must have ${matrix.prompts.length} prompts times ${embeddings.dimensions} numbers. Got ${embeddings.vectors.length}. Embed every prompt of the matrix, in order.`,
    );
  }
  const prompts = matrix.prompts.length;
  for (const field of ['values', 'policy'] as const) {
    const cells = propensities?.[field];
    if (cells === undefined || cells.length === matrix.quality.length) continue;
    throw new InvalidInputError(
      `\`propensities.${field}\` of EvaluationInput must have one number for each of ${matrix.quality.length} cells. Got ${cells.length}. Find them with loggingPropensities(matrix).`,
    );
  }
  if (groups.length !== prompts) {
    throw new InvalidInputError(
      `\`groups\` of EvaluationInput must have one number for each of ${prompts} prompts. Got ${groups.length}. Find them with groupPrompts(matrix).`,
    );
  }
}

function checkLength(field: string, length: number, expected: number): void {
  if (length === expected) return;
  throw new InvalidInputError(
    `\`predictions.${field}\` of EvaluationInput must have ${expected} entries (test rows, times candidates where it is a table). Got ${length}. Predict the test rows in the order of \`splits.test.rows\`.`,
  );
}
