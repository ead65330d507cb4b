import { beforeAll, describe, expect, test } from 'vitest';
import type { Solver } from '../../../data/solvers/candidates/solver.ts';
import { loadSolvers } from '../../../data/solvers/candidates/solvers.ts';

let solvers: readonly Solver[];

beforeAll(async () => {
  solvers = await loadSolvers();
});

function solver(name: string): Solver {
  return solvers.find((each) => each.name === name)!;
}

describe('the solvers', () => {
  test('say nothing, and never throw, when the text is no question', async () => {
    for (const text of [
      '',
      ' ',
      '(((((',
      '1+',
      '```js\n',
      '\u0000',
      '🦉'.repeat(240),
      '[object Object]',
      '/.*/',
      '5 5 5 5',
    ]) {
      for (const each of solvers)
        await expect(each.solve(text)).resolves.toSatisfy(
          (said) => said === null || typeof said === 'string',
        );
    }
  });

  test('stop when the signal says so', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(solver('mathjs').solve('1 + 1', signal)).rejects.toThrow('enough');
  });

  test('know what they are for', async () => {
    expect(await solver('regex-calculator').solve('What is 12 * 3 + 4?')).toBe('40');
    expect(await solver('lookup').solve('What is the capital of Ghana?')).toBe('Accra');
    expect(await solver('chrono-dates').solve('What date is 45 days after 3 March 2021?')).toBe('2021-04-17');
    expect(await solver('language').solve('What is the plural of "knife"?')).toBe('knives');
    expect(await solver('mathjs').solve('Convert 5 miles to feet.')).toMatch(/^26400/);
    expect(await solver('cas').solve('Solve x^2 - 5x + 6 = 0.')).toBe('2, 3');
    expect(await solver('generalist').solve('What comes next: 1, 4, 9, 16, 25, ...?')).toBe('36');
  });
});

describe('the sandbox', () => {
  const run = (code: string) =>
    solver('js-sandbox').solve(`What does this print?\n\`\`\`js\n${code}\n\`\`\``);

  test('runs a snippet and gives what it prints', async () => {
    expect(await run("console.log([3, 1, 2].sort().join('-'), 7);")).toBe(
      '3-1-2'.split('-').sort().join('-').concat(' 7'),
    );
  });

  test('offers no host: no process, no require, no fetch, no timer', async () => {
    const names = ['process', 'require', 'fetch', 'setTimeout', 'Deno', 'Bun'].map(
      (name) => `typeof ${name}`,
    );
    expect(await run(`console.log([${names}].join());`)).toBe(new Array(6).fill('undefined').join());
  });

  test('stops an endless loop, endless recursion and a program that eats memory', async () => {
    expect(await run('for (;;) {}')).toBeNull();
    expect(await run('const f = () => f() + 1; console.log(f());')).toBeNull();
    expect(await run("let s = 'x'; for (;;) s += s;")).toBeNull();
  });
});
