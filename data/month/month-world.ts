import { createHash } from 'node:crypto';
import type { Solver } from '../solvers/candidates/solver.ts';
import { loadSolvers } from '../solvers/candidates/solvers.ts';
import { countTokens } from '../solvers/count-tokens.ts';
import { generatePrompts, type SamplePrompt } from '../solvers/generate-prompts.ts';
import { grade } from '../solvers/grading/grade.ts';

/** What happens to the candidates; days count from 1. */
export interface MonthEvents {
  /** From this day on, `candidate` hands a share of its prompts to a cheaper one and says nothing. */
  readonly degrade: {
    readonly day: number;
    readonly candidate: string;
    readonly to: string;
    readonly share: number;
  };
  /** From this day on, its prices are `factor` times what they were. */
  readonly reprice: { readonly day: number; readonly candidate: string; readonly factor: number };
}

/** What one candidate made of one prompt on one day. */
export interface Outcome {
  readonly quality: number;
  readonly costUsd: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Local programs that answer and are graded, as they would be on a day of the month. */
export interface MonthWorld {
  readonly candidates: readonly string[];
  /** Prompts that are served, in order. */
  readonly served: readonly SamplePrompt[];
  /** Prompts that are only asked to find out what is true. */
  readonly pool: readonly SamplePrompt[];
  ask(candidate: string, prompt: SamplePrompt, day: number): Promise<Outcome>;
}

export interface MonthWorldOptions {
  readonly candidates: readonly string[];
  readonly events: MonthEvents;
  readonly served: number;
  readonly pool: number;
  readonly seed: number;
}

/** A world whose every outcome is what a program answered and the grader said; only its events are made up. */
export async function createMonthWorld(options: MonthWorldOptions): Promise<MonthWorld> {
  const { candidates, events, seed } = options;
  const solvers = new Map((await loadSolvers()).map((solver) => [solver.name, solver]));
  const prompts = generatePrompts({ count: options.served + options.pool, seed });
  const answers = new Map<string, Promise<string | null>>();
  const answerOf = (solver: Solver, { id, text }: SamplePrompt) => {
    const key = `${solver.name} ${id}`;
    const answer = answers.get(key) ?? solver.solve(text);
    answers.set(key, answer);
    return answer;
  };
  const { degrade, reprice } = events;
  return {
    candidates,
    served: prompts.slice(0, options.served),
    pool: prompts.slice(options.served),
    async ask(candidate, prompt, day) {
      const swapped =
        candidate === degrade.candidate && day >= degrade.day && shareOf(prompt.id) < degrade.share;
      const answer = await answerOf(solvers.get(swapped ? degrade.to : candidate)!, prompt);
      const { price } = solvers.get(candidate)!;
      const factor = candidate === reprice.candidate && day >= reprice.day ? reprice.factor : 1;
      const [inputTokens, outputTokens] = [countTokens(prompt.text), countTokens(answer ?? '')];
      const { inputPricePerMillionTokens, outputPricePerMillionTokens } = price;
      return {
        quality: grade(prompt.expected, answer),
        costUsd:
          (factor * (inputTokens * inputPricePerMillionTokens + outputTokens * outputPricePerMillionTokens)) /
          1e6,
        inputTokens,
        outputTokens,
      };
    },
  };
}

/** A number of [0, 1) that belongs to a prompt for good. */
function shareOf(id: string): number {
  return createHash('sha256').update(id).digest().readUInt32LE(0) / 2 ** 32;
}
