import type { Router } from 'pointsman';
import { createRandom, mean } from 'pointsman/internal';
import { createMatrix, type Matrix } from '../../training/fit/rows.ts';
import type { OutcomeMatrix } from '../../training/outcomes/matrix.ts';
import { gateChallenger } from '../../training/retrain/challenger.ts';
import { parseRetrainConfig } from '../../training/retrain/config.ts';
import { atMost, type BenchLine, mended } from '../bench-line.ts';
import { simulatedPrompts } from './simulated-prompts.ts';

const LOGS = 40;
const ROWS = 800;
const DIMENSIONS = 32;
/** What the log gives each kind of prompt to: `a` gets the easy ones. */
const LOGGING = [
  [0.6, 0.2, 0.2],
  [0.2, 0.2, 0.6],
];
/** All candidates are alike; prompts are not. */
const QUALITY = [0.9, 0.5];
const MEAN = 0.7;

/**
 * What the gate makes of a log without propensities, in which easy prompts went to one candidate, hard ones to another, and
 * nobody labelled them. The challenger always chooses the one with the easy prompts, the champion the one with the hard
 * ones, and both are worth exactly the same. The model behind the doubly robust scores is weak: the candidates' means.
 */
export async function simulateFittedPropensities(onProgress: (what: string) => void): Promise<BenchLine[]> {
  const lines: BenchLine[] = [];
  for (const { before, seen, what } of [
    { what: 'easy prompts longer', seen: 'words', before: '0.20' },
    { what: 'easy prompts alike in meaning', seen: 'embedding', before: '0.20' },
  ] as const) {
    const found: number[] = [];
    for (let seed = 0; seed < LOGS; seed++) {
      if (seed % 10 === 0) onProgress(`fitted propensities, ${what}, log ${seed + 1} of ${LOGS}`);
      found.push(await estimatedGain(seed, seen));
    }
    const spread = Math.sqrt(mean(found.map((one) => (one - mean(found)) ** 2)) / LOGS);
    lines.push(
      mended(
        before,
        atMost(
          `bias of the gate without logged propensities: ${what}`,
          Math.abs(mean(found)),
          '',
          0.03,
          `mean of ${LOGS} logs of ${ROWS} prompts (standard error ${spread.toFixed(3)}), candidates truly alike, a model that knows only their means`,
        ),
      ),
    );
  }
  return lines;
}

/** Challenger minus champion, as the gate estimates it; truly 0. */
export async function estimatedGain(seed: number, seen: 'words' | 'embedding', rows = ROWS): Promise<number> {
  const { embeddings, matrix } = unlabelledLog(4 * rows, seed, seen);
  const order = Int32Array.from({ length: 4 * rows }, (_, row) => row);
  const verdict = await gateChallenger({
    matrix,
    groups: order,
    learn: order.subarray(0, 3 * rows),
    holdout: order.subarray(3 * rows),
    champion: {
      matrix,
      success: new Float64Array(12 * rows).fill(MEAN),
      costUsd: new Float64Array(12 * rows).fill(Number.NaN),
      latencyMs: new Float64Array(12 * rows).fill(Number.NaN),
      chosen: new Int32Array(4 * rows).fill(2),
    },
    challenger: alwaysFirst(matrix.candidates),
    embeddings,
    spent: 0,
    drifted: false,
    config: parseRetrainConfig({
      router: 'router',
      logs: { files: ['log.jsonl'] },
      gate: { qualityPerUsd: 0 },
    }),
  });
  return verdict.tests.find(({ kind }) => kind === 'champion')!.difference!.estimate!;
}

/** A log of one candidate a prompt, that says neither task nor propensity. */
function unlabelledLog(rows: number, seed: number, seen: 'words' | 'embedding') {
  const random = createRandom(seed + 1);
  const kinds = Int32Array.from({ length: rows }, () => random.integer(2));
  const embeddings: Matrix = createMatrix(rows, DIMENSIONS);
  const empty = () => new Float32Array(3 * rows).fill(Number.NaN);
  const quality = empty();
  kinds.forEach((kind, row) => {
    for (let i = 0; i < DIMENSIONS; i++) embeddings.values[row * DIMENSIONS + i] = random.normal();
    if (seen === 'embedding')
      for (let i = 0; i < 4; i++) embeddings.values[row * DIMENSIONS + i] += kind === 0 ? 2 : -2;
    let at = random.next();
    const drawn = LOGGING[kind].findIndex((share) => {
      at -= share;
      return at < 0;
    });
    quality[3 * row + (drawn < 0 ? 2 : drawn)] = Number(random.next() < QUALITY[kind]);
  });
  const matrix: OutcomeMatrix = {
    candidates: ['a', 'b', 'c'],
    prompts: simulatedPrompts(
      kinds.length,
      (row) =>
        seen === 'words' && kinds[row] === 0 ? `word ${'and more '.repeat(10)}${row}` : `word ${row}`,
      (row) => row,
    ),
    quality,
    costUsd: empty(),
    latencyMs: empty(),
    propensity: empty(),
  };
  return { embeddings, matrix };
}

/** A router that always chooses the first candidate, and expects the same of each: all that the gate asks of one. */
function alwaysFirst(candidates: readonly string[]): Router {
  const predictions = candidates.map((candidate) => ({ candidate, successProbability: MEAN }));
  const plan = { kind: 'call', candidate: candidates[0] };
  const decision = { candidate: candidates[0], plan, predictions, probabilities: {}, routerMs: 0 };
  return {
    manifest: { policy: { kind: 'utility' }, candidates: candidates.map((name) => ({ name })) },
    route: async () => decision,
    routeEmbedding: () => decision,
  } as unknown as Router;
}
