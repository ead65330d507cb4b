import type { HeadSpec } from 'pointsman/head';
import type { DenseLayer } from '../head/dense-chain.ts';
import { createMatrix } from '../head/matrix.ts';
import type { MemberData } from '../learners/learner.ts';
import type { FittedChoice } from '../train/quality.ts';

/**
 * The choice head where rows were seen with a candidate or two: a softmax over what is observed of such a row teaches
 * nothing. It follows from the quality head instead: the expected qualities over the temperature that soft targets have.
 */
export function loggedChoice(
  { features, prior }: MemberData,
  quality: HeadSpec,
  temperature: number,
): FittedChoice {
  const base: DenseLayer = {
    inputs: features.columns,
    outputs: prior.length,
    kernel: createMatrix(features.columns, prior.length).values,
    bias: Float32Array.from(prior, (mean) => mean / temperature),
    activation: 'linear',
  };
  const spec: HeadSpec = {
    kind: 'stack',
    members: [
      { weight: 1, head: { kind: 'layers', output: 'choice' } },
      { weight: 1 / temperature, head: { kind: 'spread', level: 0, deviation: 1, head: quality } },
    ],
  };
  return { spec, chains: { choice: [base] }, weights: [0, 1 / temperature] };
}
