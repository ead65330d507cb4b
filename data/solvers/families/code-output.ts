import type { Random } from 'pointsman/internal';
import { words } from '../wording/names.ts';
import { between, pick, sample, spin } from '../wording/spin.ts';
import { integerAnswer, nearMisses, textAnswer } from './answers.ts';
import type { Family } from './family.ts';

/** What a snippet prints: JavaScript mostly, some Python. The answer is computed beside the snippet, not by running it. */
export const codeOutput: Family = {
  name: 'code-output',
  make(random, difficulty) {
    const { code, answer, language } = snippet(random, difficulty);
    const fence = pick(random, [
      `\`\`\`${language === 'python' ? 'python' : pick(random, ['js', 'javascript'])}\n${code}\n\`\`\``,
      code,
    ]);
    const asks =
      '{What does this {code|program|snippet|script} {print|output}?|What is {printed|the output}?|Predict the output{ of the code below|}.|What will {be logged|appear on the console}?}';
    const ask = spin(random, asks);
    const named = random.next() < 0.4 ? ` (${language === 'python' ? 'Python' : 'JavaScript'})` : '';
    const number = typeof answer === 'number';
    return {
      text: random.next() < 0.75 ? `${ask}${named}\n${fence}` : `${fence}\n${ask}${named}`,
      expected: number ? integerAnswer(answer) : textAnswer(answer),
      ...(number ? { wrong: nearMisses(answer) } : {}),
    };
  },
};

interface Snippet {
  readonly code: string;
  readonly answer: number | string;
  readonly language?: 'python';
}

function snippet(random: Random, difficulty: number): Snippet {
  if (random.next() < 0.15 + 0.1 * difficulty) return python(random);
  const list = Array.from({ length: between(random, 3, 7) }, () => between(random, 1, 50));
  const [n, k, m] = [
    between(random, 3, 5 + Math.round(40 * difficulty)),
    between(random, 2, 9),
    between(random, 2, 9),
  ];
  const word = pick(random, words);
  const v = pick(random, ['total', 'sum', 'acc', 'result', 'out']);
  const easy: Snippet[] = [
    { code: `const a = ${n};\nconst b = ${k};\nconsole.log(a * b + ${m});`, answer: n * k + m },
    { code: `console.log('${word}'.length + ${n});`, answer: word.length + n },
    { code: `console.log('${word}'.toUpperCase());`, answer: word.toUpperCase() },
    {
      code: `const list = [${list.join(', ')}];\nconsole.log(list[${list.length - 2}]);`,
      answer: list.at(-2)!,
    },
  ];
  const medium: Snippet[] = [
    {
      code: `let ${v} = 0;\nfor (let i = 1; i <= ${n}; i++) {\n  ${v} += i * ${k};\n}\nconsole.log(${v});`,
      answer: (k * n * (n + 1)) / 2,
    },
    {
      code: `const list = [${list.join(', ')}];\nconsole.log(list.filter((x) => x % ${k} === 0).length);`,
      answer: list.filter((x) => x % k === 0).length,
    },
    {
      code: `const list = [${list.join(', ')}];\nconst ${v} = list.map((x) => x + ${k}).reduce((a, b) => a + b, 0);\nconsole.log(${v});`,
      answer: list.reduce((a, b) => a + b, 0) + k * list.length,
    },
    {
      code: `const word = '${word}';\nconsole.log([...word].reverse().join('') + word.length);`,
      answer: [...word].reverse().join('') + word.length,
    },
    { code: `console.log(${n} > ${k * 3} ? '${word}' : 'other');`, answer: n > k * 3 ? word : 'other' },
  ];
  const hard: Snippet[] = [
    {
      code: `function f(n) {\n  return n <= 1 ? ${m} : f(n - 1) + n * ${k};\n}\nconsole.log(f(${n}));`,
      answer: m + k * ((n * (n + 1)) / 2 - 1),
    },
    {
      code: `let [a, b] = [${k}, ${m}];\nfor (let i = 0; i < ${Math.min(n, 20)}; i++) {\n  [a, b] = [b, a + b];\n}\nconsole.log(a);`,
      answer: fibonacci(k, m, Math.min(n, 20)),
    },
    {
      code: `const seen = new Map();\nfor (const c of '${word}${word[0]}') {\n  seen.set(c, (seen.get(c) ?? 0) + 1);\n}\nconsole.log(seen.get('${word[0]}'));`,
      answer: (word + word[0]).split(word[0]!).length - 1,
    },
    {
      code: `const make = (step) => {\n  let count = ${k};\n  return () => (count += step);\n};\nconst next = make(${m});\nfor (let i = 0; i < ${n - 1}; i++) next();\nconsole.log(next());`,
      answer: k + m * n,
    },
    {
      code: `let x = ${n * 37};\nlet steps = 0;\nwhile (x > 0) {\n  x = Math.floor(x / ${k});\n  steps++;\n}\nconsole.log(steps);`,
      answer: (n * 37).toString(k).length,
    },
    {
      code: `console.log([${list.join(', ')}].sort().join('-'));`,
      answer: list.map(String).sort().join('-'),
    },
    { code: `console.log('${k}' + ${m} - ${n});`, answer: Number(`${k}${m}`) - n },
  ];
  return pick(
    random,
    difficulty < 0.35 ? easy : difficulty < 0.65 ? [...easy, ...medium, ...medium] : [...medium, ...hard],
  );
}

function fibonacci(a: number, b: number, steps: number): number {
  return steps === 0 ? a : fibonacci(b, a + b, steps - 1);
}

function python(random: Random): Snippet {
  const [n, k] = [between(random, 3, 30), between(random, 2, 9)];
  const [one, two] = sample(random, words, 2) as [string, string];
  const list = Array.from({ length: between(random, 3, 6) }, () => between(random, 1, 40));
  return pick<Snippet>(random, [
    { code: `print(sum(range(${n})))`, answer: (n * (n - 1)) / 2, language: 'python' },
    { code: `print(${n} // ${k} + ${n} % ${k})`, answer: Math.floor(n / k) + (n % k), language: 'python' },
    { code: `word = "${one}"\nprint(word[::-1])`, answer: [...one].reverse().join(''), language: 'python' },
    {
      code: `xs = [${list.join(', ')}]\nprint(max(xs) - min(xs))`,
      answer: Math.max(...list) - Math.min(...list),
      language: 'python',
    },
    {
      code: `total = 0\nfor i in range(1, ${n + 1}):\n    if i % ${k} == 0:\n        total += i\nprint(total)`,
      answer: k * ((Math.floor(n / k) * (Math.floor(n / k) + 1)) / 2),
      language: 'python',
    },
    { code: `print(len("${one}" + "${two}"))`, answer: one.length + two.length, language: 'python' },
  ]);
}
