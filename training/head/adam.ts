/** Adam (Kingma and Ba 2015, algorithm 1) over flat arrays of numbers. */
export interface Adam {
  /** Moves each parameter array against its slope, in place. */
  step(slopes: readonly Float32Array[], learningRate: number): void;
}

export function createAdam(
  parameters: readonly Float32Array[],
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
): Adam {
  const first = parameters.map((p) => new Float64Array(p.length));
  const second = parameters.map((p) => new Float64Array(p.length));
  let steps = 0;
  return {
    step(slopes, learningRate) {
      steps++;
      const correct1 = 1 - beta1 ** steps;
      const correct2 = 1 - beta2 ** steps;
      parameters.forEach((parameter, k) => {
        const [m, v, slope] = [first[k], second[k], slopes[k]];
        for (let i = 0; i < parameter.length; i++) {
          m[i] = beta1 * m[i] + (1 - beta1) * slope[i];
          v[i] = beta2 * v[i] + (1 - beta2) * slope[i] * slope[i];
          parameter[i] -= (learningRate * (m[i] / correct1)) / (Math.sqrt(v[i] / correct2) + epsilon);
        }
      });
    },
  };
}
