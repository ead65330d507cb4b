import { createRouter, memoryFiles, type Router, readArtifact } from 'pointsman';
import { createRandom, smallest } from 'pointsman/internal';
import type { BuiltArtifact } from '../training/artifact/build-artifact.ts';
import { addCandidate } from '../training/candidates/change-candidates.ts';
import { type OutcomeMatrix, takePrompts } from '../training/outcomes/matrix.ts';
import { alignCandidates } from '../training/train/evaluate-router.ts';
import { atLeast, type BenchLine, skipped } from './bench-line.ts';
import { type OutcomeSet, readOutcomeSet } from './outcome-sets.ts';
import { trainOnce } from './train-once.ts';

const PROBES = 50;
const DRAWS = 10;
const SIZES = { fit: 0.56, calibrate: 0.14, test: 0.3 };
const SEED = 0;
/** How far the router may fall, by a new candidate, below the one without it. */
const HARM = -0.005;

/** Mean routed quality with a candidate left out, added from some probes, and learned of with all rows. */
interface HeldOut {
  readonly name: string;
  readonly without: number;
  readonly added: Float64Array; // [draws]
  readonly share: Float64Array; // [draws], of the traffic that it gets
  /** Whether the 95 % interval of each draw held the mean quality of the candidate. */
  readonly covered: number;
  readonly trained: number;
}

/** Holds each candidate of llmrouter9 out in turn, and adds it to the router of the other eight from 50 outcomes. */
export async function benchOnboard({
  onProgress = () => {},
}: {
  readonly onProgress?: (what: string) => void;
} = {}): Promise<BenchLine[]> {
  const set = await readOutcomeSet('llmrouter9');
  if (set === null) return [skipped('candidates onboarded, llmrouter9', 'llmrouter9.jsonl.gz is not there')];
  onProgress('onboard: all nine');
  const { trained, splits } = await trainOnce(set.matrix, set.groups, SIZES, SEED);
  const all = await qualityOf(await open(trained.artifact), set.matrix, splits.test.rows);
  const held: HeldOut[] = [];
  for (const name of set.matrix.candidates) {
    onProgress(`onboard: ${name}`);
    held.push(await holdOut(set, name, all.quality));
  }
  return lines(held);
}

async function holdOut(set: OutcomeSet, name: string, trained: number): Promise<HeldOut> {
  const others = alignCandidates(
    set.matrix,
    set.matrix.candidates.filter((candidate) => candidate !== name),
  );
  const { trained: router, splits } = await trainOnce(others, set.groups, SIZES, SEED);
  const artifact = await readArtifact(memoryFiles(router.artifact.files));
  const test = splits.test.rows;
  const before = await qualityOf(await open(router.artifact), set.matrix, test);
  const column = set.matrix.candidates.indexOf(name);
  const columns = set.matrix.candidates.length;
  const truth = test.reduce((sum, row) => sum + set.matrix.quality[row * columns + column], 0) / test.length;
  const random = createRandom(SEED + 1);
  const [added, share] = [new Float64Array(DRAWS), new Float64Array(DRAWS)];
  let covered = 0;
  for (let draw = 0; draw < DRAWS; draw++) {
    const rows = random
      .shuffle(Int32Array.from([...splits.fit.rows, ...splits.calibrate.rows]))
      .slice(0, PROBES);
    const probes = takePrompts(set.matrix, rows);
    const result = await addCandidate({ artifact, candidate: { name }, probes, open });
    const after = await qualityOf(await open(result.artifact), set.matrix, test);
    added[draw] = after.quality;
    share[draw] = after.shares.get(name) ?? 0;
    const { low, high } = result.onboarded.quality;
    if (low <= truth && truth <= high) covered++;
  }
  return { name, without: before.quality, added, share, covered, trained };
}

function lines(held: readonly HeldOut[]): BenchLine[] {
  const mean = (values: ArrayLike<number>) =>
    Array.from(values).reduce((sum, x) => sum + x, 0) / values.length;
  const line = (name: string, value: number, unit: string, note: string): BenchLine => ({
    name,
    value,
    unit,
    target: null,
    met: null,
    note,
  });
  const changes = held.map(({ added, without: before }) => mean(added) - before);
  const gains = held.map(({ trained, without: before }) => trained - before);
  const worth = held.map((_, i) => i).filter((i) => gains[i] > 0.005);
  const note = `${PROBES} probes, ${DRAWS} draws of them for each of ${held.length} candidates held out`;
  return [
    atLeast(
      'onboarded, llmrouter9: lowest mean change against the router without it',
      smallest(changes),
      '',
      HARM,
      note,
    ),
    line(
      '  part of what training with all its rows gains',
      worth.reduce((sum, i) => sum + changes[i], 0) / worth.reduce((sum, i) => sum + gains[i], 0),
      '',
      `over ${worth.map((i) => held[i].name).join(', ') || 'none'}, whose absence costs more than 0.005`,
    ),
    atLeast(
      "  95 % intervals that hold the candidate's mean quality",
      (100 * held.reduce((sum, { covered }) => sum + covered, 0)) / (DRAWS * held.length),
      '%',
      90,
      'mean over the test prompts',
    ),
    ...held.map(({ name, without: before, added, share, trained }) =>
      line(
        `  ${name}: routed quality`,
        mean(added),
        '',
        `${before.toFixed(4)} without it, ${trained.toFixed(4)} with all its rows; it gets ${(100 * mean(share)).toFixed(1)} % of the traffic`,
      ),
    ),
  ];
}

async function open({ files }: BuiltArtifact): Promise<Router> {
  return createRouter(await readArtifact(memoryFiles(files)));
}

/** What the router's choices are worth, and how often it makes each. */
async function qualityOf(
  router: Router,
  { candidates, prompts, quality }: OutcomeMatrix,
  rows: Int32Array,
): Promise<{ readonly quality: number; readonly shares: ReadonlyMap<string, number> }> {
  let sum = 0;
  const shares = new Map<string, number>();
  for (const row of rows) {
    const { candidate } = await router.route(prompts[row].request);
    sum += quality[row * candidates.length + candidates.indexOf(candidate)];
    shares.set(candidate, (shares.get(candidate) ?? 0) + 1 / rows.length);
  }
  return { quality: sum / rows.length, shares };
}
