import { createRandom } from 'pointsman/internal';
import { type OutcomeMatrix, takePrompts } from '../training/outcomes/matrix.ts';
import { groupPrompts } from '../training/split/split.ts';
import { atLeast, type BenchLine, skipped } from './bench-line.ts';
import { type OutcomeSet, readOutcomeSet } from './outcome-sets.ts';
import { trainOnce } from './train-once.ts';

const SEEDS = [0, 1, 2, 3, 4];
/** How far below best single the mean of the seeds may be. */
const TOLERANCE = -0.005;
const SMALLEST_TASK = 400;

/** With no signal, or little data, the router must not be worse than always using the best single candidate. */
export async function benchNoHarm({
  onProgress = () => {},
}: {
  readonly onProgress?: (what: string) => void;
} = {}): Promise<BenchLine[]> {
  const nine = await readOutcomeSet('llmrouter9');
  const mmlu = await readOutcomeSet('routellm-mmlu');
  if (nine === null || mmlu === null) return [skipped('no harm', 'the public sets are not there')];
  const lines: BenchLine[] = [];
  for (const set of hardSets(nine, mmlu)) lines.push(await line(set, onProgress));
  return lines;
}

function hardSets(nine: OutcomeSet, mmlu: OutcomeSet): { name: string; matrix: OutcomeMatrix }[] {
  const shuffled = (set: OutcomeSet, size: number) => ({
    name: `${set.name} shuffled against outcomes, ${size}`,
    matrix: shuffle(sample(set.matrix, size, 1)),
  });
  const random = (set: OutcomeSet, size: number) => ({
    name: `${set.name}, ${size} at random`,
    matrix: sample(set.matrix, size, 2),
  });
  const tasks = [...new Set(nine.matrix.prompts.map(({ task }) => task ?? ''))].sort();
  const single = tasks
    .map((task) => ({
      name: `${nine.name}, task ${task} alone`,
      matrix: takePrompts(
        nine.matrix,
        rowsWhere(nine.matrix, (name) => name === task),
      ),
    }))
    .filter(({ matrix }) => matrix.prompts.length >= SMALLEST_TASK);
  const law = (name: string) => name === 'professional_law';
  return [
    shuffled(nine, nine.matrix.prompts.length),
    shuffled(nine, 1000),
    shuffled(mmlu, 1500),
    ...single,
    {
      name: `${mmlu.name}, professional_law alone`,
      matrix: takePrompts(mmlu.matrix, rowsWhere(mmlu.matrix, law)),
    },
    random(nine, 500),
    random(nine, 1000),
    random(mmlu, 500),
    random(mmlu, 1500),
  ];
}

async function line(
  { name, matrix }: { name: string; matrix: OutcomeMatrix },
  onProgress: (what: string) => void,
): Promise<BenchLine> {
  const groups = groupPrompts(matrix);
  const differences: number[] = [];
  for (const seed of SEEDS) {
    onProgress(`no harm: ${name}, seed ${seed}`);
    const sizes = { fit: 0.56, calibrate: 0.14, test: 0.3 };
    const { strategies } = (await trainOnce(matrix, groups, sizes, seed)).trained.evaluation;
    const of = (id: string) =>
      strategies.find((strategy) => strategy.id === id)?.quality.estimate ?? Number.NaN;
    differences.push(of('router') - of('bestSingle'));
  }
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
  const note = `${matrix.prompts.length} prompts, seeds ${differences.map((value) => value.toFixed(4)).join(' ')}`;
  return atLeast(`no harm: ${name}`, mean, '', TOLERANCE, note);
}

/** Every prompt gets the outcomes of another: nothing can be learned. */
function shuffle(matrix: OutcomeMatrix): OutcomeMatrix {
  const order = createRandom(9).shuffle(Int32Array.from(matrix.prompts.keys()));
  return { ...matrix, prompts: Array.from(order, (row) => matrix.prompts[row]) };
}

function sample(matrix: OutcomeMatrix, size: number, seed: number): OutcomeMatrix {
  const order = createRandom(seed).shuffle(Int32Array.from(matrix.prompts.keys()));
  return takePrompts(matrix, order.slice(0, size).sort());
}

function rowsWhere(matrix: OutcomeMatrix, keep: (task: string) => boolean): Int32Array {
  return Int32Array.from(matrix.prompts.keys()).filter((row) => keep(matrix.prompts[row].task ?? ''));
}
