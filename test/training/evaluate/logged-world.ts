import { toBanditLog } from '../../../bench/bandit-log.ts';
import type { EvaluationInput } from '../../../training/evaluate/evaluation-input.ts';
import { loggingPropensities } from '../../../training/off-policy/propensities.ts';
import { syntheticWorld, type WorldOptions } from './synthetic-world.ts';

/** The world as a log of one candidate a prompt, and what it would have been with all. */
export async function loggedWorld(
  options: WorldOptions = {},
  policy?: (task: number, row: number) => readonly number[],
  keepPropensities = true,
): Promise<{ log: EvaluationInput; full: EvaluationInput }> {
  const full = syntheticWorld({ rows: 6000, ...options });
  const taskOf = (row: number) => Number(full.matrix.prompts[row].task?.slice(5) ?? 0);
  const matrix = toBanditLog(full.matrix, {
    seed: 4,
    keepPropensities,
    ...(policy === undefined ? {} : { policy: (row: number) => policy(taskOf(row), row) }),
  });
  return { full, log: { ...full, matrix, propensities: await loggingPropensities(matrix) } };
}
