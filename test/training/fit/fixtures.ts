import { createRandom } from 'pointsman/internal';
import { createMatrix, type Matrix } from '../../../training/fit/rows.ts';

/** Seeded rows whose outputs follow a known linear map. */
export interface LinearFixture {
  readonly features: Matrix;
  /** Logits of the truth. */
  readonly logits: Matrix;
  /** One-hot draw from their softmax. */
  readonly choice: Matrix;
  /** Draw of 0 or 1 from each one's sigmoid. */
  readonly success: Matrix;
}

export function linearFixture(
  rows: number,
  inputs: number,
  outputs: number,
  seed: number,
  signal = 1,
): LinearFixture {
  const random = createRandom(seed);
  const kernel = Float32Array.from(
    { length: inputs * outputs },
    () => (signal * random.normal()) / Math.sqrt(inputs),
  );
  const features = createMatrix(rows, inputs);
  const [logits, choice, success] = [0, 1, 2].map(() => createMatrix(rows, outputs));
  for (let row = 0; row < rows; row++) {
    for (let j = 0; j < inputs; j++) features.values[row * inputs + j] = random.normal();
    let [best, highest] = [0, Number.NEGATIVE_INFINITY];
    for (let c = 0; c < outputs; c++) {
      let logit = 0.3 * c;
      for (let j = 0; j < inputs; j++) logit += features.values[row * inputs + j] * kernel[j * outputs + c];
      logits.values[row * outputs + c] = logit;
      success.values[row * outputs + c] = random.next() < 1 / (1 + Math.exp(-logit)) ? 1 : 0;
      // Gumbel noise: the arg max is a draw from the softmax.
      const noisy = logit - Math.log(-Math.log(1 - random.next()));
      if (noisy > highest) [best, highest] = [c, noisy];
    }
    choice.values[row * outputs + best] = 1;
  }
  return { features, logits, choice, success };
}
