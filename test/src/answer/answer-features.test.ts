import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHECK_NAMES, createAnswerExtractor } from '../../../src/answer/answer-features.ts';
import type { GivenAnswer } from '../../../src/answer/question.ts';
import { NUMERIC_SIGNAL_NAMES } from '../../../src/features/numeric.ts';
import { readPrompt } from '../../../src/request.ts';

const extractor = createAnswerExtractor([{ kind: 'checks' }], null);

function checks(prompt: string, text: string, given: Partial<GivenAnswer> = {}): Record<string, number> {
  const out = new Float32Array(extractor.length);
  const question = extractor.readQuestion(readPrompt({ text: prompt }));
  extractor.extractInto(question, { text, finishReason: null, logprobs: null, ...given }, out);
  return Object.fromEntries(CHECK_NAMES.map((name, i) => [name, out[i]]));
}

const DUCKS =
  "Janet's ducks lay 16 eggs per day. She eats three for breakfast and bakes with four. She sells the rest for $2 each. " +
  'How many dollars does she make every day?';

test('every check has a name of its own', () => {
  expect(new Set(CHECK_NAMES).size).toBe(CHECK_NAMES.length);
});

test('a calculation that holds, uses every number and ends in its result', () => {
  const seen = checks(DUCKS, '16 - 3 - 4 = 9 eggs are left. 9 * $2 = $18.\n#### 18');
  expect(seen).toMatchObject({
    wrongSums: 0,
    unused: 0,
    speltUnused: 0,
    fromNowhere: 0,
    dangling: 0,
    reused: 1,
  });
  expect(seen).toMatchObject({
    finalMark: 1,
    finalIsLastResult: 1,
    finalIsPrevious: 1,
    finalIsNew: 0,
  });
  expect(seen.minus).toBe(2);
  expect(seen.chainedShare).toBeCloseTo(1 / 5);
  expect(seen.countedSaid).toBe(-1);
});

test('one that does not hold, leaves out a number, takes another from nowhere and says another result', () => {
  const seen = checks(DUCKS, '16 - 3 = 14, and 14 * 17 = 238.\n#### 250');
  expect(seen).toMatchObject({
    wrongSums: 1,
    wrongShare: 0.5,
    lastSumWrong: 0,
    speltUnused: 1,
    fromNowhere: 1,
  });
  expect(seen).toMatchObject({
    unused: 1,
    finalIsNotLastResult: 1,
    finalIsNew: 1,
    moneyMissing: 1,
    anyDangling: 1,
  });
});

test('an answer that was given before its reasons has nothing behind it', () => {
  const seen = checks(DUCKS, '{"reasoning": "We need to count the eggs.", "answer": "20"}');
  expect(seen).toMatchObject({ noSums: 1, finalKey: 1, finalIsNew: 1, jsonWhole: 1, setting: 1 });
});

test('a refusal is told in several languages, and an answer is none', () => {
  for (const text of [
    "I'm sorry, but I can't help with that.",
    'Leider kann ich nicht helfen.',
    'Je suis désolé, je ne peux pas répondre.',
    'Lo siento, no puedo ayudar con eso.',
    '抱歉，我无法回答。',
  ]) {
    const { apology, refusal } = checks('How do I pick a lock?', text);
    expect([apology > 0, refusal > 0], text).toEqual([true, true]);
  }
  expect(checks('Who wrote Faust?', 'Goethe wrote Faust.')).toMatchObject({
    apology: 0,
    refusal: 0,
    unknowing: 0,
  });
  expect(checks('Who?', 'There is not enough information.').unknowing).toBe(1);
});

test('an option is named or not, there or not, and the reasons speak of it or of another', () => {
  const prompt = 'Which is the capital of Norway?\nA. Stockholm\nB. Oslo\nC. Copenhagen';
  expect(checks(prompt, 'Norway is ruled from Oslo. The answer is B.')).toMatchObject({
    optionsGiven: 1,
    optionNamed: 1,
    optionSupport: 1,
    optionRival: 0,
  });
  expect(checks(prompt, 'That would be Stockholm. The answer is B.')).toMatchObject({ optionSupport: -1 });
  expect(checks(prompt, 'The answer is E.')).toMatchObject({ optionNamed: 0, optionInvalid: 1 });
  expect(checks(prompt, 'I do not know that.')).toMatchObject({ optionMissing: 1 });
  expect(checks('Name a capital.', 'The answer is B.')).toMatchObject({ optionsGiven: 0, optionMissing: 0 });
});

test('JSON is whole, inside, broken or missing where it was asked for', () => {
  const prompt = 'Give the result as JSON.';
  expect(checks(prompt, '{"a": [1, 2]}')).toMatchObject({ jsonWhole: 1, jsonBroken: 0, jsonMissing: 0 });
  expect(checks(prompt, 'Here:\n```json\n{"a": 1}\n```')).toMatchObject({ jsonInside: 1, openFence: 0 });
  expect(checks(prompt, '{"a": [1, 2}')).toMatchObject({ jsonBroken: 1, jsonMissing: 1 });
  expect(checks(prompt, 'It is 1 [see above].')).toMatchObject({ jsonBroken: 0, jsonMissing: 1 });
  expect(checks('Hello', 'Hi there')).toMatchObject({ jsonMissing: 0 });
});

test('code that was asked for is there, under its name, and finished', () => {
  const prompt = 'Write a Python function is_prime(n).';
  const good = checks(
    prompt,
    '```python\ndef is_prime(n):\n    return n > 1 and all(n % i for i in range(2, n))\n```',
  );
  expect(good).toMatchObject({ codeMissing: 0, namesKept: 1, placeholders: 0, openFence: 0, unbalanced: 0 });
  const cut = checks(prompt, '```python\ndef test(n):\n    # TODO: the rest\n    if (n == 1');
  expect(cut).toMatchObject({ placeholders: 1, openFence: 1, openEnd: 1 });
  expect(cut.unbalanced).toBeCloseTo(Math.log1p(1));
  expect(cut.namesKept).toBeLessThan(1);
  expect(checks(prompt, 'A prime has no divisors but itself.').codeMissing).toBe(1);
});

test('another language or script than the question has', () => {
  const english = 'What is the name of the river that flows to the sea in the north of the land?';
  const german = 'Der Fluss ist die Elbe, und sie ist mit dem Meer auf das beste verbunden.';
  expect(checks(english, german).otherLanguage).toBe(1);
  expect(checks(english, 'It is the Elbe, and the sea is to the north of it.').otherLanguage).toBe(0);
  expect(checks(english, '这条河叫易北河').otherScript).toBe(1);
});

test('repetition, citations and what was cut', () => {
  const line = 'The cat sat on the mat.\n';
  expect(checks('?', line.repeat(10)).repeatedLines).toBeCloseTo(0.9);
  expect(checks('?', line.repeat(10)).repeatedRuns).toBeGreaterThan(0.8);
  expect(checks('?', line).repeatedRuns).toBe(0);
  expect(checks('?', 'As was shown [1], and again [2].').citations).toBeCloseTo(Math.log1p(2));
  expect(checks('?', 'x', { finishReason: 'length' })).toMatchObject({ finishLength: 1, finishFilter: 0 });
  const { hasLogprobs, lowestLogprob, meanLogprob } = checks('?', 'x', { logprobs: [-1, -3] });
  expect([hasLogprobs, meanLogprob, lowestLogprob]).toEqual([1, -2, -3]);
});

test('any prompt and answer give finite numbers, and the same ones again', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc
      .array(
        fc.constantFrom(
          '{"answer": ',
          '####',
          '\\boxed{',
          '12',
          '= ',
          '+ ',
          'A)',
          '\n',
          '"',
          '}',
          'how many ',
        ),
        {
          maxLength: 40,
        },
      )
      .map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, text, (prompt, answer) => {
      const seen = checks(prompt, answer);
      expect(Object.values(seen).every(Number.isFinite)).toBe(true);
      checks('something else', 'in between, 1 + 1 = 3');
      expect(checks(prompt, answer)).toEqual(seen);
    }),
  );
});

test('what longer answers left behind is not read', () => {
  for (const [long, short] of [
    ['7. then more', '7'],
    ['*** and more', '*'],
    ['``` and more', '`'],
    ['is_a_name(1)', 'is_a'],
  ]) {
    const before = createAnswerExtractor([{ kind: 'checks' }], null);
    const out = new Float32Array(before.length);
    const question = before.readQuestion(readPrompt({ text: 'Write a function is_a_name.' }));
    before.extractInto(question, { text: short, finishReason: null, logprobs: null }, out);
    checks('Write a function is_a_name.', long);
    expect(Object.values(checks('Write a function is_a_name.', short)), short).toEqual([...out]);
  }
});

test('long answers take no longer than their length asks for', () => {
  for (const text of [
    '{"a": '.repeat(4_000),
    '1 + 2 = 3 '.repeat(2_000),
    '(1 '.repeat(7_000),
    'A) '.repeat(7_000),
  ]) {
    const started = performance.now();
    checks('How many? 3 + 4', text);
    expect(performance.now() - started).toBeLessThan(1_000);
  }
});

test('blocks stand one after the other, at the offset', () => {
  const both = createAnswerExtractor([{ kind: 'numeric' }, { kind: 'checks' }], null);
  expect(both.length).toBe(NUMERIC_SIGNAL_NAMES.length + CHECK_NAMES.length);
  const out = new Float32Array(both.length + 3).fill(7);
  const given = { text: '1 + 1 = 2', finishReason: null, logprobs: null };
  both.extractInto(both.readQuestion(readPrompt({ text: DUCKS })), given, out, 2);
  expect([out[0], out[1], out[both.length + 2]]).toEqual([7, 7, 7]);
  expect(out[2]).toBeCloseTo(Math.log1p(9));
  const alone = checks(DUCKS, given.text);
  expect(out[2 + NUMERIC_SIGNAL_NAMES.length + CHECK_NAMES.indexOf('sums')]).toBe(alone.sums);
});
