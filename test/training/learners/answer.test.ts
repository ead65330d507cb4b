import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { chainHead, createMatrix, groupedFolds, predictRows } from '../../../training/fit/rows.ts';
import {
  answerLogits,
  earlierExamples,
  fitAnswerHead,
  fitEarlierHead,
  fitUnaskedHead,
  type RatedAnswers,
  takeAnswers,
  tuneAnswerHead,
  unaskedExamples,
} from '../../../training/learners/answer.ts';

const FEATURES = 12;

/** Answers whose logit is the prior, the first feature and, where candidates differ, the second with a sign of its own. */
function rated(rows: number, differ: number, seed = 1): RatedAnswers {
  const random = createRandom(seed);
  const features = createMatrix(rows, FEATURES);
  features.values.forEach((_, i) => {
    features.values[i] = random.normal();
  });
  const of = Int32Array.from({ length: rows }, (_, row) => row % 3);
  const prior = Float32Array.from({ length: rows }, () => random.normal());
  const quality = Float32Array.from(of, (c, row) => {
    const at = row * FEATURES;
    const own = differ * (c === 0 ? 1 : -1) * features.values[at + 1];
    const logit = prior[row] + 1.5 * features.values[at] + own + (c === 2 ? 1 : 0);
    return Number(random.next() < 1 / (1 + Math.exp(-logit)));
  });
  return { candidates: 3, of, features, penalties: new Float32Array(FEATURES).fill(1), prior, quality };
}

const loss = (logits: Float32Array, quality: Float32Array) =>
  logits.reduce((sum, z, i) => sum + Math.log1p(Math.exp(-z)) + (1 - quality[i]) * z, 0) / logits.length;

test('one head for all differs between candidates in nothing but the bias, and is that of one not seen', async () => {
  const head = await fitAnswerHead(rated(900, 0), { l2: 10, own: Number.POSITIVE_INFINITY });
  expect([head.inputs, head.outputs]).toEqual([1 + FEATURES, 4]);
  for (let i = 0; i < head.inputs; i++)
    for (const c of [1, 2, 3]) expect(head.kernel[4 * i + c]).toBe(head.kernel[4 * i]);
  expect(head.bias[3]).toBeCloseTo((head.bias[0] + head.bias[1] + head.bias[2]) / 3, 5);
  expect(head.bias[2] - head.bias[0]).toBeGreaterThan(0.4);
  expect(head.kernel[0]).toBeCloseTo(1, 0);
  expect(head.kernel[4]).toBeGreaterThan(1);
});

test('deviations are chosen where candidates differ, and left out where they do not', async () => {
  for (const [differ, deviates] of [
    [2, true],
    [0, false],
  ] as const) {
    const answers = rated(900, differ);
    const { own, outOfFold } = await tuneAnswerHead(
      answers,
      groupedFolds(
        answers.of.map((_, i) => i),
        5,
        0,
      ),
    );
    expect(own <= 3).toBe(deviates);
    expect(outOfFold.length).toBe(900);
    const further = rated(900, differ, 2);
    const head = await fitAnswerHead(answers, { l2: 10, own: deviates ? own : Number.POSITIVE_INFINITY });
    const alone = await fitAnswerHead(answers, { l2: 10, own: Number.POSITIVE_INFINITY });
    const better =
      loss(answerLogits(alone, further), further.quality) -
      loss(answerLogits(head, further), further.quality);
    expect(better > 0.1).toBe(deviates);
  }
});

test('what is said out of fold comes from heads that have not seen the row', async () => {
  const answers = rated(300, 0);
  const folds = groupedFolds(
    answers.of.map((_, i) => i),
    3,
    0,
  );
  const { l2, outOfFold, own } = await tuneAnswerHead(answers, folds);
  const rows = Int32Array.from(folds.keys());
  const seen = takeAnswers(
    answers,
    rows.filter((row) => folds[row] !== 1),
  );
  const held = takeAnswers(
    answers,
    rows.filter((row) => folds[row] === 1),
  );
  const expected = answerLogits(await fitAnswerHead(seen, { l2, own }), held);
  rows
    .filter((row) => folds[row] === 1)
    .forEach((row, i) => {
      expect(outOfFold[row]).toBeCloseTo(expected[i], 4);
    });
});

test('an earlier answer that says the same makes a good one likelier, another one less likely', async () => {
  const random = createRandom(3);
  const prompts = 400;
  const quality = Float32Array.from({ length: 2 * prompts }, () => Number(random.next() < 0.6));
  // Who is right says the same; wrong answers are all different.
  const keys = Array.from(quality, (good, cell) => (good === 1 ? `right ${cell >> 1}` : `wrong ${cell}`));
  const logits = Float32Array.from(quality, (good) => (good - 0.5) * 0.5 + random.normal());
  const head = chainHead([
    await fitEarlierHead(earlierExamples({ candidates: 2, logits, keys, quality }, [0, 1])),
  ]);
  const said = (evidence: number[]) =>
    predictRows(head, { rows: 1, columns: 7, values: Float32Array.from(evidence) }).values[0];
  expect(said([0, 1, 0, 0, 0, 0, 0])).toBeGreaterThan(2);
  expect(said([0, 0, 0, 1, 0, 0, 0])).toBeLessThan(0);
  expect(said([1, 0, 0, 1, 0, 0, 0])).toBeGreaterThan(said([-1, 0, 0, 1, 0, 0, 0]));
});

test('where the best answer so far is bad, another candidate is less likely to be good, as far as prompts are hard for both', async () => {
  const random = createRandom(4);
  const prompts = 600;
  // One in two is hard for all, and the prompt does not show it.
  const hard = Array.from({ length: prompts }, () => random.next() < 0.5);
  const quality = Float32Array.from({ length: 3 * prompts }, (_, cell) =>
    Number(random.next() < (hard[Math.floor(cell / 3)] ? 0.2 : 0.9)),
  );
  const keys = Array.from(quality, (good, cell) => (good === 1 ? 'right' : `wrong ${cell}`));
  const logits = Float32Array.from(quality, (good) => 4 * (good - 0.5) + random.normal());
  const success = new Float32Array(3 * prompts).fill(Math.log(0.55 / 0.45));
  const examples = unaskedExamples(
    { candidates: 3, logits, keys, quality },
    { success, scored: quality },
    (answers) => answers.map(({ logit }) => logit),
  );
  // What is learned is what happens where the best was bad.
  expect(examples.weights.every((weight) => weight === 1)).toBe(true);
  const head = chainHead([await fitUnaskedHead(examples)]);
  const chance = (best: number, agree: number, differ: number) => {
    const values = Float32Array.of(success[0], best, agree, differ);
    return 1 / (1 + Math.exp(-predictRows(head, { rows: 1, columns: 4, values }).values[0]));
  };
  // After one bad answer a prompt is hard with probability 0.8 / 0.9: 0.2 of eight in nine, 0.9 of one in nine.
  expect(chance(-2, 0, 0)).toBeGreaterThan(0.2);
  expect(chance(-2, 0, 0)).toBeLessThan(0.36);
  expect(chance(-2, 0, 1)).toBeLessThan(chance(-2, 0, 0));
});
