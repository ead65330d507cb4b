import { createRandom } from 'pointsman/math';
import { readPrompt } from 'pointsman/request';
import type { Example } from '../artifact/examples.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { Split } from '../split/split.ts';

/** Longer prompts are cut to this many characters. */
const LONGEST = 500;

/** Seeded choice of prompts of the fit split with what every candidate made of them. */
export function chooseExamples(
  { candidates, prompts, quality }: OutcomeMatrix,
  fit: Split<'fit'>,
  count: number,
  seed: number,
): Example[] {
  // Prompts whose words are not kept have nothing to show.
  const worded = fit.rows.filter((row) => prompts[row].promptHash === undefined);
  const rows = createRandom(seed).shuffle(worded).slice(0, count).sort();
  return Array.from(rows, (row) => ({
    text: readPrompt(prompts[row].request).text.slice(0, LONGEST),
    task: prompts[row].task,
    quality: Object.fromEntries(
      candidates
        .map((name, c) => [name, quality[row * candidates.length + c]] as const)
        .filter(([, value]) => !Number.isNaN(value)),
    ),
  }));
}
