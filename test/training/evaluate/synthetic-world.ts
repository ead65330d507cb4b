import { createRandom } from 'pointsman/internal';
import type { EvaluationInput, TestPredictions } from '../../../training/evaluate/evaluation-input.ts';

export interface WorldOptions {
  readonly rows?: number;
  readonly seed?: number;
  /** Probability that each candidate answers each task well: [tasks][candidates] */
  readonly truth?: readonly (readonly number[])[];
  readonly candidates?: readonly string[];
  readonly tasks?: readonly string[] | null;
  readonly costs?: readonly number[] | null;
  readonly latencies?: readonly number[] | null;
  /** How many candidates each prompt was sent to, at random. @default all */
  readonly observed?: number;
  /** Who chooses. @default the candidate with the highest true probability */
  readonly choose?: (truth: readonly number[], random: () => number) => number;
}

const TRUTH = [
  [0.9, 0.5, 0.6],
  [0.2, 0.9, 0.6],
  [0.5, 0.6, 0.95],
];

/**
 * A world whose truth is known: tasks come up equally often, qualities are coin flips with the task's probability,
 * and the router predicts just that probability, so it is calibrated. Half of the rows are for training.
 */
export function syntheticWorld(options: WorldOptions = {}): EvaluationInput {
  const { rows = 2000, seed = 1, truth = TRUTH } = options;
  const names = options.candidates ?? ['basic', 'good', 'great'].slice(0, truth[0].length);
  const tasks = options.tasks === undefined ? truth.map((_, t) => `task ${t}`) : options.tasks;
  const costs = options.costs === undefined ? names.map((_, c) => 0.001 * 4 ** c) : options.costs;
  const latencies = options.latencies === undefined ? names.map((_, c) => 100 * (c + 1)) : options.latencies;
  const random = createRandom(seed);
  const width = names.length;
  const cells = () => new Float32Array(rows * width).fill(Number.NaN);
  const [quality, costUsd, latencyMs, propensity] = [cells(), cells(), cells(), cells()];
  const taskOf = Int32Array.from({ length: rows }, () => random.integer(truth.length));
  const vectors = new Float32Array(rows * truth.length);
  for (let row = 0; row < rows; row++) {
    for (let t = 0; t < truth.length; t++) {
      vectors[row * truth.length + t] = (t === taskOf[row] ? 1 : 0) + 0.1 * random.normal();
    }
    const asked = random.shuffle(names.map((_, c) => c)).slice(0, options.observed ?? width);
    for (const c of asked) {
      const at = row * width + c;
      quality[at] = random.next() < truth[taskOf[row]][c] ? 1 : 0;
      if (costs) costUsd[at] = costs[c] * (0.5 + random.next());
      if (latencies) latencyMs[at] = latencies[c] * (0.5 + random.next());
    }
  }
  const third = Math.floor(rows / 4);
  const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i);
  const test = range(2 * third, rows);
  const choose = options.choose ?? ((p: readonly number[]) => p.indexOf(Math.max(...p)));
  const predict = (of: Int32Array): TestPredictions => {
    const perCell = (value: (p: readonly number[], c: number) => number) =>
      Float32Array.from({ length: of.length * width }, (_, i) =>
        value(truth[taskOf[of[Math.floor(i / width)]]], i % width),
      );
    return {
      success: perCell((p, c) => p[c]),
      choice: perCell((p, c) => p[c] / p.reduce((sum, value) => sum + value, 0)),
      expectedCostUsd: perCell((_, c) => costs?.[c] ?? Number.NaN),
      expectedLatencyMs: perCell((_, c) => latencies?.[c] ?? Number.NaN),
      chosen: Int32Array.from(of, (row) => choose(truth[taskOf[row]], random.next)),
      decisionMicroseconds: Float64Array.from(of, () => 20 * Math.exp(0.3 * random.normal())),
    };
  };
  const calibrate = range(third, 2 * third);
  const predictions = predict(test);
  return {
    matrix: {
      candidates: names,
      prompts: Array.from({ length: rows }, (_, row) => ({
        requestId: `r${row}`,
        timestampMs: null,
        request: { text: `prompt ${row}` },
        task: tasks ? tasks[taskOf[row]] : null,
        tier: null,
        source: 'synthetic',
      })),
      quality,
      costUsd,
      latencyMs,
      propensity,
    },
    groups: range(0, rows),
    splits: {
      fit: { role: 'fit', rows: range(0, third) },
      calibrate: { role: 'calibrate', rows: calibrate },
      test: { role: 'test', rows: test },
    },
    predictions,
    dial: {
      candidates: names.map((name, c) => ({
        name,
        meanCostUsd: costs?.[c] ?? null,
        meanLatencyMs: latencies?.[c] ?? null,
      })),
      policy: { kind: 'utility' },
      calibrate: { rows: calibrate, predictions: predict(calibrate) },
    },
    artifactId: 'synthetic-000000000000',
    policy: 'classifier',
    embeddings: { rows, columns: truth.length, values: vectors },
  };
}
