import fc from 'fast-check';
import { InvalidInputError } from 'pointsman';
import { compileCel } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { policyContext, SIGNALS } from './policy-context.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
const nine = () => new Float64Array(9).fill(0.5);
const predictions = { success: nine(), choice: nine(), costUsd: nine(), latencyMs: nine() };

/** What a rule says, or the error with which it was refused when it was compiled; and how long both took. */
function run(rule: string, signals: object = {}) {
  const started = performance.now();
  const context = policyContext({ predictions, signals });
  try {
    const expression = compileCel(rule, NAMES);
    const value = expression.evaluate({ ...SIGNALS, ...signals }, predictions, context.novelty);
    return { value, steps: expression.maxSteps, ms: performance.now() - started };
  } catch (error) {
    return { error: error as Error, ms: performance.now() - started };
  }
}

describe('rules that could take time or memory without end are refused when they are compiled', () => {
  const nested = (depth: number): string =>
    depth === 0 ? 'true' : `success.all(k${depth}, ${nested(depth - 1)})`;
  test.each([
    ['lists that double', `[[1]]${'.map(a, a + a)'.repeat(28)}.size() > 0`],
    ['texts that double', `["x"]${'.map(a, a + a)'.repeat(28)}.size() > 0`],
    ['lists in lists that double', `cel.bind(x, [1]${'.map(a, [a, a])'.repeat(28)}, x == x)`],
    ['seven comprehensions in one another', nested(7)],
    [
      'texts joined to longer ones',
      'tier.split("").map(x, tier).join(tier).split("").map(x, tier).join("").size() > 0',
    ],
    ['texts bound to longer ones', binds(26)],
  ])('%s', (_, rule) => {
    const { error, ms } = run(rule, { tier: 'x'.repeat(200) });
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error?.message).toMatch(/at most 200000 steps|cannot be bounded|Exceeded/);
    expect(ms).toBeLessThan(500);
  });

  function binds(times: number): string {
    let rule = 'x0 == x0 + "y"';
    for (let i = 0; i < times; i++)
      rule = `cel.bind(x${i}, ${i === times - 1 ? 'tier' : `x${i + 1} + x${i + 1}`}, ${rule})`;
    return rule;
  }
});

test.each([
  ['tokens < 100 && codeShare == 0', true],
  ['"text" in modalities && tier in ["", "gold"]', true],
  ['success.exists(c, success[c] > 0.9)', false],
  ['success.all(c, load[c]["inFlight"] < 3.0 && success[c] > 0.1)', true],
  ['success.filter(c, success.all(d, success[c] >= success[d])).size() == 9', true],
  ['task.lowerAscii().split(" ").exists(word, word == "question")', true],
  ['tier.matches("^(gold|silver)$")', false],
  ['language.matches("^e[a-z]$")', true],
])('an ordinary rule is evaluated as before: %s', (rule, value) => {
  expect(run(rule)).toMatchObject({ value });
});

test.each(['^(a+)+$', '(a|aa)+$', '(a*)*b', '(x+x+)+y', '^(([a-z])+.)+[A-Z]([a-z])+$'])(
  'the pattern %s takes time in proportion to the text',
  (pattern) => {
    for (const tier of [`${'a'.repeat(34)}!`, 'x'.repeat(200), `${'a'.repeat(100_000)}!`]) {
      const { error, value, ms } = run(`tier.matches("${pattern}")`, { tier });
      expect(error).toBeUndefined();
      expect(typeof value).toBe('boolean');
      expect(ms).toBeLessThan(1000);
    }
  },
);

test.each([
  ['a pattern that is no constant', 'tier.matches(task)', 'must be a text in quotes'],
  ['look-ahead, which RE2 does not have', 'tier.matches("(?=a)b")', "must be in RE2's syntax"],
  ['repetitions of repetitions', 'tier.matches("(a{30}){30}")', 'at most 500 instructions'],
  ['a function whose cost is not known', 'bytes("{}").json() == {}', 'cannot be used in rules'],
])('%s is refused', (_, rule, message) => {
  expect(run(rule).error?.message).toContain(message);
});

test('whatever rule is made of comprehensions, sums and patterns: refused or evaluated, and soon', () => {
  const list = fc.letrec<{ list: string; text: string; test: string }>((tie) => ({
    list: fc.oneof(
      { maxDepth: 8, withCrossShrink: true },
      fc.constantFrom('modalities', '[tier]', 'tier.split("")', '["a", "b"]'),
      fc.tuple(tie('list'), tie('text')).map(([of, to]) => `${of}.map(x, ${to})`),
      fc.tuple(tie('list'), tie('test')).map(([of, keep]) => `${of}.filter(x, ${keep})`),
      fc.tuple(tie('list'), tie('list')).map(([a, b]) => `(${a} + ${b})`),
    ),
    text: fc.oneof(
      { maxDepth: 8 },
      fc.constantFrom('tier', '"a"', 'task'),
      fc.tuple(tie('text'), tie('text')).map(([a, b]) => `(${a} + ${b})`),
      tie('list').map((of) => `${of}.join(tier)`),
    ),
    test: fc.oneof(
      { maxDepth: 8 },
      fc.tuple(tie('text'), tie('text')).map(([a, b]) => `${a} == ${b}`),
      fc.tuple(tie('list'), tie('test')).map(([of, holds]) => `${of}.all(x, ${holds})`),
      fc.tuple(tie('list'), tie('list')).map(([a, b]) => `${a} == ${b}`),
      tie('text').map((of) => `${of}.matches("(a+)+$")`),
    ),
  })).test;
  fc.assert(
    fc.property(list, (rule) => {
      const { error, ms } = run(rule, { tier: 'a'.repeat(200) });
      if (error !== undefined) expect(error.message).not.toBe('');
      expect(ms).toBeLessThan(1000);
    }),
    { numRuns: 100 },
  );
});
