import type { Artifact, Router } from 'pointsman';
import type { AmountPart, ManifestCandidate } from 'pointsman/internal';
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
