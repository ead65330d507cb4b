import type { PolicySpec } from 'pointsman';
import { loadRouter, openDecisionLog } from 'pointsman/node';
import { NO_ANSWER } from './solver-upstream.ts';
import type { Solver } from './solvers/candidates/solver.ts';
import { countTokens } from './solvers/count-tokens.ts';
import { generatePrompts } from './solvers/generate-prompts.ts';
import { grade } from './solvers/grading/grade.ts';

interface PastTraffic {
  /** Of the router that decides. */
  readonly router: string;
  readonly policy: PolicySpec;
  /** Folder of the decision log. */
  readonly log: string;
  readonly solvers: readonly Solver[];
  readonly days: number;
  readonly promptsPerDay: number;
  readonly seed: number;
  /** Milliseconds since 1970. @default now */
  readonly until?: number;
}

const DAY_MS = 86_400_000;

/** Traffic of the days before, as a gateway would have logged it: a retraining learns from days, and compares them. */
export async function writePastTraffic({
  days,
  log: folder,
  policy,
  promptsPerDay,
  router: artifact,
  seed,
  solvers,
  until = Date.now(),
}: PastTraffic): Promise<void> {
  const byName = new Map(solvers.map((solver) => [solver.name, solver]));
  const count = days * promptsPerDay;
  let at = until;
  const after = (ms: number, done: () => void) => {
    const timer = setTimeout(done, ms);
    return () => clearTimeout(timer);
  };
  const log = await openDecisionLog(folder, { clock: { wallNow: () => at, after } });
  const router = await loadRouter(artifact, { log, policy });
  for (const [i, { expected, family, messages, text }] of generatePrompts({ count, seed }).entries()) {
    at = Math.floor(until - ((count - i) / count) * days * DAY_MS);
    const signals = { task: family };
    const { candidate, id } = await router.route(
      { messages: messages ?? [{ role: 'user', content: text }] },
      {
        signals,
      },
    );
    const solver = byName.get(candidate);
    if (solver === undefined || id === undefined) continue;
    const began = performance.now();
    const said = (await solver.solve(text)) ?? NO_ANSWER;
    const latencyMs = performance.now() - began;
    const inputTokens = countTokens(text);
    const outputTokens = countTokens(said);
    const { inputPricePerMillionTokens: input, outputPricePerMillionTokens: output } = solver.price;
    const costUsd = (input * inputTokens + output * outputTokens) / 1e6;
    log.outcome(id, { candidate, costUsd, latencyMs, inputTokens, outputTokens });
    log.feedback(id, { quality: grade(expected, said), source: 'user' });
  }
  await router.close();
  await log.close();
}
