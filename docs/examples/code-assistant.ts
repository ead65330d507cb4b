// A code assistant: by programming language, and within it by difficulty.
import type { PolicySpec } from 'pointsman';
import { execute } from 'pointsman/execution';
import { exampleRouter } from './example-router.ts';
import { runDirectly, type Tell } from './run-directly.ts';
import { standIns } from './stand-in-clients.ts';

/** The cheap model where it will probably do; else the specialist, and where that one is unsure, the strongest. */
const byDifficulty: PolicySpec = {
  kind: 'cascade',
  steps: [{ use: 'mini', minSuccess: 0.6 }, { use: 'coder', minSuccess: 0.6 }, { use: 'pro' }],
};

const policy: PolicySpec = {
  kind: 'hierarchical',
  by: 'task',
  domains: {
    python: byDifficulty,
    javascript: byDifficulty,
    // Here the cheap model is wrong more often than not, whatever is asked.
    rust: { kind: 'threshold', strong: 'pro', weak: 'coder', threshold: 0.05 },
  },
  otherwise: { kind: 'utility', weights: 'balanced' },
};

const QUESTIONS = [
  'Write a Python function that sorts orders by date and drops the oldest',
  'Find the data race: ```rust\nlet v = Arc::new(RwLock::new(vec![1]));\nthread::spawn(move || unsafe { v.get_mut_unchecked().push(2) });\n```',
];

export async function codeAssistant(tell: Tell, folder?: string): Promise<string[]> {
  const router = await exampleRouter({ policy }, folder);
  const chosen: string[] = [];
  for (const text of QUESTIONS) {
    const signals = { task: programmingLanguage(text) };
    const { candidate, decision } = await execute(router, { text }, standIns, { route: { signals } });
    tell(`${signals.task} → ${decision.policyPath.join(' → ')} → ${candidate}`);
    chosen.push(candidate);
  }
  return chosen;
}

/** What the fence says, or the words: an editor knows it from the file. */
function programmingLanguage(text: string): string {
  const found = /```(\w+)/.exec(text)?.[1] ?? /\b(python|javascript|rust)\b/i.exec(text)?.[0] ?? '';
  return found.toLowerCase();
}

await runDirectly(import.meta.url, codeAssistant);
