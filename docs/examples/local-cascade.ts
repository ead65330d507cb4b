// A small model on this machine answers first, and a head that has learned from logged answers reads what it says before it is passed on.
// LOCAL_MODEL_URL=http://localhost:11434/v1 LOCAL_MODEL=qwen3:0.6b npx tsx docs/examples/local-cascade.ts
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTrainConfig, trainFromFiles } from '@pointsman/training';
import type { PolicySpec } from 'pointsman';
import { readPrompt } from 'pointsman';
import { type Client, execute, executePlan } from 'pointsman/execution';
import { loadRouter } from 'pointsman/node';
import { createOpenAiClient } from 'pointsman/openai';
import type { Solver } from '../../data/solvers/candidates/solver.ts';
import { loadSolvers } from '../../data/solvers/candidates/solvers.ts';
import { countTokens } from '../../data/solvers/count-tokens.ts';
import { generatePrompts } from '../../data/solvers/generate-prompts.ts';
import { grade } from '../../data/solvers/grading/grade.ts';
import { startLocalModel } from './local-model.ts';
import { runDirectly, type Tell } from './run-directly.ts';

/** Cheapest first: a program, the model at the endpoint, and a strong program. Prices are assumptions: data/solvers/README.md. */
const CHAIN = ['language', 'local', 'generalist'] as const;
const [CHEAP, LOCAL, STRONG] = CHAIN;

/** What a program says that cannot read the question, as a model would. */
const NO_ANSWER = 'I do not know.';

/** How likely an answer must be to be good, before it is there or after; and under what nobody is asked at all. Set on other prompts. */
const LIKELY = 0.7;
const HOPELESS = 0.1;

const POLICIES: Readonly<Record<string, PolicySpec>> = {
  'always the cheapest': { kind: 'utility', limits: { allow: [CHEAP] } },
  'always the strongest': { kind: 'utility', limits: { allow: [STRONG] } },
  'cascade on the prompt': {
    kind: 'cascade',
    steps: [{ use: CHEAP, minSuccess: LIKELY }, { use: LOCAL, minSuccess: LIKELY }, { use: STRONG }],
  },
  'cascade on the answer': {
    kind: 'cascade',
    steps: [
      { use: CHEAP, minSuccess: HOPELESS, accept: { kind: 'answer', threshold: LIKELY } },
      { use: LOCAL, minSuccess: HOPELESS, accept: { kind: 'answer', threshold: LIKELY } },
      { use: STRONG },
    ],
  },
  'cascade routing': {
    kind: 'cascade',
    steps: CHAIN.map((use) => ({ use })),
    weights: { quality: 1, cost: 0.2, latency: 0 },
  },
};

/** What a way of asking came to, over the same requests. */
export interface Measured {
  readonly quality: number;
  readonly costUsd: number;
}

export interface LocalCascadeOptions {
  /** Logged prompts to learn from. @default 1500 */
  readonly prompts?: number;
  /** Further ones that are asked. @default 400 */
  readonly requests?: number;
  /** @default '.pointsman/local-cascade' */
  readonly folder?: string;
  /** Whether to learn in less time than well. @default false */
  readonly quick?: boolean;
}

export async function localCascade(
  tell: Tell,
  {
    prompts = 1500,
    requests = 400,
    folder = '.pointsman/local-cascade',
    quick = false,
  }: LocalCascadeOptions = {},
): Promise<Record<string, Measured>> {
  const local = await startLocalModel(process.env.LOCAL_MODEL_URL);
  const solvers = new Map((await loadSolvers()).map((solver) => [solver.name, solver]));
  const prices = {
    [CHEAP]: solvers.get(CHEAP)!.price,
    [LOCAL]: solvers.get('mathjs')!.price,
    [STRONG]: solvers.get(STRONG)!.price,
  };
  const clients: Record<string, Client> = {
    [CHEAP]: programClient(solvers.get(CHEAP)!),
    [LOCAL]: createOpenAiClient({
      model: process.env.LOCAL_MODEL ?? 'stand-in',
      baseUrl: local.baseUrl,
      ...prices[LOCAL],
    }),
    [STRONG]: programClient(solvers.get(STRONG)!),
  };
  try {
    // A log as a team has it: who was asked what, what was answered, and how good that was.
    const log: string[] = [];
    for (const { expected, id, text } of generatePrompts({ count: prompts, seed: 1 }))
      for (const candidate of CHAIN) {
        const { answer } = await executePlan(
          { plan: { kind: 'call', candidate }, fallback: [] },
          { text },
          clients,
        );
        const { inputTokens, outputTokens } = answer.usage!;
        const quality = grade(expected, answer.text);
        const row = { requestId: id, text, candidate, quality, inputTokens, outputTokens };
        log.push(JSON.stringify({ ...row, answer: answer.text }));
      }
    await mkdir(folder, { recursive: true });
    const file = join(folder, 'traffic.jsonl');
    await writeFile(file, `${log.join('\n')}\n`);
    const out = join(folder, 'router');
    const config = parseTrainConfig({
      ...(quick ? { folds: 3, heads: ['linear'], resamples: 100 } : {}),
      candidates: prices,
    });
    const { trained } = await trainFromFiles({
      ...{ files: [file], out, name: 'local-cascade', config, prices, workFolder: folder },
      answers: 'text',
    });
    tell(trained.answers?.summary ?? 'The log has no answers.');

    const asked = generatePrompts({ count: requests, seed: 1000 });
    const measured: Record<string, Measured> = {};
    for (const [name, policy] of Object.entries(POLICIES)) {
      const router = await loadRouter(out, { policy });
      const sums = { quality: 0, costUsd: 0 };
      for (const { text, expected } of asked) {
        const { answer, outcome } = await execute(router, { text }, clients);
        sums.quality += grade(expected, answer.text) / requests;
        // Of everybody who was asked.
        sums.costUsd += outcome.costUsd;
      }
      measured[name] = sums;
      tell(
        `${name}: quality ${sums.quality.toFixed(3)}, $${((1000 * sums.costUsd) / requests).toFixed(4)} for 1,000 requests`,
      );
    }
    return measured;
  } finally {
    await local.stop();
  }
}

function programClient({ solve }: Solver): Client {
  return async (request) => {
    const { text } = readPrompt(request);
    const answer = (await solve(text)) ?? NO_ANSWER;
    return { text: answer, usage: { inputTokens: countTokens(text), outputTokens: countTokens(answer) } };
  };
}

await runDirectly(import.meta.url, localCascade);
