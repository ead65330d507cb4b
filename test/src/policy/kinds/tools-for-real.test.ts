import { executePlan, type Tool } from 'pointsman/execution';
import { createPolicy } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { createMathjsSolver } from '../../../../data/solvers/candidates/mathjs-solver.ts';
import { createRegexCalculator } from '../../../../data/solvers/candidates/regex-calculator.ts';
import { policyContext } from '../policy-context.ts';

const candidates = ['small', 'large'].map((name) => ({ name, meanCostUsd: 1, meanLatencyMs: 1 }));
const predictions = {
  choice: Float64Array.of(0.5, 0.5),
  success: Float64Array.of(0.5, 0.9),
  costUsd: Float64Array.of(1, 1),
  latencyMs: Float64Array.of(1, 1),
};
const calculator = createRegexCalculator();
const mathjs = await createMathjsSolver();
const tools: Record<string, Tool> = {
  calculator: ({ request }, { signal }) => calculator.solve(request.text ?? '', signal),
  mathjs: ({ request, answer }, { signal }) => mathjs.solve(answer?.text ?? request.text ?? '', signal),
};

function run(spec: object, text: string, clients: Parameters<typeof executePlan>[2]) {
  const plan = createPolicy(spec, candidates).decide(policyContext({ predictions }));
  const fallback = plan.order.slice(1).map((c) => candidates[c].name);
  return executePlan({ plan: plan.step, fallback }, { text }, clients, { tools });
}

const says = (text: string) => async () => ({ text });

test('a request goes to the calculator, and to a candidate when the calculator has no answer', async () => {
  const spec = { kind: 'tools', tool: 'calculator', otherwise: 'large' };
  const sum = await run(spec, 'What is 17 * 23?', { small: says('?'), large: says('about 400') });
  expect(sum.answer.text).toContain('391');
  const poem = await run(spec, 'Write a poem about rivers', { small: says('?'), large: says('Rivers run.') });
  expect(poem.answer.text).toBe('Rivers run.');
});

test('one candidate writes the formula, the tool computes it, a specialist words the result', async () => {
  const spec = { kind: 'tools', tool: 'mathjs', before: 'small', after: 'large', otherwise: 'large' };
  const seen: string[] = [];
  const { answer } = await run(spec, 'Ann has a box of 12 by 34 apples. How many?', {
    small: says('What is 12 * 34?'),
    large: async (request) => {
      seen.push(JSON.stringify(request));
      return { text: 'Ann has 408 apples.' };
    },
  });
  expect(answer.text).toBe('Ann has 408 apples.');
  expect(seen).toHaveLength(1);
  expect(seen[0]).toContain('408');
});
