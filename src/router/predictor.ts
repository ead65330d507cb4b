import type { Artifact } from '../artifact/artifact.ts';
import type { Manifest, ManifestCandidate } from '../artifact/manifest.ts';
import { parseJson } from '../artifact/parse-json.ts';
import type { Calibrator, CalibratorParameters } from '../calibrator/calibrator.ts';
import { createCalibrator } from '../calibrator/create-calibrator.ts';
import { ArtifactError } from '../errors/artifact-error.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { LIMIT } from '../features/standardisation.ts';
import { createHead, type HeadContext } from '../head/create-head.ts';
import type { Head } from '../head/head.ts';
import { readLayersModel } from '../head/layers-model.ts';
import { argMax } from '../math/arg-max.ts';
import { softmaxInto } from '../math/softmax.ts';
import type { Predictions } from '../policy/predictions.ts';
import type { TaskGuess } from '../signals/read-signals.ts';

/** Features to predictions: every head of an artifact, calibrated. */
export interface Predictor {
  /**
   * @param features standardised, `[features.length]`.
   * @returns arrays that the next call overwrites.
   * @throws InvalidInputError when the features hold a number that is not finite.
   */
  predict(features: Float32Array): Predictions;
  /** What kind of request it is; undefined where the artifact has no classifier. */
  readonly classifyTask: ((features: Float32Array) => TaskGuess) | undefined;
}

type AmountHead = { readonly head: Head; readonly scales: readonly number[] } | null;

/** @throws ArtifactError when heads, calibrators and features do not fit together. */
export function createPredictor(artifact: Artifact): Predictor {
  const { candidates, features, heads, model } = artifact.manifest;
  const count = candidates.length;
  const layers = readLayersModel(
    parseJson(artifact.file(model.topology), model.topology),
    artifact.file(model.weights),
  );
  const turn = { count: 0 };
  const context = {
    layers,
    file: (path: string) => artifact.file(path),
    once: { turn, heads: new Map<string, Head>() },
  };
  const build = (name: string, spec: Parameters<typeof createHead>[0]): Head => {
    const head = createHead(spec, context);
    if (head.inputs === features.length && head.outputs === count) return head;
    throw new ArtifactError(
      `\`heads.${name}\` of manifest.json must read ${features.length} numbers and give ${count}. ` +
        `Got ${head.inputs} and ${head.outputs}. Export the artifact again.`,
    );
  };
  const amount = (name: string, part: (typeof heads)['cost']): AmountHead =>
    part === null ? null : { head: build(name, part.head), scales: part.scales };
  const choice = build('choice', heads.choice.head);
  const success = build('success', heads.success.head);
  const calibrators = heads.success.calibrators.map(calibratorOf);
  const cost = amount('cost', heads.cost);
  const latency = amount('latency', heads.latency);
  const meanCosts = candidates.map((candidate) => candidate.meanCostUsd);
  const meanLatencies = candidates.map((candidate) => candidate.meanLatencyMs);

  const raw = new Float32Array(count);
  const named = Object.entries({ choice, success, cost: cost?.head, latency: latency?.head });
  const predictions: Predictions = {
    choice: new Float64Array(count),
    success: new Float64Array(count),
    costUsd: new Float64Array(count),
    latencyMs: new Float64Array(count),
  };
  const predictor: Predictor = {
    classifyTask: taskClassifier(artifact.manifest, context),
    predict(input) {
      turn.count++;
      choice.predictInto(input, raw);
      softmaxInto(raw, predictions.choice, heads.choice.temperature);
      checkFinite(predictions.choice, candidates);
      success.predictInto(input, raw);
      for (let c = 0; c < count; c++) predictions.success[c] = calibrators[c].probability(raw[c]);
      checkFinite(predictions.success, candidates);
      amountInto(cost, meanCosts, input, raw, predictions.costUsd);
      amountInto(latency, meanLatencies, input, raw, predictions.latencyMs);
      return predictions;
    },
  };
  for (const input of extremeFeatures(features.length)) {
    turn.count++;
    for (const [name, head] of named) {
      head?.predictInto(input, raw);
      const wrong = head === undefined ? -1 : raw.findIndex((value) => !Number.isFinite(value));
      if (wrong !== -1)
        throw notFinite(`\`heads.${name}\` gives ${raw[wrong]} for ${candidates[wrong].name}`);
    }
    try {
      predictor.predict(input);
    } catch (cause) {
      throw notFinite('Calibrated, they are not', { cause });
    }
    const confidence = predictor.classifyTask?.(input).confidence ?? 0;
    if (!Number.isFinite(confidence)) throw notFinite(`\`task\` gives ${confidence}`);
  }
  return predictor;
}

/**
 * Features as far out as standardisation lets them be: what is finite for all of them has no weight that is huge. All
 * alike and in turn, so that weights of either sign add up somewhere.
 */
function extremeFeatures(length: number): Float32Array[] {
  const signs: readonly ((i: number) => number)[] = [
    () => 0,
    () => 1,
    () => -1,
    (i) => (i % 2 === 0 ? 1 : -1),
  ];
  return signs.map((sign) => Float32Array.from({ length }, (_, i) => LIMIT * sign(i)));
}

function notFinite(what: string, options?: ErrorOptions): ArtifactError {
  return new ArtifactError(
    `The heads of the artifact must give finite numbers whatever the features. ${what}: a weight or parameter is ` +
      'damaged or too large. Copy the artifact again, or train again.',
    options,
  );
}

function taskClassifier(
  { task, features }: Manifest,
  context: HeadContext,
): ((features: Float32Array) => TaskGuess) | undefined {
  if (task === undefined) return undefined;
  const { output, names } = task;
  const head = createHead({ kind: 'layers', output }, context);
  if (head.inputs !== features.length || head.outputs !== names.length) {
    throw new ArtifactError(
      `\`task\` of manifest.json must read ${features.length} numbers and give ${names.length}. ` +
        `Got ${head.inputs} and ${head.outputs}. Export the artifact again.`,
    );
  }
  const posterior = new Float32Array(names.length);
  return (input) => {
    head.predictInto(input, posterior);
    const first = argMax(posterior);
    return { task: names[first], confidence: Math.min(1, Math.max(0, posterior[first])) };
  };
}

function calibratorOf(parameters: CalibratorParameters): Calibrator {
  try {
    return createCalibrator(parameters);
  } catch (cause) {
    throw new ArtifactError(`A calibrator of manifest.json cannot be used: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/**
 * scale * exp(output). The candidate's mean where there is no head or its amount is beyond all bounds; NaN for a
 * candidate of which training saw no amount, whatever the head says of it.
 */
function amountInto(
  part: AmountHead,
  means: readonly (number | null)[],
  features: Float32Array,
  raw: Float32Array,
  out: Float64Array,
): void {
  part?.head.predictInto(features, raw);
  for (let c = 0; c < out.length; c++) {
    const mean = means[c] ?? Number.NaN;
    const value = part === null || Number.isNaN(mean) ? mean : part.scales[c] * Math.exp(raw[c]);
    out[c] = Number.isFinite(value) ? value : mean;
  }
}

function checkFinite(values: Float64Array, candidates: readonly ManifestCandidate[]): void {
  for (let c = 0; c < values.length; c++) {
    if (Number.isFinite(values[c])) continue;
    throw new InvalidInputError(
      `The embedding must be finite numbers of ordinary size: what follows for ${candidates[c].name} is ` +
        `${values[c]}. Look at what the embedder gave.`,
    );
  }
}
