import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createRandom } from 'pointsman/internal';
import { fitLinear } from '../training/fit/linear.ts';
import type { Matrix } from '../training/fit/rows.ts';
import { useBackend } from '../training/fit/tensorflow.ts';
import { atMost, type BenchLine } from './bench-line.ts';

const ROWS = 100_000;
const FEATURES = 512;
const CANDIDATES = 9;
/** Debian's and Ubuntu's own Python, for which `python3-sklearn` is packaged. */
const PYTHON = '/usr/bin/python3';

/** One linear head on the same rows here and in scikit-learn, one after the other: seconds, and the objective reached. */
export async function benchFit(): Promise<BenchLine[]> {
  const { features, labels, targets } = syntheticRows();
  const backend = await useBackend();
  const started = performance.now();
  const { layer, loss, steps } = await fitLinear({ features, targets }, 'softmax', { l2: 1 });
  const seconds = (performance.now() - started) / 1000;
  const objective = loss + layer.kernel.reduce((sum, w) => sum + (0.5 * w * w) / ROWS, 0);
  const shape = `${ROWS.toLocaleString('en')} rows × ${FEATURES} × ${CANDIDATES}`;
  const ours: BenchLine = {
    name: 'fit one linear head',
    value: seconds,
    unit: 's',
    target: null,
    met: null,
    note: `${shape}, ${backend.name} backend, ${steps} steps over all rows, objective ${objective.toFixed(6)} a row`,
  };
  const theirs = await fitScikitLearn(features.values, labels);
  const name = 'fit, ratio to scikit-learn LogisticRegression(lbfgs)';
  if (typeof theirs === 'string') {
    return [ours, { name, value: Number.NaN, unit: '×', target: '≤ 2', met: null, note: theirs }];
  }
  const note = `${theirs.seconds.toFixed(1)} s in scikit-learn ${theirs.version}, ${theirs.iterations} iterations, same rows and run`;
  const excess = 100 * (objective / theirs.objective - 1);
  return [
    ours,
    atMost(name, seconds / theirs.seconds, '×', 2, note),
    atMost(
      'fit, objective above scikit-learn',
      excess,
      '%',
      0.1,
      `theirs ${theirs.objective.toFixed(6)} a row`,
    ),
  ];
}

interface Rows {
  readonly features: Matrix;
  /** One-hot. */
  readonly targets: Matrix;
  readonly labels: Int32Array;
}

/**
 * Correlated features, as embeddings are: 64 directions of falling variance and some noise, then standardised. Labels
 * are drawn from the softmax of a linear map.
 */
function syntheticRows(): Rows {
  const random = createRandom(1);
  const directions = 64;
  const mixing = Float32Array.from({ length: directions * FEATURES }, () => random.normal());
  const kernel = Float32Array.from({ length: FEATURES * CANDIDATES }, () => 0.06 * random.normal());
  const values = new Float32Array(ROWS * FEATURES);
  for (let row = 0; row < ROWS; row++) {
    const features = values.subarray(row * FEATURES, (row + 1) * FEATURES);
    for (let j = 0; j < FEATURES; j++) features[j] = 0.5 * random.normal();
    for (let k = 0; k < directions; k++) {
      const amount = (0.4 * random.normal()) / Math.sqrt(1 + k);
      for (let j = 0; j < FEATURES; j++) features[j] += amount * mixing[k * FEATURES + j];
    }
  }
  standardise(values);
  const labels = new Int32Array(ROWS);
  const targets = new Float32Array(ROWS * CANDIDATES);
  for (let row = 0; row < ROWS; row++) {
    let highest = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < CANDIDATES; c++) {
      // With Gumbel noise the arg max is a draw from the softmax.
      let logit = -Math.log(-Math.log(1 - random.next()));
      for (let j = 0; j < FEATURES; j++) logit += values[row * FEATURES + j] * kernel[j * CANDIDATES + c];
      if (logit > highest) {
        highest = logit;
        labels[row] = c;
      }
    }
    targets[row * CANDIDATES + labels[row]] = 1;
  }
  return {
    features: { rows: ROWS, columns: FEATURES, values },
    targets: { rows: ROWS, columns: CANDIDATES, values: targets },
    labels,
  };
}

function standardise(values: Float32Array): void {
  const [sums, squares] = [new Float64Array(FEATURES), new Float64Array(FEATURES)];
  for (let i = 0; i < values.length; i++) {
    sums[i % FEATURES] += values[i];
    squares[i % FEATURES] += values[i] ** 2;
  }
  const means = sums.map((sum) => sum / ROWS);
  const scales = squares.map((square, j) => 1 / Math.sqrt(square / ROWS - means[j] ** 2));
  for (let i = 0; i < values.length; i++)
    values[i] = (values[i] - means[i % FEATURES]) * scales[i % FEATURES];
}

interface ScikitLearnFit {
  readonly version: string;
  readonly seconds: number;
  readonly iterations: number;
  readonly objective: number;
}

const script = `
import sys, json, time, warnings
import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
warnings.simplefilter("ignore")
folder, rows, features = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
X = np.fromfile(folder + "/features.f32", dtype=np.float32).reshape(rows, features)
y = np.fromfile(folder + "/labels.i32", dtype=np.int32)
started = time.perf_counter()
model = LogisticRegression(solver="lbfgs", C=1.0).fit(X, y)
seconds = time.perf_counter() - started
log_p = model.predict_log_proba(X)[np.arange(rows), np.searchsorted(model.classes_, y)]
objective = -log_p.mean() + 0.5 * (model.coef_ ** 2).sum() / rows
print(json.dumps(dict(version=sklearn.__version__, seconds=seconds, iterations=int(model.n_iter_[0]), objective=float(objective))))
`;

/** The fit, or a sentence that says why there is none. */
async function fitScikitLearn(features: Float32Array, labels: Int32Array): Promise<ScikitLearnFit | string> {
  const run = promisify(execFile);
  const found = await run(PYTHON, ['-c', 'import sklearn']).catch(() => null);
  if (found === null)
    return `Skipped: ${PYTHON} has no scikit-learn. Install it: apt-get install python3-sklearn`;
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-fit-'));
  try {
    await writeFile(join(folder, 'features.f32'), new Uint8Array(features.buffer));
    await writeFile(join(folder, 'labels.i32'), new Uint8Array(labels.buffer));
    const { stdout } = await run(PYTHON, ['-c', script, folder, String(ROWS), String(FEATURES)]);
    return JSON.parse(stdout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
