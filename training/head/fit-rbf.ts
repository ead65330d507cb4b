import { createRandom, moments } from 'pointsman/math';
import { chainHead, type DenseLayer, predictRows } from './dense-chain.ts';
import type { FitData, Loss } from './fit-data.ts';
import { fitLinear } from './fit-linear.ts';
import type { LinearOptions } from './linear-options.ts';
import type { Matrix } from './matrix.ts';

export interface RbfOptions extends Omit<LinearOptions, 'start' | 'towards'> {
  readonly seed: number;
  /** How many bumps. @default 24 */
  readonly centres?: number;
  /** Width of a bump, in standard deviations of the inputs. @default 0.7 */
  readonly width?: number;
}

/** Which bump a point is nearest to, softly; then a linear layer. A `DenseChain`. */
export type Rbf = readonly [bumps: DenseLayer, output: DenseLayer];

/**
 * A smooth surface over few numbers (two heads' scores, say): normalised radial basis functions (Moody and Darken
 * 1989). exp(-|x - c|² / 2w²) over its sum is a softmax of logits linear in x, so it is a Dense layer like any other.
 * Chain it after the layers that give those numbers.
 */
export async function fitRbf(data: FitData, loss: Loss, options: RbfOptions): Promise<Rbf> {
  const { seed, centres = 24, width = 0.7, ...linear } = options;
  const scale = scales(data.features);
  const points = kMeans(data.features, scale, Math.min(centres, data.features.rows), seed);
  const [inputs, count] = [data.features.columns, points.length];
  const kernel = new Float32Array(inputs * count);
  const bias = new Float32Array(count);
  points.forEach((point, k) => {
    let squares = 0;
    for (let j = 0; j < inputs; j++) {
      const x = point[j] / scale[j];
      kernel[j * count + k] = x / (scale[j] * width * width);
      squares += x * x;
    }
    bias[k] = -squares / (2 * width * width);
  });
  const bumps: DenseLayer = { inputs, outputs: count, kernel, bias, activation: 'softmax' };
  const features = predictRows(chainHead([bumps]), data.features);
  const { layer } = await fitLinear({ ...data, features }, loss, linear);
  return [bumps, layer];
}

function scales({ columns, rows, values }: Matrix): Float64Array {
  return Float64Array.from({ length: columns }, (_, j) => {
    const { variance } = moments(Float32Array.from({ length: rows }, (_, row) => values[row * columns + j]));
    return variance > 1e-12 ? Math.sqrt(variance) : 1;
  });
}

/** Lloyd's algorithm from seeded rows; ten rounds place bumps well enough. */
function kMeans(
  { rows, columns, values }: Matrix,
  scale: Float64Array,
  count: number,
  seed: number,
): Float64Array[] {
  const order = createRandom(seed).shuffle(Int32Array.from({ length: rows }, (_, i) => i));
  const centres = Array.from({ length: count }, (_, k) =>
    Float64Array.from(values.subarray(order[k] * columns, (order[k] + 1) * columns)),
  );
  for (let round = 0; round < 10; round++) {
    const sums = centres.map(() => new Float64Array(columns));
    const counts = new Int32Array(count);
    for (let row = 0; row < rows; row++) {
      let [nearest, least] = [0, Number.POSITIVE_INFINITY];
      for (let k = 0; k < count; k++) {
        let distance = 0;
        for (let j = 0; j < columns; j++)
          distance += ((values[row * columns + j] - centres[k][j]) / scale[j]) ** 2;
        if (distance < least) [nearest, least] = [k, distance];
      }
      counts[nearest]++;
      for (let j = 0; j < columns; j++) sums[nearest][j] += values[row * columns + j];
    }
    for (let k = 0; k < count; k++) {
      for (let j = 0; j < columns && counts[k] > 0; j++) centres[k][j] = sums[k][j] / counts[k];
    }
  }
  return centres;
}
