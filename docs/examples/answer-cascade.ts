// Cheap local programs answer first, and a head that has learned from their logged answers reads what they say before it is passed on.
// npx tsx docs/examples/answer-cascade.ts
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTrainConfig, trainFromFiles } from '@pointsman/training';
import type { PolicySpec } from 'pointsman';
import { readPrompt } from 'pointsman';
import { type Client, execute } from 'pointsman/execution';
import { loadRouter } from 'pointsman/node';
import { loadSolvers } from '../../data/solvers/candidates/solvers.ts';
import { countTokens } from '../../data/solvers/count-tokens.ts';
import { generatePrompts } from '../../data/solvers/generate-prompts.ts';
import { grade } from '../../data/solvers/grading/grade.ts';
import { sampleTraffic } from '../../data/solvers/sample-traffic.ts';
import { runDirectly, type Tell } from './run-directly.ts';

/** Cheapest first: data/solvers/README.md says what they are, and that their prices are assumptions. */
const CHAIN = ['language', 'mathjs', 'generalist'] as const;
const [CHEAP, MIDDLE, STRONG] = CHAIN;

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
    steps: [{ use: CHEAP, minSuccess: LIKELY }, { use: MIDDLE, minSuccess: LIKELY }, { use: STRONG }],
  },
  'cascade on the answer': {
    kind: 'cascade',
    steps: [
      { use: CHEAP, minSuccess: HOPELESS, accept: { kind: 'answer', threshold: LIKELY } },
      { use: MIDDLE, minSuccess: HOPELESS, accept: { kind: 'answer', threshold: LIKELY } },
      { use: STRONG },
    ],
  },
};

/** What a way of asking came to, over the same requests. */
export interface Measured {
  readonly quality: number;
  readonly costUsd: number;
}

export interface AnswerCascadeOptions {
  /** Logged prompts to learn from. @default 1500 */
  readonly prompts?: number;
  /** Further ones that are asked. @default 400 */
  readonly requests?: number;
  /** @default '.pointsman/answer-cascade' */
  readonly folder?: string;
  /** Whether to learn in less time than well. @default false */
  readonly quick?: boolean;
}

export async function answerCascade(
  tell: Tell,
  {
    prompts = 1500,
    requests = 400,
    folder = '.pointsman/answer-cascade',
    quick = false,
  }: AnswerCascadeOptions = {},
): Promise<Record<string, Measured>> {
  const solvers = (await loadSolvers()).filter(({ name }) => (CHAIN as readonly string[]).includes(name));
  // A log as a team has it: who was asked what, what was answered, and how good that was.
  const log: string[] = [];
  for await (const { metadata, ...row } of sampleTraffic({ prompts, seed: 1 }))
    if ((CHAIN as readonly string[]).includes(row.candidate))
      log.push(JSON.stringify({ ...row, answer: metadata.answer ?? NO_ANSWER }));
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'traffic.jsonl');
  await writeFile(file, `${log.join('\n')}\n`);
  const out = join(folder, 'router');
  const config = parseTrainConfig({
    ...(quick ? { folds: 3, heads: ['linear'], resamples: 100 } : {}),
    candidates: Object.fromEntries(solvers.map(({ name, price }) => [name, price])),
  });
  const { trained } = await trainFromFiles({
    ...{ files: [file], out, name: 'answer-cascade', config, workFolder: folder },
    answers: 'text',
  });
  tell(trained.answers?.summary ?? 'The log has no answers.');

  let spentUsd = 0;
  const clients: Record<string, Client> = {};
  for (const { name, price, solve } of solvers)
    clients[name] = async (request) => {
      const { text } = readPrompt(request);
      const answer = (await solve(text)) ?? NO_ANSWER;
      const usage = { inputTokens: countTokens(text), outputTokens: countTokens(answer) };
      spentUsd +=
        (usage.inputTokens * price.inputPricePerMillionTokens +
          usage.outputTokens * price.outputPricePerMillionTokens) /
        1e6;
      return { text: answer, usage };
    };
  const asked = generatePrompts({ count: requests, seed: 1000 });
  const measured: Record<string, Measured> = {};
  for (const [name, policy] of Object.entries(POLICIES)) {
    const router = await loadRouter(out, { policy });
    spentUsd = 0;
    let quality = 0;
    for (const { text, expected } of asked) {
      const { answer } = await execute(router, { text }, clients);
      quality += grade(expected, answer.text) / requests;
    }
    measured[name] = { quality, costUsd: spentUsd };
    tell(
      `${name}: quality ${quality.toFixed(3)}, $${((1000 * spentUsd) / requests).toFixed(4)} for 1,000 requests`,
    );
  }
  return measured;
}

await runDirectly(import.meta.url, answerCascade);
