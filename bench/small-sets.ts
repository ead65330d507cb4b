import { createRandom } from 'pointsman/internal';
import { mapCells, type OutcomeMatrix, takePrompts } from '../training/outcomes/matrix.ts';
import type { OutcomeSet } from './outcome-sets.ts';

/** A public set of which few prompts are there to learn from. */
export interface SmallSet {
  readonly name: string;
  /** The set that it is cut from: groups and embeddings are of its prompts. */
  readonly from: OutcomeSet;
  readonly matrix: OutcomeMatrix;
  /** Prompts of `from` that those of `matrix` are. */
  readonly rows: Int32Array;
  /** Prompts to fit and to calibrate on, together. */
  readonly size: number;
}

const KINDS: Readonly<Record<string, readonly string[]>> = {
  mathematics: ['math', 'gsm8k', 'agentverse-mgsm', 'agentverse-logicgrid'],
  code: ['mbpp', 'human_eval'],
  'open questions': ['natural_qa', 'trivia_qa'],
  'multiple choice': ['mmlu', 'arc_challenge', 'commonsense_qa', 'openbook_qa', 'gpqa'],
};

const ALONE = ['math', 'mbpp', 'gpqa', 'trivia_qa', 'commonsense_qa'];

/** Candidates of `llmrouter9` by mean quality, the best first. */
const BY_SKILL = [3, 4, 2, 1, 8, 7, 0, 5, 6];

/** Sets of 150 to 500 prompts to learn from, and 2 to 12 candidates. */
export function smallSets(nine: OutcomeSet, mmlu: OutcomeSet, gsm8k: OutcomeSet): SmallSet[] {
  const sets: SmallSet[] = [];
  const cut = (what: string, from: OutcomeSet, sizes: readonly number[], options: Cut = {}) => {
    const { tasks, candidates, blends = 0, told = true } = options;
    const every = Int32Array.from(from.matrix.prompts.keys());
    const rows = every.filter((row) => tasks?.(from.matrix.prompts[row].task ?? '') ?? true);
    const taken = takePrompts(from.matrix, rows);
    const some = candidates === undefined ? taken : takeCandidates(taken, candidates);
    const more = blends === 0 ? some : blended(some, blends);
    const matrix = told ? more : withoutTasks(more);
    const name = `${what}${told ? '' : ', tasks not told'}, ${matrix.candidates.length} candidates`;
    for (const size of sizes) sets.push({ name: `${name}, ${size} rows`, from, matrix, rows, size });
  };
  const best = (count: number) => BY_SKILL.slice(0, count);
  cut('llmrouter9', nine, [150, 230, 300, 500]);
  cut('llmrouter9', nine, [150, 230, 400], { blends: 3 });
  cut('llmrouter9', nine, [200, 400], { candidates: best(2) });
  cut('llmrouter9', nine, [150, 250, 500], { candidates: best(4) });
  cut('llmrouter9, a small, a middling and a large one', nine, [200, 350], { candidates: [1, 2, 8] });
  cut('llmrouter9', nine, [230, 400], { told: false });
  cut('llmrouter9', nine, [200, 400], { candidates: best(5), told: false });
  for (const [kind, names] of Object.entries(KINDS)) {
    const tasks = (task: string) => names.includes(task);
    cut(`llmrouter9, ${kind}`, nine, [200], { tasks, candidates: best(6) });
    cut(`llmrouter9, ${kind}`, nine, [250], { tasks, blends: 3 });
  }
  for (const name of ALONE)
    cut(`llmrouter9, ${name} alone`, nine, [200], { tasks: (task) => task === name, blends: 3 });
  cut('routellm-mmlu', mmlu, [150, 300, 500]);
  cut('routellm-mmlu', mmlu, [200, 400], { told: false });
  cut('routellm-mmlu, law and morals', mmlu, [200, 400], { tasks: (task) => /law|moral|juris/.test(task) });
  cut('routellm-mmlu, high school', mmlu, [250], { tasks: (task) => task.startsWith('high_school') });
  cut('routellm-mmlu, college', mmlu, [200], { tasks: (task) => task.startsWith('college') });
  cut('gsm8k', gsm8k, [200, 500]);
  cut('gsm8k, without the best', gsm8k, [300], { candidates: [0, 1, 2, 3] });
  cut('gsm8k, two in the middle', gsm8k, [250], { candidates: [1, 2] });
  cut('gsm8k', gsm8k, [230, 500], { blends: 7 });
  cut('gsm8k, three in the middle', gsm8k, [230, 400], { candidates: [0, 1, 2], blends: 5 });
  return sets;
}

interface Cut {
  /** Whose prompts are taken. @default all */
  readonly tasks?: (task: string) => boolean;
  /** Numbers of candidates that are taken. @default all */
  readonly candidates?: readonly number[];
  /** How many candidates are added that answer each prompt as one of two known ones does. @default 0 */
  readonly blends?: number;
  /** Whether tasks are told. @default true */
  readonly told?: boolean;
}

/** Candidates about as good as others, and many of them: of each prompt a blend has the outcome of one of two, by chance. */
function blended(matrix: OutcomeMatrix, count: number): OutcomeMatrix {
  const known = matrix.candidates.length;
  const random = createRandom(known);
  const pairs = Array.from({ length: count }, () => [random.integer(known), random.integer(known)]);
  const whose = matrix.prompts.map(() => pairs.map((pair) => pair[random.integer(2)]));
  const names = pairs.map((_, k) => `blend-${k}`);
  return withCells(matrix, [...matrix.candidates, ...names], (row, c) =>
    c < known ? c : whose[row][c - known],
  );
}

function takeCandidates(matrix: OutcomeMatrix, taken: readonly number[]): OutcomeMatrix {
  const names = taken.map((c) => matrix.candidates[c]);
  return withCells(matrix, names, (_, c) => taken[c]);
}

/** @param whose number of the candidate whose outcome a new one has */
function withCells(
  matrix: OutcomeMatrix,
  candidates: readonly string[],
  whose: (row: number, candidate: number) => number,
): OutcomeMatrix {
  const columns = candidates.length;
  const known = matrix.candidates.length;
  const cells = mapCells(matrix, (table) =>
    Float32Array.from({ length: matrix.prompts.length * columns }, (_, i) => {
      const row = Math.floor(i / columns);
      return table[row * known + whose(row, i % columns)];
    }),
  );
  return { ...cells, candidates, prompts: matrix.prompts };
}

function withoutTasks(matrix: OutcomeMatrix): OutcomeMatrix {
  return { ...matrix, prompts: matrix.prompts.map((prompt) => ({ ...prompt, task: null })) };
}
