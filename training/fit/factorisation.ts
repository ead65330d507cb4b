import { EigenvalueDecomposition, Matrix as MlMatrix } from 'ml-matrix';
import { InvalidInputError } from 'pointsman';
import { moments } from 'pointsman/internal';
import { chainHead, type DenseLayer, predictRows } from './chain.ts';
import { fitLinear, type LinearOptions } from './linear.ts';
import type { FitData, Loss } from './loss.ts';
import type { Matrix } from './rows.ts';

interface FactorisationOptions extends Omit<LinearOptions, 'start' | 'towards'> {
  /** Numbers a prompt and a candidate are described by; at most the candidates. */
  readonly rank: number;
  /** Penalty on the candidates' vectors, in the units of `l2`. @default 1 */
  readonly candidateL2?: number;
}

/** Prompt vectors, then candidates: logits = (x U + u) V + b. A `DenseChain`, to be exported as any other. */
type Factorisation = readonly [prompts: DenseLayer, candidates: DenseLayer];

/**
 * Low-rank fit: a full linear fit, its best approximation of the rank over these rows (reduced-rank regression,
 * Izenman 1975), then the candidates' vectors fitted again on it. Prompt vectors come out with mean 0 and
 * variance 1 in each direction, so that the penalty on candidates' vectors means the same whatever the features.
 */
export async function fitMatrixFactorisation(
  data: FitData,
  loss: Loss,
  options: FactorisationOptions,
): Promise<Factorisation> {
  const { rank, candidateL2 = 1, ...linear } = options;
  const outputs = data.targets.columns;
  if (!(Number.isInteger(rank) && rank > 0 && rank <= outputs)) {
    throw new InvalidInputError(`\`rank\` of fitMatrixFactorisation must be in 1..${outputs}. Got ${rank}.`);
  }
  const { layer } = await fitLinear(data, loss, linear);
  const directions = leadingDirections(predictRows(chainHead([layer]), data.features), rank);
  const prompts = standardised(project(layer, directions, rank), data.features);
  const vectors = predictRows(chainHead([prompts]), data.features);
  const candidates = await fitLinear({ ...data, features: vectors }, loss, { l2: candidateL2 });
  return [prompts, candidates.layer];
}

/** The directions of output space along which predictions vary most, `[outputs, rank]` row-major. */
function leadingDirections({ rows, columns, values }: Matrix, rank: number): Float64Array {
  const centre = Float64Array.from({ length: columns }, (_, c) => moments(column(values, columns, c)).mean);
  const covariance = MlMatrix.zeros(columns, columns);
  for (let row = 0; row < rows; row++) {
    for (let a = 0; a < columns; a++) {
      const x = values[row * columns + a] - centre[a];
      for (let b = 0; b <= a; b++) {
        covariance.set(a, b, covariance.get(a, b) + x * (values[row * columns + b] - centre[b]));
      }
    }
  }
  for (let a = 0; a < columns; a++) for (let b = 0; b < a; b++) covariance.set(b, a, covariance.get(a, b));
  // Eigenvalues come ascending.
  const { eigenvectorMatrix } = new EigenvalueDecomposition(covariance, { assumeSymmetric: true });
  const directions = new Float64Array(columns * rank);
  for (let c = 0; c < columns; c++) {
    for (let r = 0; r < rank; r++) directions[c * rank + r] = eigenvectorMatrix.get(c, columns - 1 - r);
  }
  return directions;
}

function project(layer: DenseLayer, directions: Float64Array, rank: number): DenseLayer {
  const kernel = new Float32Array(layer.inputs * rank);
  for (let j = 0; j < layer.inputs; j++) {
    for (let r = 0; r < rank; r++) {
      let sum = 0;
      for (let c = 0; c < layer.outputs; c++) {
        sum += layer.kernel[j * layer.outputs + c] * directions[c * rank + r];
      }
      kernel[j * rank + r] = sum;
    }
  }
  return { inputs: layer.inputs, outputs: rank, kernel, bias: new Float32Array(rank), activation: 'linear' };
}

function standardised(layer: DenseLayer, features: Matrix): DenseLayer {
  const vectors = predictRows(chainHead([layer]), features);
  const { outputs } = layer;
  const kernel = layer.kernel.slice();
  const bias = new Float32Array(outputs);
  for (let r = 0; r < outputs; r++) {
    const { mean, variance } = moments(column(vectors.values, outputs, r));
    const scale = variance > 1e-12 ? 1 / Math.sqrt(variance) : 0;
    for (let j = 0; j < layer.inputs; j++) kernel[j * outputs + r] *= scale;
    bias[r] = -mean * scale;
  }
  return { ...layer, kernel, bias };
}

function column(values: Float32Array, columns: number, c: number): Float32Array {
  return Float32Array.from({ length: values.length / columns }, (_, row) => values[row * columns + c]);
}
