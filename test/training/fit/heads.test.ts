import { createRandom } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { fitLinear, fitMatrixFactorisation } from '../../../training/fit/linear.ts';
import { meanLoss } from '../../../training/fit/loss.ts';
import { fitMlp } from '../../../training/fit/mlp.ts';
import { chainHead, createMatrix, type DenseChain, predictRows } from '../../../training/fit/rows.ts';
import { linearFixture } from './fixtures.ts';

const bytesOf = (chain: DenseChain) =>
  Buffer.concat(chain.flatMap((l) => [Buffer.from(l.kernel.buffer), Buffer.from(l.bias.buffer)]));

describe('fitMlp', () => {
  // The sign of a product: no linear head can see it.
  const random = createRandom(11);
  const features = createMatrix(1500, 6);
  const targets = createMatrix(1500, 1);
  features.values.forEach((_, i) => {
    features.values[i] = random.normal();
  });
  for (let row = 0; row < 1500; row++) {
    targets.values[row] = features.values[6 * row] * features.values[6 * row + 1] > 0 ? 1 : 0;
  }

  test('learns what a linear head cannot, and reports every epoch', async () => {
    const epochs: number[] = [];
    const fit = await fitMlp(features, [{ loss: 'sigmoid', targets }], {
      seed: 1,
      hidden: [32],
      epochs: 30,
      dropout: 0,
      learningRate: 1e-2,
      onProgress: ({ step }) => epochs.push(step),
    });
    expect(fit.heldOutLoss).toBeLessThan(0.35);
    expect(epochs[0]).toBe(1);
    const linear = await fitLinear({ features, targets }, 'sigmoid', { l2: 1 });
    expect(linear.loss).toBeGreaterThan(0.68);
  });

  test('gives the same bytes for the same seed and others for another', async () => {
    const run = (seed: number) =>
      fitMlp(features, [{ loss: 'sigmoid', targets }], { seed, hidden: [8], epochs: 3 });
    const [a, b, c] = [await run(1), await run(1), await run(2)];
    expect(bytesOf(a.chains[0]).equals(bytesOf(b.chains[0]))).toBe(true);
    expect(bytesOf(a.chains[0]).equals(bytesOf(c.chains[0]))).toBe(false);
  });

  test('tasks share hidden layers, two deep, and masks hide what was not observed', async () => {
    const masked = { ...targets, values: targets.values.map((y, i) => (i % 2 === 0 ? y : Number.NaN)) };
    const fit = await fitMlp(
      features,
      [
        { loss: 'sigmoid', targets: masked },
        { loss: 'squared', targets, importance: 0.5 },
      ],
      { seed: 3, hidden: [16, 8], activation: 'tanh', epochs: 4 },
    );
    expect(fit.chains[0][0]).toBe(fit.chains[1][0]);
    expect(fit.chains[0][1]).toBe(fit.chains[1][1]);
    expect(fit.chains.flat().every((l) => l.kernel.every(Number.isFinite))).toBe(true);
  });

  test('stops early on noise, near the base rates', async () => {
    const noise = { ...targets, values: createRandom(8).shuffle(targets.values.slice()) };
    const fit = await fitMlp(features, [{ loss: 'sigmoid', targets: noise }], { seed: 1, patience: 4 });
    expect(fit.epoch).toBeLessThan(20);
    expect(fit.heldOutLoss).toBeLessThan(0.7);
  });
});

describe('fitMatrixFactorisation', () => {
  const { features, logits, success } = linearFixture(3000, 16, 6, 2, 3);
  // Candidates of rank 2: those after the second are mixtures of the first two.
  const random = createRandom(5);
  const low = createMatrix(3000, 6);
  const drawn = createMatrix(3000, 6);
  for (let row = 0; row < 3000; row++) {
    for (let c = 0; c < 6; c++) {
      const [a, b] = [logits.values[6 * row], logits.values[6 * row + 1]];
      low.values[6 * row + c] = Math.cos(c) * a + Math.sin(c) * b;
      drawn.values[6 * row + c] = random.next() < 1 / (1 + Math.exp(-low.values[6 * row + c])) ? 1 : 0;
    }
  }

  test('finds a low rank where there is one', async () => {
    const chain = await fitMatrixFactorisation({ features, targets: drawn }, 'sigmoid', { rank: 2, l2: 1 });
    const loss = meanLoss('sigmoid', predictRows(chainHead(chain), features), { targets: drawn });
    expect(loss).toBeLessThan(meanLoss('sigmoid', low, { targets: drawn }) + 0.005);
  });

  test('refuses a rank there cannot be', async () => {
    await expect(
      fitMatrixFactorisation({ features, targets: success }, 'sigmoid', { rank: 7, l2: 1 }),
    ).rejects.toThrow('must be in 1..6. Got 7');
  });
});
