import fc from 'fast-check';
import { type Request, readPrompt } from 'pointsman';
import { createNumericSignals, createTextScan, NUMERIC_SIGNAL_NAMES, scanText } from 'pointsman/internal';
import { expect, test } from 'vitest';

const writer = createNumericSignals();
const scan = createTextScan();

function signals(request: Request): Record<string, number> {
  const prompt = readPrompt(request);
  scanText(prompt.text, scan);
  const out = new Float32Array(NUMERIC_SIGNAL_NAMES.length);
  writer.writeInto(prompt, scan, out, 0);
  return Object.fromEntries(NUMERIC_SIGNAL_NAMES.map((name, i) => [name, out[i]]));
}

test('every signal has a name of its own', () => {
  expect(new Set(NUMERIC_SIGNAL_NAMES).size).toBe(NUMERIC_SIGNAL_NAMES.length);
});

test('a multiple-choice sum shows as options, numbers and a calculation', () => {
  const seen = signals({ text: 'What is 12 + 30?\nA. 42\nB. 41\nC. 40\nD. 1830' });
  expect(seen.logOptions).toBeCloseTo(Math.log1p(4));
  expect(seen.fourOptions).toBe(1);
  expect(seen.optionNumericShare).toBe(1);
  expect(seen.logMaxOptionLength).toBeCloseTo(Math.log1p(4));
  expect(seen.logNumbers).toBeCloseTo(Math.log1p(6));
  expect(seen.first_what).toBe(1);
  expect(seen.has_which).toBe(0);
  expect(seen.yearLike).toBe(1);
});

test('words are counted by kind, whatever their case', () => {
  const seen = signals({ text: 'Translate this. DO NOT explain; summarise.' });
  expect(seen.log_instruction_words).toBeCloseTo(Math.log1p(3));
  expect(seen.log_negation_words).toBeCloseTo(Math.log1p(1));
  expect(seen.logAllCapsWords).toBeCloseTo(Math.log1p(2));
  expect(seen.endsWithStop).toBe(1);
});

test('an empty prompt gives finite signals', () => {
  for (const value of Object.values(signals({ text: '' }))) expect(value).toBe(0);
});

test('any Unicode, lone surrogates too, gives finite signals', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      return Object.values(signals({ text })).every(Number.isFinite);
    }),
  );
});

test('tokens tile the visible text', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 3000 }), (text) => {
      scanText(text, scan);
      let from = 0;
      for (let t = 0; t < scan.tokens; t++) {
        expect(text.slice(from, scan.starts[t]).trim()).toBe('');
        expect(scan.ends[t]).toBeGreaterThan(scan.starts[t]);
        from = scan.ends[t];
      }
      expect(text.slice(from).trim()).toBe('');
    }),
  );
});
