import { expect, test } from 'vitest';
import { findFinalAnswer, keyOfFinal } from '../../../src/answer/final.ts';
import { readSums } from '../../../src/answer/sums.ts';
import { createTextScan, scanText } from '../../../src/text.ts';

const scan = createTextScan();

function final(text: string) {
  scanText(text, scan);
  const found = findFinalAnswer(scan, readSums(scan).numbers);
  const said = found.to > found.from ? text.slice(scan.starts[found.from], scan.ends[found.to - 1]) : '';
  return { ...found, said, key: keyOfFinal(scan, found) };
}

test.each([
  ['{"reasoning": "2 + 3 = 5", "answer": "5"}', '5', 5],
  ['{"answer": 42, "sure": true}', '42', 42],
  ['{"answer": "-7"} as I said: the answer is 8', '-7', -7],
  ['First 3, then 4.\n#### 1,200', '1,200', 1200],
  ['So \\boxed{\\frac{3}{4}} it is.', '\\frac{3}{4}', 3],
  ['We add them. **Answer:** 17 apples', '17 apples', 17],
  ['The final answer is $12.50. I hope this helps, in 3 ways.', '$12.50', 12.5],
  ['Die Antwort lautet 30', '30', 30],
  ['Paris', 'Paris', Number.NaN],
  ['There are twelve of them in the box, and each of them weighs 3 kg, so it is 36', '36', 36],
  ['{"answer": [1, 2, [3]], "why": 9}', '[1, 2, [3]]', 1],
])('finds what %j finally says', (text, said, value) => {
  expect(final(text).said).toBe(said);
  expect(final(text).value).toBe(value);
});

test.each([
  ['B', 1],
  ['(C)', 2],
  ['Answer: D. Oslo', 3],
  ['The answer is (A), since the others are not.', 0],
  ['{"answer": "B"}', 1],
  ['Answer: a dog', -1],
  ['A dog.', -1],
  ['Answer: 4', -1],
])('finds the option that %j names', (text, option) => {
  expect(final(text).option).toBe(option);
});

test('answers that say the same have the same key, others another', () => {
  const key = (text: string) => final(text).key;
  expect(key('{"answer": "18"}')).toBe(key('It is 9 * 2 = 18.\n#### 18.00'));
  expect(key('The answer is $1,200 a week')).toBe(key('#### 1200'));
  expect(key('Answer: (B)')).toBe(key('b'));
  expect(key('Paris.')).toBe(key('PARIS'));
  expect(key('#### 18')).not.toBe(key('#### 19'));
  expect(key('#### 18')).not.toBe(key('#### -18'));
  expect(key('Paris')).not.toBe(key('Oslo'));
  expect(key('Answer: (B)')).not.toBe(key('Answer: (C)'));
});

test('of several marks the last counts, and an object outranks what is said around it', () => {
  expect(final('The answer is 5. No: the answer is 6.')).toMatchObject({ value: 6, marks: 2 });
  expect(final('{"answer": "5"}\nAnswer: see above')).toMatchObject({ value: 5, marks: 2 });
});

test('an empty answer says nothing', () => {
  expect(final('')).toMatchObject({ said: '', number: -1, option: -1, marks: 0 });
});
