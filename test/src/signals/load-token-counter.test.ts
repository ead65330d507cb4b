import { countTokens as exactly } from 'gpt-tokenizer/encoding/o200k_base';
import { loadTokenCounter } from 'pointsman';
import { expect, test } from 'vitest';

const countTokens = await loadTokenCounter();

test('ordinary text is counted as the encoding has it', () => {
  for (const text of [
    'hello world',
    'Was machen Sie heute?',
    '今日は天気がいいですね',
    'const x = [1, 2];\n',
    '7'.repeat(1000),
    '',
  ]) {
    expect(countTokens(text)).toBe(exactly(text));
  }
});

test.each(['a', 'Q', 'ab', '-', '{"', ' ', '\n', '7', '一', 'あ', 'é', '😀', '\udc00', '\ud800', 'ا'])(
  'time is linear in a run of %j, and at most one token a piece is added',
  (unit) => {
    const short = unit.repeat(1_000);
    expect(countTokens(short)).toBeGreaterThanOrEqual(exactly(short));
    expect(countTokens(short) - exactly(short)).toBeLessThanOrEqual(Math.ceil(short.length / 128));
    const long = unit.repeat(Math.ceil(200_000 / unit.length));
    const started = performance.now();
    countTokens(long);
    // Quadratic, it took over a minute.
    expect(performance.now() - started).toBeLessThan(3_000);
  },
);
