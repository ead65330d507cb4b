import { createRandom } from 'pointsman/internal';
import { evaluate } from '../../training/evaluate/evaluate.ts';
import type { EvaluationInput } from '../../training/evaluate/evaluation-input.ts';
import type { OutcomeMatrix } from '../../training/outcomes/matrix.ts';
import { atMost, type BenchLine, mended } from '../bench-line.ts';
import { simulatedPrompts } from './simulated-prompts.ts';

const PROMPTS = 200;
const RUNS = 1000;
/** How often each prompt stands in the test split, and the figure before. */
const REPEATS = [
  [1, '2.6 %'],
  [3, '12.7 %'],
  [10, '22.6 %'],
] as const;

/**
 * How often a router is called better than no router that is exactly as good: two candidates whose answers are good as
 * often, one of which it picks by lot for each prompt. A 95 % interval leaves 2.5 % on that side.
 */
export function simulateNoRouter(onProgress: (what: string) => void): BenchLine[] {
  return REPEATS.map(([repeats, before]) => {
    onProgress(`no router, each prompt ${repeats} times`);
    const random = createRandom(repeats);
    let better = 0;
    for (let run = 0; run < RUNS; run++) {
      const { outcome } = evaluate(equalRouter(PROMPTS, repeats, random.next), {
        resamples: 1000,
        seed: run,
      }).verdict;
      if (outcome === 'better') better++;
    }
    const note = `${RUNS} routers exactly as good as best single, ${PROMPTS} prompts, each ${repeats} times`;
    return mended(
      before,
      atMost(`called better than no router: repeats ${repeats}`, (100 * better) / RUNS, '%', 3, note),
    );
  });
}

/** A router that picks one of two equally good candidates by lot, and its test split. */
export function equalRouter(prompts: number, repeats: number, random: () => number): EvaluationInput {
  const rows = prompts * repeats;
  const groups = Int32Array.from({ length: rows }, (_, row) => Math.floor(row / repeats));
  const perPrompt = Array.from({ length: prompts }, () => ({
    quality: [Number(random() < 0.6), Number(random() < 0.6)],
    chosen: Number(random() < 0.5),
  }));
  const none = () => new Float32Array(2 * rows).fill(Number.NaN);
  const matrix: OutcomeMatrix = {
    candidates: ['a', 'b'],
    prompts: simulatedPrompts(rows, (row) => `prompt ${groups[row]}`),
    quality: Float32Array.from({ length: 2 * rows }, (_, i) => perPrompt[groups[i >> 1]].quality[i % 2]),
    costUsd: none(),
    latencyMs: none(),
    propensity: none(),
  };
  const empty = new Int32Array();
  return {
    matrix,
    groups,
    splits: {
      fit: { role: 'fit', rows: empty },
      calibrate: { role: 'calibrate', rows: empty },
      test: { role: 'test', rows: Int32Array.from(groups.keys()) },
    },
    predictions: {
      success: new Float32Array(2 * rows).fill(0.6),
      choice: null,
      expectedCostUsd: none(),
      expectedLatencyMs: none(),
      chosen: Int32Array.from(groups, (group) => perPrompt[group].chosen),
      decisionMicroseconds: null,
    },
    artifactId: 'simulated',
    policy: 'utility',
    means: { quality: Float64Array.of(0.61, 0.6), costUsd: new Float64Array(2).fill(Number.NaN) },
  };
}
