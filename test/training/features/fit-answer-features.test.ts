import { readPrompt } from 'pointsman';
import { expect, test } from 'vitest';
import { fitAnswerFeatures } from '../../../training/features/fit-answer-features.ts';

const NGRAMS = { buckets: 1024, wordOrder: 2, characterFrom: 0, characterTo: 0, dimensions: 4, seed: 0 };

const prompts = Array.from({ length: 30 }, (_, i) => readPrompt({ text: `What is ${i} + ${2 * i}?` }));
/** Of every prompt one that is right and one that is not, but for the last candidate's first. */
const answers = prompts.flatMap((_, i) => [
  { text: `It is ${i} + ${2 * i} = ${3 * i}.`, finishReason: 'stop', logprobs: null },
  i === 0 ? null : { text: `I guess ${i} or so, but do not know.`, finishReason: 'length', logprobs: null },
]);
const fit = Int32Array.from({ length: 20 }, (_, i) => i);

test('what is served is what was learned from, to the last bit', () => {
  const { extractor, features, keys } = fitAnswerFeatures(prompts, answers, fit, NGRAMS);
  const out = new Float32Array(extractor.length);
  answers.forEach((answer, cell) => {
    const row = features.values.subarray(cell * features.columns, (cell + 1) * features.columns);
    if (answer === null) {
      expect(keys[cell]).toBeNull();
      expect(row.every((value) => value === 0)).toBe(true);
      return;
    }
    const question = extractor.readQuestion(prompts[cell >> 1]);
    expect(extractor.extractInto(question, answer, out)).toBe(keys[cell]);
    expect(out).toEqual(row);
  });
});

test('features are z-scores on the fit split, and the other prompts do not move them', () => {
  const { features } = fitAnswerFeatures(prompts, answers, fit, NGRAMS);
  const others = answers.map((answer, cell) =>
    cell < 40 || answer === null ? answer : { ...answer, text: 'zzz '.repeat(50) },
  );
  const moved = fitAnswerFeatures(prompts, others, fit, NGRAMS).features;
  const length = 40 * features.columns;
  expect(moved.values.subarray(0, length)).toEqual(features.values.subarray(0, length));
  expect(moved.values.subarray(length)).not.toEqual(features.values.subarray(length));
  let [sum, squares] = [0, 0];
  for (let cell = 0; cell < 40; cell++) {
    if (answers[cell] === null) continue;
    const value = features.values[cell * features.columns]; // lengthToPrompt
    sum += value;
    squares += value * value;
  }
  expect(sum / 39).toBeCloseTo(0, 4);
  expect(squares / 39).toBeCloseTo(1, 4);
});

test('n-grams are left out where texts are not kept', () => {
  const { extractor, penalties } = fitAnswerFeatures(prompts, answers, fit, null);
  const whole = fitAnswerFeatures(prompts, answers, fit, NGRAMS);
  expect(whole.extractor.length - extractor.length).toBe(4);
  expect(penalties.length).toBe(extractor.length);
});
