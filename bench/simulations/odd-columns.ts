import { plantedTraffic } from '../../test/fixtures/planted-traffic.ts';
import { parseTrainConfig } from '../../training/config.ts';
import { openEmbedder } from '../../training/embed/embedders.ts';
import type { OutcomeMatrix, PromptRecord } from '../../training/outcomes/matrix.ts';
import { splitOutcomes } from '../../training/split/split.ts';
import { type TrainedRouter, trainRouter } from '../../training/train/train-router.ts';
import { atMost, type BenchLine, mended } from '../bench-line.ts';

const PROMPTS = 600;

/** Traffic with columns that say nothing: identifiers where kinds should stand, names that are none, what never varies. */
export async function simulateOddColumns(onProgress: (what: string) => void): Promise<BenchLine[]> {
  const sets = Object.entries(oddSets(PROMPTS));
  const plain = await timed(plantedTraffic({ prompts: PROMPTS, seed: 1 }));
  const failed: string[] = [];
  let slowest = 0;
  for (const [name, matrix] of sets) {
    onProgress(`odd columns: ${name}`);
    const { error, seconds } = await timed(matrix);
    if (error !== null) failed.push(name);
    slowest = Math.max(slowest, seconds / plain.seconds);
  }
  const note = `${sets.length} sets of ${PROMPTS} prompts`;
  const named = failed.length === 0 ? note : `${note}: ${failed.join(', ')}`;
  return [
    mended('5', atMost('odd columns: sets that end in an error', failed.length, '', 0, named)),
    mended(
      '10.2',
      atMost('odd columns: processor time of the slowest, of that of plain ones', slowest, '', 3, note),
    ),
  ];
}

/** Traffic of which one column is odd. */
export function oddSets(prompts: number): Readonly<Record<string, OutcomeMatrix>> {
  const plain = plantedTraffic({ prompts, seed: 1 });
  const change = (of: (row: number) => Partial<PromptRecord>): OutcomeMatrix => ({
    ...plain,
    prompts: plain.prompts.map((prompt, row) => ({ ...prompt, ...of(row) })),
  });
  const kept = (of: (row: number, i: number) => number) =>
    change((row) => ({
      request: { text: '' },
      promptHash: String(row),
      embedding: Float32Array.from({ length: DIMENSIONS }, (_, i) => of(row, i)),
    }));
  const quality = (of: (i: number) => number): OutcomeMatrix => ({
    ...plain,
    quality: plain.quality.map((_, i) => of(i)),
  });
  return {
    'a task for each prompt': change((row) => ({ task: `session-${row}` })),
    'a task for each three prompts': change((row) => ({ task: `session-${Math.floor(row / 3)}` })),
    'a task for each prompt, one outcome each': {
      ...change((row) => ({ task: `session-${row}` })),
      quality: plain.quality.map((x, i) => (i % 3 === Math.floor(i / 3) % 3 ? x : Number.NaN)),
    },
    'a tier for each prompt': change((row) => ({ tier: `user-${row}` })),
    'tasks with names of 300 characters': change((row) => ({ task: `${row % 2}`.repeat(300) })),
    'a task without a name': change((row) => ({ task: row % 2 === 0 ? 'a' : '' })),
    'one task': change(() => ({ task: 'a' })),
    'embeddings all the same': kept((_, i) => Math.sin(i)),
    'embeddings all the same but one': kept((row, i) => Math.sin(i) + (row === 7 && i === 0 ? 1 : 0)),
    'embeddings all zero': kept(() => 0),
    'embeddings of a millionth': kept((row, i) => 1e-6 * Math.sin(row * DIMENSIONS + i)),
    'every outcome 1': quality(() => 1),
    'every outcome 0': quality(() => 0),
    'every outcome 0.5': quality(() => 0.5),
    'a candidate that is always right': quality((i) => (i % 3 === 0 ? 1 : plain.quality[i])),
    'a candidate with one outcome': quality((i) => (i % 3 === 0 && i > 0 ? Number.NaN : plain.quality[i])),
    'candidates with the same outcomes': quality((i) => plain.quality[i - (i % 3)]),
    'costs of nothing': { ...plain, costUsd: plain.costUsd.map(() => 0) },
    'costs and times all the same': {
      ...plain,
      costUsd: plain.costUsd.map(() => 0.01),
      latencyMs: plain.latencyMs.map(() => 100),
    },
  };
}

/** Of the static embedder's vectors. */
const DIMENSIONS = 256;

/** Trains on it with the defaults. */
export async function trainOdd(matrix: OutcomeMatrix): Promise<TrainedRouter> {
  const config = parseTrainConfig({ seed: 0, resamples: 100 });
  const { splits, groups } = splitOutcomes(matrix, { seed: 0 });
  return trainRouter({
    name: 'odd',
    matrix,
    splits,
    groups: groups.groups,
    dataFingerprint: 'odd',
    config,
    embedder: await openEmbedder(config.embedder),
  });
}

async function timed(matrix: OutcomeMatrix): Promise<{ seconds: number; error: string | null }> {
  const start = process.cpuUsage();
  const error = await trainOdd(matrix).then(
    () => null,
    (problem: unknown) => String(problem),
  );
  const { user, system } = process.cpuUsage(start);
  return { seconds: (user + system) / 1e6, error };
}
