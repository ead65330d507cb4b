import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { type Loss, residualsInto } from '../../../training/fit/loss.ts';
import {
  batchLoss,
  createMlpNetwork,
  drawDropout,
  fitMlp,
  forward,
  variablesOf,
} from '../../../training/fit/mlp.ts';
import { createMatrix } from '../../../training/fit/rows.ts';
import { useBackend } from '../../../training/fit/tensorflow.ts';

const ROWS = 12;
const OUTPUTS = 4;
const { tf } = await useBackend();
const random = createRandom(6);
const draw = (length: number) => Float32Array.from({ length }, () => random.normal());

/** Targets with cells, and a row, that nobody saw. */
function task(loss: Loss) {
  const values = Float32Array.from({ length: ROWS * OUTPUTS }, () => random.next());
  const weights = new Float32Array(values.length);
  for (let row = 0; row < ROWS; row++) {
    const seen = (c: number) => row !== 3 && (row + c) % 3 !== 0;
    let sum = 0;
    for (let c = 0; c < OUTPUTS; c++) if (seen(c)) sum += values[row * OUTPUTS + c];
    const rowWeight = 0.5 + random.next();
    for (let c = 0; c < OUTPUTS; c++) {
      const i = row * OUTPUTS + c;
      weights[i] = seen(c) ? (loss === 'softmax' ? rowWeight : 0.5 + random.next()) : 0;
      values[i] = seen(c) ? values[i] / (loss === 'softmax' ? sum : 1) : Number.NaN;
    }
  }
  return { loss, targets: { rows: ROWS, columns: OUTPUTS, values }, weights };
}

test.each<Loss>(['softmax', 'sigmoid', 'squared'])(
  'the %s that TF.js takes the slope of is the loss of the linear heads, and so is its slope',
  (loss) => {
    const one = task(loss);
    const logits = draw(ROWS * OUTPUTS).map((x) => 4 * x);
    const { value, grad } = tf.valueAndGrad((x) => batchLoss(tf, [one], [x]))(
      tf.tensor2d(logits, [ROWS, OUTPUTS]),
    );
    const slopes = new Float32Array(ROWS * OUTPUTS); // [outputs, rows]
    const { targets, weights } = one;
    const input = { rows: ROWS, outputs: OUTPUTS, logits, targets: targets.values, weights };
    const expected = residualsInto(loss, input, slopes);
    expect(value.dataSync()[0]).toBeCloseTo(expected / ROWS, 4);
    const got = grad.dataSync();
    for (let row = 0; row < ROWS; row++)
      for (let c = 0; c < OUTPUTS; c++)
        expect(got[row * OUTPUTS + c]).toBeCloseTo(slopes[c * ROWS + row] / ROWS, 5);
  },
);

test.each([[[]], [[6]], [[6, 5]]])('slopes through hidden layers %j are those of differences', (hidden) => {
  const inputs = 7;
  const network = createMlpNetwork(tf, inputs, hidden, 'tanh', [Float64Array.of(0.1, -0.2, 0.3, 0)], 2);
  const variables = variablesOf(network);
  // Output layers begin at 0, where hidden ones have no slope.
  for (const variable of variables) variable.assign(tf.tensor(draw(variable.size), variable.shape));
  const one = task('softmax');
  const rows = tf.tensor2d(draw(ROWS * inputs), [ROWS, inputs]);
  const dropout = drawDropout(tf, network, ROWS, 0.3, createRandom(1));
  const loss = () => batchLoss(tf, [one], forward(tf, network, rows, dropout));
  const { grads } = tf.variableGrads(loss, variables);
  const step = 1e-2;
  for (const variable of variables) {
    const values = variable.dataSync().slice();
    const slopes = grads[variable.name].dataSync();
    for (let i = 0; i < values.length; i += 5) {
      const at = (x: number) => {
        variable.assign(tf.tensor(values.with(i, x) as Float32Array, variable.shape));
        return loss().dataSync()[0];
      };
      expect((at(values[i] + step) - at(values[i] - step)) / (2 * step)).toBeCloseTo(slopes[i], 2);
      at(values[i]);
    }
  }
});

test('a fit leaves nothing behind in the memory of TF.js, also when it is cut short', async () => {
  const features = createMatrix(60, 3);
  features.values.set(draw(180));
  const targets = createMatrix(60, 2);
  const run = (onProgress = () => {}) =>
    fitMlp(features, [{ loss: 'sigmoid', targets }], { seed: 1, hidden: [4], epochs: 2, onProgress });
  await run();
  const before = tf.memory();
  await run();
  const stop = () => {
    throw new Error('stopped');
  };
  await expect(run(stop)).rejects.toThrow('stopped');
  expect(tf.memory().numTensors).toBe(before.numTensors);
  expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
});
