import { readPrompt } from 'pointsman';
import { createAnswerExtractor } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { decodeStandardisation, readTextBlock } from '../../../src/features/features.ts';
import { type FittedAnswerFeatures, fitAnswerFeatures } from '../../../training/features/fit-features.ts';
import { answeredTraffic } from '../../fixtures/answered-traffic.ts';

const NGRAMS = { buckets: 1024, wordOrder: 2, characterFrom: 0, characterTo: 0, dimensions: 4, seed: 0 };

const { answers, given, prompts } = answeredTraffic({ prompts: 30, seed: 1, silent: ['master'] });
if (answers === undefined) throw new Error('The traffic has answers.');
const { keys, texts = [] } = answers;
/** Two answers a prompt. */
const fit = Int32Array.from({ length: 40 }, (_, i) => i);

function served({ blocks, features, files, standardisation }: FittedAnswerFeatures) {
  const file = (path: string) => files.get(path) as Uint8Array;
  return createAnswerExtractor(
    blocks.map((block) => (block.kind === 'checks' ? { kind: 'checks' } : readTextBlock(block, file))),
    decodeStandardisation(file(standardisation), features.columns),
  );
}

test('what is served is what was learned from, to the last bit', () => {
  const fitted = fitAnswerFeatures(answers, fit, NGRAMS);
  const extractor = served(fitted);
  const { columns, rows, values } = fitted.features;
  expect([rows, columns]).toEqual([60, extractor.length]);
  const out = new Float32Array(columns);
  const said = [...given.keys()].filter((cell) => given[cell] !== null);
  said.forEach((cell, row) => {
    const question = extractor.readQuestion(readPrompt(prompts[Math.floor(cell / 3)].request));
    const answer = { text: given[cell] ?? '', finishReason: null, logprobs: null };
    expect(extractor.extractInto(question, answer, out)).toBe(keys[row]);
    expect(out).toEqual(values.subarray(row * columns, (row + 1) * columns));
  });
});

test('features are z-scores on the fit split, and the other answers do not move them', () => {
  const { features } = fitAnswerFeatures(answers, fit, NGRAMS);
  const others = {
    ...answers,
    checks: answers.checks.map((value, i) => (i < 40 * answers.length ? value : 7)),
    texts: texts.map((text, row) => (row < 40 ? text : 'zzz '.repeat(50))),
  };
  const moved = fitAnswerFeatures(others, fit, NGRAMS).features;
  const length = 40 * features.columns;
  expect(moved.values.subarray(0, length)).toEqual(features.values.subarray(0, length));
  expect(moved.values.subarray(length)).not.toEqual(features.values.subarray(length));
  let [sum, squares] = [0, 0];
  for (let row = 0; row < 40; row++) {
    const value = features.values[row * features.columns]; // lengthToPrompt
    sum += value;
    squares += value * value;
  }
  expect(sum / 40).toBeCloseTo(0, 4);
  expect(squares / 40).toBeCloseTo(1, 4);
});

test('n-grams are left out where the words of one answer or more are not kept', () => {
  const whole = fitAnswerFeatures(answers, fit, NGRAMS);
  expect(whole.blocks.map(({ kind }) => kind)).toEqual(['checks', 'numeric', 'ngrams']);
  const { texts: _, ...wordless } = answers;
  const some = { ...answers, texts: texts.map((text, row) => (row === 17 ? null : text)) };
  for (const kept of [wordless, some]) {
    const { blocks, features, penalties } = fitAnswerFeatures(kept, fit, NGRAMS);
    expect(blocks.map(({ kind }) => kind)).toEqual(['checks', 'numeric']);
    expect(whole.features.columns - features.columns).toBe(4);
    expect(penalties.length).toBe(features.columns);
  }
  expect(fitAnswerFeatures(answers, fit, null).blocks.length).toBe(2);
});
