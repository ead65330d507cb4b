import { createRandom } from 'pointsman/internal';
import type { Solver } from './candidates/solver.ts';
import { loadSolvers } from './candidates/solvers.ts';
import { countTokens } from './count-tokens.ts';
import { generatePrompts, type SamplePrompt } from './generate-prompts.ts';
import { grade } from './grading/grade.ts';

/** One row of the outcomes table, as `outcomeRowSchema` reads it. */
export interface SampleRow {
  readonly requestId: string;
  readonly timestamp: string;
  readonly text: string | null;
  readonly messages: SamplePrompt['messages'];
  readonly task: string;
  readonly candidate: string;
  readonly quality: number;
  readonly costUsd: number;
  /** Measured around the call, in milliseconds. The only field that differs from run to run. */
  readonly latencyMs: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly source: 'solvers';
  readonly metadata: { readonly difficulty: number; readonly answer: string | null };
}

export interface SampleTrafficOptions {
  /** @default 6000 */
  readonly prompts?: number;
  /** @default 0 */
  readonly seed?: number;
  /** Called after each prompt. */
  readonly onProgress?: (done: number, total: number) => void;
}

const firstDayMs = Date.UTC(2026, 0, 1);
const spanMs = 60 * 86_400_000;
const warmUpPrompts = 45;

/**
 * Asks every solver every prompt, one at a time, and yields a row for each answer: what it scored, what it would
 * have cost, how long it took. Solvers answer a few prompts of another seed first, so that loading is not timed.
 */
export async function* sampleTraffic(options: SampleTrafficOptions = {}): AsyncGenerator<SampleRow> {
  const { prompts: count = 6000, seed = 0, onProgress } = options;
  const solvers = await loadSolvers();
  for (const { text } of generatePrompts({ count: warmUpPrompts, seed: seed + 1 })) {
    for (const solver of solvers) await solver.solve(text);
  }
  const prompts = generatePrompts({ count, seed });
  const times = timestamps(count, seed);
  for (const [i, prompt] of prompts.entries()) {
    for (const solver of solvers) yield await ask(solver, prompt, times[i]!);
    onProgress?.(i + 1, count);
  }
}

async function ask(solver: Solver, prompt: SamplePrompt, timestamp: string): Promise<SampleRow> {
  const start = performance.now();
  const answer = await solver.solve(prompt.text);
  const latencyMs = performance.now() - start;
  const read = prompt.messages?.map(({ content }) => content).join('\n') ?? prompt.text;
  const [inputTokens, outputTokens] = [countTokens(read), countTokens(answer ?? '')];
  const { inputPricePerMillionTokens, outputPricePerMillionTokens } = solver.price;
  const microUsd = inputTokens * inputPricePerMillionTokens + outputTokens * outputPricePerMillionTokens;
  return {
    requestId: prompt.id,
    timestamp,
    text: prompt.messages === null ? prompt.text : null,
    messages: prompt.messages,
    task: prompt.family,
    candidate: solver.name,
    quality: Math.round(grade(prompt.expected, answer) * 1e4) / 1e4,
    costUsd: Math.round(microUsd * 1e4) / 1e10,
    latencyMs: Math.round(latencyMs * 1e4) / 1e4,
    inputTokens,
    outputTokens,
    source: 'solvers',
    metadata: { difficulty: Math.round(prompt.difficulty * 1e3) / 1e3, answer },
  };
}

/** Moments of sixty days, in order. */
function timestamps(count: number, seed: number): string[] {
  const random = createRandom(seed + 2);
  return Array.from({ length: count }, () => firstDayMs + random.integer(spanMs))
    .sort((a, b) => a - b)
    .map((ms) => new Date(ms).toISOString());
}
