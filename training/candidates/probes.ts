import { CholeskyDecomposition, Matrix, solve } from 'ml-matrix';
import type { Artifact, Router } from 'pointsman';
import { type AmountPart, dot, type ManifestCandidate, mean, softmaxInto } from 'pointsman/internal';
import { type BuiltArtifact, editArtifact } from '../artifact/build-artifact.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';

/**
 * Asks the router about the prompts that a new candidate was tried on, and puts beside it what was seen there. Prompts without a
 * quality of the new candidate are left out.
 *
 * @param router of the bare artifact
 * @param name the new candidate's, in the matrix
 * @param family columns whose amounts the new one's are expected to go with; null: all
 * @param inputCosts what the input of each prompt of the matrix costs, where cost heads leave that out: `[prompts]`
 */
export async function readProbes(
  router: Router,
  matrix: OutcomeMatrix,
  name: string,
  family: readonly number[] | null,
  inputCosts: Float64Array,
): Promise<Probes> {
  const { candidates } = router.manifest;
  const columns = candidates.length;
  const width = matrix.candidates.length;
  const own = matrix.candidates.indexOf(name);
  const from = candidates.map((candidate) => matrix.candidates.indexOf(candidate.name));
  const rows = [...matrix.prompts.keys()].filter(
    (row) => own !== -1 && !Number.isNaN(matrix.quality[row * width + own]),
  );
  const table = () => new Float64Array(rows.length * columns).fill(Number.NaN);
  const [expected, choice, others] = [table(), table(), table()];
  const [costs, latencies, lengths] = [table(), table(), table()];
  for (const [i, row] of rows.entries()) {
    const predictions = await router.predict(matrix.prompts[row].request);
    expected.set(predictions.success, i * columns);
    choice.set(predictions.choice.map(Math.log), i * columns);
    costs.set(predictions.costUsd.map(Math.log), i * columns);
    latencies.set(predictions.latencyMs.map(Math.log), i * columns);
    if (predictions.outputTokens !== undefined)
      lengths.set(predictions.outputTokens.map(Math.log), i * columns);
    from.forEach((at, c) => {
      if (at !== -1) others[i * columns + c] = matrix.quality[row * width + at];
    });
  }
  const seen = (values: Float32Array | undefined) =>
    Float64Array.from(rows, (row) => values?.[row * width + own] ?? Number.NaN);
  const [quality, costUsd, latencyMs, outputTokens] = [
    matrix.quality,
    matrix.costUsd,
    matrix.latencyMs,
    matrix.outputTokens,
  ].map(seen);
  const besides = costUsd.map((cost, i) => Math.max(0, cost - inputCosts[rows[i]]));
  return {
    expected,
    choice,
    others,
    own: {
      quality,
      costUsd,
      latencyMs,
      outputTokens,
      costRaw: amountOutput(costs, besides, columns, family),
      latencyRaw: amountOutput(latencies, latencyMs, columns, family),
      outputRaw: amountOutput(lengths, outputTokens, columns, family),
    },
  };
}

/** What is known of the prompts that a new candidate was tried on. */
export interface Probes {
  /** Sigmoid of what the success head says of each known candidate, `[probes, candidates]`. */
  readonly expected: Float64Array;
  /** What the choice head says, but for a constant a row, `[probes, candidates]`. */
  readonly choice: Float64Array;
  /** Quality that was seen of the known candidates, `[probes, candidates]`; NaN: not seen. */
  readonly others: Float64Array;
  readonly own: ProbedCandidate;
}

/**
 * Mean quality of each known candidate over the traffic. Of one that nobody scored it is what the heads expect of it on the probes, by
 * as much more or less as the others have over the traffic than on the probes.
 */
export function trafficMeans(
  candidates: readonly Pick<ManifestCandidate, 'meanQuality'>[],
  expected: Float64Array,
): Float64Array {
  const columns = candidates.length;
  const onProbes = candidates.map((_, c) => mean(expected.filter((__, i) => i % columns === c)));
  const easier = candidates.flatMap(({ meanQuality }, c) =>
    meanQuality === null ? [] : [meanQuality - onProbes[c]],
  );
  const shift = easier.length === 0 ? 0 : mean(easier);
  return Float64Array.from(
    candidates,
    ({ meanQuality }, c) => meanQuality ?? Math.min(1, Math.max(0, onProbes[c] + shift)),
  );
}

/** What was seen of the new candidate itself, `[probes]`; NaN: not seen. */
export interface ProbedCandidate {
  readonly quality: Float64Array;
  readonly costUsd: Float64Array;
  readonly latencyMs: Float64Array;
  readonly outputTokens: Float64Array;
  /** Of the cost, or of what it is beside its input. */
  readonly costRaw: AmountOutput;
  readonly latencyRaw: AmountOutput;
  readonly outputRaw: AmountOutput;
}

/** An amount of the new candidate: scale · exp(Σ weight · output of the others). */
export interface AmountOutput {
  readonly weights: Float64Array; // [candidates]
  readonly scale: number;
}

/** Goes up and down with those that are known, at the height that makes the amounts of the probes add up. */
function amountOutput(
  outputs: Float64Array,
  seen: Float64Array,
  columns: number,
  family: readonly number[] | null,
): AmountOutput {
  const known = Array.from({ length: columns }, (_, c) => c).filter((c) => !Number.isNaN(outputs[c]));
  const relatives = known.filter((c) => family?.includes(c) ?? true);
  const members = relatives.length > 0 ? relatives : known;
  const weights = new Float64Array(columns);
  for (const c of members) weights[c] = 1 / members.length;
  let [observed, expected] = [0, 0];
  seen.forEach((amount, i) => {
    if (Number.isNaN(amount)) return;
    observed += amount;
    expected += Math.exp(members.reduce((sum, c) => sum + weights[c] * outputs[i * columns + c], 0));
  });
  const scale = observed / expected;
  return { weights, scale: Number.isFinite(scale) && scale > 0 ? scale : 1 };
}

/**
 * An artifact whose predictions are what its heads say: success is the sigmoid of the head's output, the logarithm of
 * choice its output but for a constant, cost, latency and length of the answer its exponential, whatever is asked.
 */
export function bareArtifact(artifact: Artifact): Promise<BuiltArtifact> {
  const { candidates, heads } = artifact.manifest;
  const { costBesideInput, outputTokens } = heads;
  const bare = ({ head, scales }: AmountPart): AmountPart => ({ head, scales: scales.map(() => 1) });
  return editArtifact(artifact, {
    what: 'Its heads were laid bare.',
    contents: {
      candidates: candidates.map(withoutRates),
      policy: { kind: 'utility' },
      heads: {
        choice: { ...heads.choice, temperature: 1 },
        success: {
          ...heads.success,
          calibrators: heads.success.calibrators.map(() => ({ kind: 'identity' })),
        },
        cost: heads.cost && bare(heads.cost),
        latency: heads.latency && bare(heads.latency),
        ...(outputTokens === undefined ? {} : { outputTokens: bare(outputTokens) }),
        ...(costBesideInput === undefined
          ? {}
          : {
              costBesideInput: {
                ...bare(costBesideInput),
                perInputToken: costBesideInput.scales.map(() => 0),
              },
            }),
      },
    },
  });
}

/** Without what makes costs and latencies of tokens. */
function withoutRates({
  inputPricePerMillionTokens: _i,
  outputPricePerMillionTokens: _o,
  paidPrices: _p,
  latencyByTokens: _l,
  ...candidate
}: ManifestCandidate): ManifestCandidate {
  return candidate;
}

/**
 * Bayesian regression of a new candidate's quality on what is expected of the others: a candidate is taken for a draw
 * from those that are there, mean and shape at once, plus an offset of its own. That is a matrix factorisation whose
 * prompt vectors are the others' predictions, and whose prior is their scatter: with no probes it is the mean of its
 * family, and it moves with evidence.
 *
 *   f_new = f_family + Σ β_c (f_c − f̄) + u,   β_c ~ N(0, v / (C − 1)),   u ~ N(0, τ²)
 *
 * The scatter of a few candidates is a guess of how far the next may be from them, so offsets of 4, 16, 64 and 256 times the
 * variance are held beside it and weighed by how well each foretold what was seen (a scale mixture, as is Student's t). What a
 * candidate unlike all others says of itself is then believed, and one like them is hardly less sure for it.
 *
 * Where others answered the same prompts, what they all did better or worse than expected is a fact about the prompt and
 * not about the new one, and is taken off beforehand.
 */
export function candidatePosterior(input: PosteriorInput): CandidatePosterior {
  const { expected, means, family } = input;
  const columns = means.length;
  const count = input.quality.length;
  const spread = Math.max(LEAST_DEVIATION, Math.sqrt(variance(means)));
  const center = mean(means);
  const members = family ?? Array.from(means.keys());
  const start = new Float64Array(columns);
  for (const c of members) start[c] = 1 / members.length;
  const precision = new Float64Array(columns + 1).fill(
    Math.max(1, columns - 1) / (family === null ? 1 : FAMILY_VARIANCE),
  );
  precision[columns] = 1 / (NOVELTY * spread ** 2);

  const { shared, noise } = promptEffects(input, start);
  const design = Matrix.zeros(count, columns + 1);
  const target = Matrix.zeros(count, 1);
  for (let i = 0; i < count; i++) {
    const row = expected.subarray(i * columns, (i + 1) * columns);
    const level = mean(row);
    for (let c = 0; c < columns; c++) design.set(i, c, row[c] - level);
    design.set(i, columns, 1);
    target.set(i, 0, input.quality[i] - shared[i] - dot(start, row));
  }
  const beliefs = SURPRISES.map((surprise) =>
    believe(
      design,
      target,
      precision.map((value, c) => (c === columns ? value / surprise : value)),
      noise,
    ),
  );
  // Flat in the variance: heavy tails, so that evidence is not argued with for long.
  const odds = Float64Array.from(beliefs, ({ logEvidence }, i) => logEvidence + Math.log(SURPRISES[i]));
  softmaxInto(odds, odds);
  // Mean quality is linear in β: its variance is that along the known means.
  const along = Matrix.columnVector([...Array.from(means, (m) => m - center), 1]);
  const levels = beliefs.map(({ beta }) => along.transpose().mmul(beta).get(0, 0));
  const level = odds.reduce((sum, odd, i) => sum + odd * levels[i], 0);
  let spreadOfLevel = 0;
  const beta = new Float64Array(columns + 1);
  beliefs.forEach(({ beta: own, covariance }, i) => {
    const within = along.transpose().mmul(covariance).mmul(along).get(0, 0);
    spreadOfLevel += odds[i] * (within + (levels[i] - level) ** 2);
    for (let c = 0; c <= columns; c++) beta[c] += odds[i] * own.get(c, 0);
  });
  const betaMean = beta.subarray(0, columns).reduce((sum, x) => sum + x, 0) / columns;
  const weights = start.map((weight, c) => weight + beta[c] - betaMean);
  const offset = beta[columns];
  const deviation = Math.sqrt(spreadOfLevel);
  return { weights, priorWeights: start, offset, mean: dot(weights, means) + offset, deviation };
}

interface PosteriorInput {
  /** What the router expects of each candidate that it knows, `[probes, candidates]`, 0 to 1. */
  readonly expected: Float64Array;
  /** Their means over the traffic, `[candidates]`. */
  readonly means: Float64Array;
  /** Quality of the new candidate's answers, `[probes]`. */
  readonly quality: Float64Array;
  /** Quality of the others' answers to the same prompts, `[probes, candidates]`; NaN: not seen. */
  readonly others: Float64Array;
  /** Columns that the new one is expected to be like; null: like any. */
  readonly family: readonly number[] | null;
}

/** What is believed of a new candidate. */
export interface CandidatePosterior {
  /** Expected quality is Σ weight · that of the others + offset; they sum to 1. */
  readonly weights: Float64Array;
  /** The weights before anything was seen: those of its family alike. */
  readonly priorWeights: Float64Array;
  readonly offset: number;
  /** Mean quality over the traffic, and its standard deviation. */
  readonly mean: number;
  readonly deviation: number;
}

/** A named family is that much surer of what its new member is like than all candidates together: share of their variance. */
const FAMILY_VARIANCE = 0.25;

/** What is new of a candidate, as a share of the variance among the means of those that are known. */
const NOVELTY = 0.25;

/** How many times the variance of the offset may be after all: a new candidate may be unlike all that are known. */
const SURPRISES = [1, 4, 16, 64, 256];

/** Standard deviation among candidates that is reckoned with where those that are known hardly differ. */
const LEAST_DEVIATION = 0.05;

/** What each prompt did to all who answered it, shrunk, and the variance of what is left of a new one's answer. */
function promptEffects(
  { expected, quality, others, means }: PosteriorInput,
  start: Float64Array,
): { readonly shared: Float64Array; readonly noise: number } {
  const columns = means.length;
  const count = quality.length;
  const sums = new Float64Array(count);
  const seen = new Float64Array(count);
  let [products, pairs, squares, cells] = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    let own = 0;
    for (let c = 0; c < columns; c++) {
      const residual = others[i * columns + c] - expected[i * columns + c];
      if (Number.isNaN(residual)) continue;
      sums[i] += residual;
      seen[i]++;
      own += residual ** 2;
    }
    squares += own;
    cells += seen[i];
    products += sums[i] ** 2 - own;
    pairs += seen[i] * (seen[i] - 1);
  }
  const residuals = Float64Array.from(
    quality,
    (y, i) => y - dot(start, expected.subarray(i * columns, (i + 1) * columns)),
  );
  const total = Math.max(0.01, variance(residuals));
  // Covariance between two candidates' surprises at one prompt: what a prompt has to itself.
  const common = pairs === 0 ? 0 : Math.max(0, Math.min(products / pairs, total));
  const alone = cells === 0 ? 1 : Math.max(0.01, squares / cells - common);
  const shared = new Float64Array(count);
  let explained = 0;
  for (let i = 0; i < count; i++) {
    if (seen[i] === 0) continue;
    const reliability = common / (common + alone / seen[i]);
    shared[i] = (reliability * sums[i]) / seen[i];
    explained += (reliability * common) / count;
  }
  return { shared, noise: Math.max(0.01, total - explained) };
}

interface Belief {
  readonly beta: Matrix; // [candidates + 1, 1]
  readonly covariance: Matrix;
  /** Log-density of what was seen, up to a constant. */
  readonly logEvidence: number;
}

/** Bayesian linear regression with a known noise variance (Bishop 2006, sections 3.3 and 3.5). */
function believe(design: Matrix, target: Matrix, precision: Float64Array, noise: number): Belief {
  const size = precision.length;
  const information = design.transpose().mmul(design).div(noise);
  precision.forEach((value, c) => {
    information.set(c, c, information.get(c, c) + value);
  });
  const covariance = solve(information, Matrix.eye(size));
  const beta = covariance.mmul(design.transpose().mmul(target)).div(noise);
  let penalty = 0;
  let logPrior = 0;
  precision.forEach((value, c) => {
    penalty += value * beta.get(c, 0) ** 2;
    logPrior += Math.log(value);
  });
  const missed = Matrix.sub(target, design.mmul(beta));
  const error = missed.transpose().mmul(missed).get(0, 0) / noise;
  return { beta, covariance, logEvidence: 0.5 * (logPrior - logDeterminant(information) - error - penalty) };
}

/** Of a positive definite matrix. */
function logDeterminant(matrix: Matrix): number {
  const lower = new CholeskyDecomposition(matrix).lowerTriangularMatrix;
  return 2 * lower.diagonal().reduce((sum, x) => sum + Math.log(x), 0);
}

/** Of a sample; 0 for one value. */
function variance(values: Float64Array): number {
  if (values.length < 2) return 0;
  const center = mean(values);
  return values.reduce((sum, x) => sum + (x - center) ** 2, 0) / (values.length - 1);
}
