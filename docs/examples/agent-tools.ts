// An agent that chooses tools and skills: sums go to a calculator, dates to a calendar, and a model explains the result.
// The tools are programs of this repository; they run here, and cost nothing.
import { type PolicySpec, readPrompt } from 'pointsman';
import { execute, type Tool } from 'pointsman/execution';
import { createDateSolver } from '../../data/solvers/candidates/date-solver.ts';
import { createMathjsSolver } from '../../data/solvers/candidates/mathjs-solver.ts';
import type { Solver } from '../../data/solvers/candidates/solver.ts';
import { exampleRouter } from './example-router.ts';
import { runDirectly, type Tell } from './run-directly.ts';
import { standIns } from './stand-in-clients.ts';

const policy: PolicySpec = {
  kind: 'hierarchical',
  by: 'task',
  domains: {
    // The tool's word is the answer; when it has none, a model answers.
    sum: { kind: 'tools', tool: 'calculator', otherwise: 'pro' },
    // The tool's word goes to a model, which puts it into words.
    date: { kind: 'tools', tool: 'calendar', after: 'mini', otherwise: 'pro' },
    systems: 'coder',
  },
  otherwise: { kind: 'utility', weights: 'balanced' },
};

/** A solver as a tool: null when it has no answer. */
const tool =
  (solver: Solver): Tool =>
  ({ request }, { signal }) =>
    solver.solve(readPrompt(request).text, signal);

const REQUESTS = [
  { text: 'What is 17% of 2300?', task: 'sum' },
  { text: 'What is the sum of all the kindness in the world?', task: 'sum' },
  { text: 'What day of the week was 14 July 1789?', task: 'date' },
];

export async function agentTools(tell: Tell, folder?: string): Promise<string[][]> {
  const router = await exampleRouter({ policy }, folder);
  const tools = { calculator: tool(await createMathjsSolver()), calendar: tool(await createDateSolver()) };
  const calls: string[][] = [];
  for (const { text, task } of REQUESTS) {
    // The agent knows what it is about; without this, the router's own classifier says.
    const options = { tools, route: { signals: { task } } };
    const { answer, trace } = await execute(router, { text }, standIns, options);
    const steps = trace.attempts.map(({ candidate }) => candidate);
    tell(`${steps.join(' → ')}: ${text} ${answer.text}`);
    calls.push([...steps, answer.text]);
  }
  return calls;
}

await runDirectly(import.meta.url, agentTools);
