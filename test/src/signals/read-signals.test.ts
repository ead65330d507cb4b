import fc from 'fast-check';
import { loadLanguageDetector, loadTokenCounter, type Request, readPrompt, type Signals } from 'pointsman';
import { readSignals, type SignalSources } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';

function signalsOf(request: Request, sources: SignalSources = {}, given: Partial<Signals> = {}) {
  return readSignals(
    {
      request,
      prompt: readPrompt(request),
      modalities: ['text'],
      success: Float64Array.of(0.9, 0.7, 0.5),
      classifyTask: undefined,
      candidates: ['a', 'b'],
    },
    sources,
    given,
  );
}

const text = (value: string) => signalsOf({ text: value });

describe('task, without a classifier', () => {
  test.each([
    ['Translate this to French: good morning', 'translation'],
    ['Summarise the following article in three sentences. ...', 'summary'],
    ['Write a Python function that reverses a list', 'code'],
    ['```js\nconst x = 1;\n```\nWhy does this fail?', 'code'],
    ['What is 17 * 23 + 4?', 'maths'],
    ['A train leaves at 3; how many hours until 11?', 'maths'],
    ['Classify the sentiment of this review: great!', 'classification'],
    ['Draft an email to my landlord about the heating', 'writing'],
    ['Who was the first person on the moon?', 'question'],
    ['hello there', 'other'],
    ['', 'other'],
  ])('%j is %s', (prompt, task) => {
    expect(text(prompt).task).toBe(task);
    expect(text(prompt).taskConfidence).toBe(0.5);
  });
});

test("the router's own classifier comes before the rules, and the caller before both", () => {
  const input = {
    request: undefined,
    prompt: readPrompt({ text: 'Translate this' }),
    modalities: [],
    success: Float64Array.of(1),
    classifyTask: () => ({ task: 'legal', confidence: 0.8 }),
    candidates: ['a'],
  };
  expect(readSignals(input, {}, {}).task).toBe('legal');
  expect(readSignals(input, {}, {}).taskConfidence).toBe(0.8);
  expect(readSignals(input, {}, { task: 'medical' }).task).toBe('medical');
  expect(readSignals(input, {}, { task: 'medical' }).taskConfidence).toBe(1);
});

test('complexity is 1 minus the mean success', () => {
  expect(text('x').complexity).toBeCloseTo(0.3, 12);
});

describe('code and maths', () => {
  test.each<[string, (share: number) => boolean, (share: number) => boolean]>([
    ['Tell me about the history of Portugal.', (c) => c === 0, (m) => m === 0],
    ['def f(x):\n    return x + 1\n', (c) => c > 0.9, (m) => m < 0.1],
    ['Fix this:\n```\nfoo bar\nbaz\n```', (c) => c > 0.5, () => true],
    ['Call `list.sort()` or array.map(f) here please', (c) => c > 0.2 && c < 0.9, () => true],
    ['What is 3 + 4 * 5 - 2?', (c) => c === 0, (m) => m > 0.3],
    ['Show that $\\int_0^1 x^2 dx = 1/3$ holds', (c) => c === 0, (m) => m > 0.4],
    ['I was born in 1990, and have 2 cats.', (c) => c === 0, (m) => m === 0],
  ])('%j', (prompt, code, maths) => {
    const { codeShare, mathsShare } = text(prompt);
    expect(code(codeShare), `code ${codeShare}`).toBe(true);
    expect(maths(mathsShare), `maths ${mathsShare}`).toBe(true);
  });

  test('both are shares, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (value) => {
        const { codeShare, mathsShare } = text(value);
        expect(codeShare).toBeGreaterThanOrEqual(0);
        expect(mathsShare).toBeGreaterThanOrEqual(0);
        expect(codeShare + mathsShare).toBeLessThanOrEqual(1 + 1e-12);
      }),
      { seed: 1 },
    );
  });

  test('a megabyte of what expressions stumble over takes no time', () => {
    const started = performance.now();
    for (const hostile of ['1+', 'a.b', '$', '((', 'x = ', '\\', 'a_', '1-', 'def '])
      text(hostile.repeat(2 ** 17)).mathsShare;
    for (const hostile of ['1+', 'a.b', '$', '((', 'x = ', '\\', 'a_', '1-', 'def '])
      text(`${hostile.repeat(200)}\n`.repeat(200)).mathsShare;
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

describe('tokens', () => {
  const conversation: Request = {
    messages: [
      { role: 'system', content: 'You are kind.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Hello there' },
          { type: 'image_url', image_url: '' },
        ],
      },
      { role: 'assistant', content: null },
    ],
  };

  test('are estimated where there is no counter, over all messages', () => {
    expect(signalsOf(conversation).tokens).toBe(6);
    expect(text('').tokens).toBe(0);
  });

  test('exactly, with a counter: the numbers are those of the o200k_base encoding', async () => {
    const countTokens = await loadTokenCounter();
    expect(countTokens('hello world')).toBe(2);
    expect(countTokens('<|endoftext|> is text')).toBeGreaterThan(4);
    expect(countTokens('\ud800 lone')).toBeGreaterThan(0);
    expect(signalsOf(conversation, { countTokens }).tokens).toBe(
      countTokens('You are kind.') + countTokens('Hello there'),
    );
    expect((await loadTokenCounter('cl100k_base'))('hello world')).toBe(2);
  });
});

describe('language', () => {
  test('und without a detector', () => {
    expect(text('Guten Morgen').language).toBe('und');
  });

  test('as the detector says', async () => {
    const detectLanguage = await loadLanguageDetector();
    const languageOf = (value: string) => signalsOf({ text: value }, { detectLanguage }).language;
    expect(languageOf('Guten Morgen, wie geht es Ihnen heute?')).toBe('de');
    expect(languageOf('¿Dónde está la biblioteca de la ciudad?')).toBe('es');
    expect(languageOf('Please tell me where the library is.')).toBe('en');
    expect(languageOf('今日は天気がいいですね')).toBe('ja');
    expect(languageOf('')).toBe('und');
    expect(languageOf('12345 !!')).toBe('und');
  });
});

test('tools, structure, turns and modalities are read off the request', () => {
  const signals = signalsOf({
    messages: [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
    ],
    tools: [{}, {}],
    responseFormat: { type: 'json_schema' },
  });
  expect(signals.tools).toBe(2);
  expect(signals.structured).toBe(true);
  expect(signals.turns).toBe(2);
  expect(signals.modalities).toEqual(['text']);
});

test('load is what the executor says, of every candidate', () => {
  const load = {
    inFlight: (name: string) => (name === 'a' ? 3 : 0),
    recentLatencyMs: (name: string) => (name === 'a' ? 250 : null),
  };
  expect(signalsOf({ text: '' }, { load }).load).toEqual({
    a: { inFlight: 3, recentLatencyMs: 250 },
    b: { inFlight: 0, recentLatencyMs: null },
  });
});

test('what nobody says has a stated default', () => {
  const { quality, latencyBudgetMs, costBudgetUsd, tier } = text('');
  expect({ quality, latencyBudgetMs, costBudgetUsd, tier }).toEqual({
    quality: 'standard',
    latencyBudgetMs: null,
    costBudgetUsd: null,
    tier: '',
  });
});

test('the caller can set any of them, and what was looked at is kept', () => {
  const given: Partial<Signals> = {
    ...{ task: 't', taskConfidence: 0.1, complexity: 0.9, tokens: 7, language: 'fr', codeShare: 0.5 },
    ...{ mathsShare: 0.4, modalities: ['audio'], tools: 5, structured: true, turns: 9, quality: 'draft' },
    ...{ latencyBudgetMs: 5, costBudgetUsd: 1, tier: 'gold', load: {} },
  };
  const signals = signalsOf({ text: 'hello' }, {}, given);
  for (const [name, value] of Object.entries(given)) expect(signals[name as keyof Signals]).toEqual(value);
  const plain = text('hello');
  expect(plain.seen).toEqual({});
  expect(plain.turns).toBe(1);
  expect(plain.seen).toEqual({ turns: 1 });
});
