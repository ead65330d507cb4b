import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { generatePrompts } from '../../../data/solvers/generate-prompts.ts';
import type { Expected } from '../../../data/solvers/grading/expected.ts';
import { parseFormula } from '../../../data/solvers/grading/formula.ts';

const prompts = generatePrompts({ count: 1500, seed: 7 });

/** The prompts of a family with what the answer is behind any letter. */
function of(family: string): { text: string; expected: Expected }[] {
  return prompts
    .filter((prompt) => prompt.family === family)
    .map(({ text, expected }) => ({
      text,
      expected: expected.kind === 'choice' ? expected.content : expected,
    }));
}

/** The formula without the word x or spaces, worked out at x. */
function at(formula: string, x: number): number {
  return parseFormula(formula)!(x);
}

/** A text with its `May 3, 2020` and `3 May 2020` as `2020-05-03`. */
function isoDates(text: string): string {
  const months = 'JanFebMarAprMayJunJulAugSepOctNovDec';
  const iso = (d: string, name: string, y: string) =>
    `${y}-${String(months.indexOf(name.slice(0, 3)) / 3 + 1).padStart(2, '0')}-${d.padStart(2, '0')}`;
  return text
    .replace(/(\d+) ([A-Z][a-z]+) (\d{4})/, (_, d, name, y) => iso(d, name, y))
    .replace(/([A-Z][a-z]+) (\d+), (\d{4})/, (_, name, d, y) => iso(d, name, y));
}

describe('generatePrompts', () => {
  test('gives the same prompts for the same seed, and others for another', () => {
    expect(generatePrompts({ count: 60, seed: 7 })).toEqual(generatePrompts({ count: 60, seed: 7 }));
    expect(generatePrompts({ count: 60, seed: 8 })).not.toEqual(generatePrompts({ count: 60, seed: 7 }));
  });

  test('has fifteen families of equal size, and ids that are never repeated', () => {
    const sizes = new Map<string, number>();
    for (const { family } of prompts) sizes.set(family, (sizes.get(family) ?? 0) + 1);
    expect([...sizes.values()]).toEqual(new Array(15).fill(100));
    expect(new Set(prompts.map(({ id }) => id)).size).toBe(prompts.length);
  });

  test('never repeats a text, and seldom a wording', () => {
    const texts = prompts.map(({ text }) => text);
    const shapes = texts.map((text) =>
      text.replaceAll(/"[^"]*"|'[^']*'/g, '""').replaceAll(/[\d.,]*\d/g, '0'),
    );
    expect(new Set(texts).size).toBe(texts.length);
    expect(new Set(shapes).size).toBeGreaterThan(0.85 * shapes.length);
  });

  test('leaves no placeholder and no alternative open', () => {
    for (const { text, family } of prompts) {
      if (family === 'code-output' || family === 'sets-and-sorting') continue;
      expect(text).not.toMatch(/\$[a-z]|[{}|]|undefined|NaN/);
    }
  });

  test('asks in plain texts, in conversations and with options', () => {
    expect(prompts.filter(({ messages }) => messages !== null).length).toBeGreaterThan(150);
    expect(prompts.filter(({ messages }) => (messages?.length ?? 0) > 2).length).toBeGreaterThan(50);
    expect(prompts.filter(({ expected }) => expected.kind === 'choice').length).toBeGreaterThan(60);
  });

  test('puts the user turns of a conversation, in order, into the text', () => {
    for (const { text, messages } of prompts.filter((prompt) => prompt.messages !== null)) {
      const said = messages!.filter(({ role }) => role === 'user').map(({ content }) => content);
      expect(text).toBe(said.join('\n'));
    }
  });
});

describe('the known answers', () => {
  test('of sums agree with BigInt', () => {
    let seen = 0;
    for (const { text, expected } of of('arithmetic')) {
      const line = text.split('\n').find((each) => /\d\)* [-+*×^] /.test(each));
      const found = /[\d(][-\d+*×^() ]* [-+*×^] [-\d+*×^() ]*[\d)]/.exec(line ?? '')?.[0];
      if (found === undefined || expected.kind !== 'integer') continue;
      const code = found.replaceAll('×', '*').replaceAll('^', '**').replaceAll(/\d+/g, '$&n');
      expect(runInNewContext(code).toString(), text).toBe(expected.digits);
      seen++;
    }
    expect(seen).toBeGreaterThan(50);
  });

  test('of JavaScript snippets are what the snippets print', () => {
    let seen = 0;
    for (const { text, expected } of of('code-output')) {
      const code = /```(?:js|javascript)\n([\s\S]*?)```/.exec(text)?.[1];
      if (code === undefined) continue;
      let printed = '';
      runInNewContext(code, { console: { log: (value: unknown) => (printed = String(value)) } });
      expect(printed, text).toBe(
        expected.kind === 'integer' ? expected.digits : expected.kind === 'text' ? expected.accepted[0] : '',
      );
      seen++;
    }
    expect(seen).toBeGreaterThan(15);
  });

  test('of derivatives agree with central differences', () => {
    let seen = 0;
    for (const { text, expected } of of('calculus')) {
      const formula = /-?\d*x\^\d[-+\d x^]*[\dx]/.exec(text.replace(/ (?:at|when|with) .*/s, ''))?.[0];
      if (formula === undefined || expected.kind !== 'formula' || expected.upToConstant === true) continue;
      const slope = (at(formula, 1.3 + 1e-5) - at(formula, 1.3 - 1e-5)) / 2e-5;
      expect(at(expected.formula, 1.3), text).toBeCloseTo(slope, 3);
      seen++;
    }
    expect(seen).toBeGreaterThan(20);
  });

  test('of equations in one unknown solve them', () => {
    let seen = 0;
    for (const { text, expected } of of('algebra')) {
      const [, left, right] = /(-?[\dx][-+\d x^]*) = (-?[\dx][-+\d x]*)/.exec(text) ?? [];
      if (
        left === undefined ||
        right === undefined ||
        !left.includes('x') ||
        left === 'x' ||
        / and |If x|(?:at|for|when) x = |f\(x|y/.test(text.split('\n').at(-1)!)
      )
        continue;
      const roots =
        expected.kind === 'list'
          ? expected.items.map(Number)
          : expected.kind === 'number'
            ? [expected.value]
            : [];
      for (const root of roots) expect(at(left, root), text).toBeCloseTo(at(right, root), 9);
      seen += roots.length;
    }
    expect(seen).toBeGreaterThan(10);
  });

  test('of weekdays agree with Zeller', () => {
    const names = 'Saturday Sunday Monday Tuesday Wednesday Thursday Friday'.split(' ');
    let seen = 0;
    for (const { text, expected } of of('dates')) {
      const [, y, m, d] = /(\d{4})-(\d\d)-(\d\d)/.exec(isoDates(text))?.map(Number) ?? [];
      if (y === undefined || expected.kind !== 'text' || !names.includes(expected.accepted[0]!)) continue;
      const [month, year] = m! < 3 ? [m! + 12, y - 1] : [m!, y];
      const day =
        (d! +
          Math.floor((13 * (month + 1)) / 5) +
          year +
          Math.floor(year / 4) -
          Math.floor(year / 100) +
          Math.floor(year / 400)) %
        7;
      expect(expected.accepted[0], text).toBe(names[day]);
      seen++;
    }
    expect(seen).toBeGreaterThan(10);
  });

  test('of multiple choices stand beside their letter', () => {
    for (const { text, expected } of prompts) {
      if (expected.kind !== 'choice') continue;
      const line = text.split('\n').find((each) => new RegExp(`^\\(?${expected.letter}[.)] `).test(each))!;
      const content = line.replace(/^\(?.[.)] /, '');
      const { content: right } = expected;
      if (right.kind === 'integer') expect(content).toBe(right.digits);
      if (right.kind === 'text') expect(content).toBe(right.accepted[0]);
      if (right.kind === 'number')
        expect(Math.abs(Number(content) - right.value)).toBeLessThanOrEqual(right.tolerance);
    }
  });
});
