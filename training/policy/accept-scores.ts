import { InvalidInputError } from 'pointsman';
import type { AcceptTest } from 'pointsman/policy';

/** A test of answers whose threshold can be tuned, without the threshold. */
export type TunableTest =
  | { readonly kind: 'logprob' }
  | { readonly kind: 'agreement'; readonly samples: number }
  | { readonly kind: 'verifier'; readonly verifier: string };

/** Mean log-probabilities lower than this are this: of a whole answer they say no more. */
const LOWEST_LOGPROB = -20;

/**
 * Scores of answers as a dial from 0 to 1 can be held against: log-probabilities as the mean token's probability, the
 * others as they are. NaN stays: nothing is known, and such an answer does not pass.
 *
 * @throws InvalidInputError when a score is out of the test's range
 */
export function acceptScores(test: TunableTest, scores: Float32Array): Float32Array {
  const isLogprob = test.kind === 'logprob';
  return scores.map((score) => {
    if (Number.isNaN(score)) return score;
    if (isLogprob ? score <= 0 : score >= 0 && score <= 1) return isLogprob ? Math.exp(score) : score;
    throw new InvalidInputError(
      isLogprob
        ? `Scores for \`logprob\` must be mean log-probabilities a token, at most 0. Got ${score}. Give the natural logarithm.`
        : `Scores for \`${test.kind}\` must be from 0 to 1. Got ${score}. Divide by the most there can be.`,
    );
  });
}

/** How often a step is asked before its answer is judged. */
export function timesAsked(test: TunableTest): number {
  return test.kind === 'agreement' ? test.samples : 1;
}

/** The test with its threshold, in its own unit. @param threshold from 0 to 1, as {@link acceptScores} has it */
export function acceptTest(test: TunableTest, threshold: number): AcceptTest {
  switch (test.kind) {
    case 'logprob':
      return { kind: 'logprob', min: Math.max(LOWEST_LOGPROB, Math.log(threshold)) };
    case 'agreement':
      return { ...test, min: threshold };
    case 'verifier':
      return { ...test, min: threshold };
  }
}
