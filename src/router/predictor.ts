import type { Artifact } from '../artifact/artifact.ts';
import type { Manifest, ManifestCandidate } from '../artifact/manifest.ts';
import { parseJson } from '../artifact/parse-json.ts';
import { createCalibrator } from '../calibrator/create-calibrator.ts';
import type { Calibrator, CalibratorParameters } from '../calibrator.ts';
import { ArtifactError } from '../errors/artifact-error.ts';
import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { LIMIT } from '../features/features.ts';
import { createHead, type HeadContext } from '../head/create-head.ts';
import type { Head } from '../head/head.ts';
import { readLayersModel } from '../head/layers.ts';
import { argMax } from '../math/arg-max.ts';
import { softmaxInto } from '../math/logistic.ts';
import type { Predictions } from '../policy/predictions.ts';
import type { TaskGuess } from '../signals/read-signals.ts';
import { expectedAmounts, type RequestSize, UNKNOWN_SIZE } from './expected-amounts.ts';

/** Features to predictions: every head of an artifact, calibrated. */
export interface Predictor {
  /**
   * @param features standardised, `[features.length]`.
   * @param size of the request; where it is not known, amounts are those of a request of mean size.
   * @returns arrays that the next call overwrites.
   * @throws InvalidInputError when the features hold a number that is not finite.
   */
  predict(features: Float32Array, size?: RequestSize): Required<Predictions>;
  /** Whether the size of a request changes anything. */
  readonly readsSize: boolean;
  /** What kind of request it is; undefined where the artifact has no classifier. */
  readonly classifyTask: ((features: Float32Array) => TaskGuess) | undefined;
}

/** @throws ArtifactError when heads, calibrators and features do not fit together. */
export function createPredictor(artifact: Artifact): Predictor {
  const { candidates, features, heads, model } = artifact.manifest;
  const count = candidates.length;
  const turn = { count: 0 };
  const context: HeadContext = {
    layers: readLayersModel(
      parseJson(artifact.file(model.topology), model.topology),
      artifact.file(model.weights),
      turn,
    ),
    file: (path) => artifact.file(path),
  };
  const build = (name: string, spec: Parameters<typeof createHead>[0]): Head => {
    const head = createHead(spec, context);
    if (head.inputs === features.length && head.outputs === count) return head;
    throw new ArtifactError(
      `\`heads.${name}\` of manifest.json must read ${features.length} numbers and give ${count}. ` +
        `Got ${head.inputs} and ${head.outputs}. Export the artifact again.`,
    );
  };
  const choice = build('choice', heads.choice.head);
  const success = build('success', heads.success.head);
  const calibrators = heads.success.calibrators.map(calibratorOf);
  const amounts = expectedAmounts(artifact.manifest, build);

  const raw = new Float32Array(count);
  const named = Object.entries({ choice, success, ...amounts.heads });
  const predictions: Required<Predictions> = {
    choice: new Float64Array(count),
    success: new Float64Array(count),
    costUsd: new Float64Array(count),
    latencyMs: new Float64Array(count),
    outputTokens: new Float64Array(count),
  };
  const predictor: Predictor = {
    classifyTask: taskClassifier(artifact.manifest, context),
    readsSize: amounts.readsSize,
    predict(input, size = UNKNOWN_SIZE) {
      turn.count++;
      choice.predictInto(input, raw);
      softmaxInto(raw, predictions.choice, heads.choice.temperature);
      checkFinite(predictions.choice, candidates);
      success.predictInto(input, raw);
      for (let c = 0; c < count; c++) predictions.success[c] = calibrators[c].probability(raw[c]);
      checkFinite(predictions.success, candidates);
      amounts.writeInto(input, size, predictions);
      return predictions;
    },
  };
  for (const input of extremeFeatures(features.length)) {
    turn.count++;
    for (const [name, head] of named) {
      head.predictInto(input, raw);
      const wrong = raw.findIndex((value) => !Number.isFinite(value));
      if (wrong !== -1)
        throw notFinite(`\`heads.${name}\` gives ${raw[wrong]} for ${candidates[wrong].name}`);
    }
    try {
      predictor.predict(input);
    } catch (cause) {
      throw notFinite('Calibrated, they do not', { cause });
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
    `The heads of the artifact must give finite numbers whatever the features. ${what}: a weight is too large. Train again.`,
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

function checkFinite(values: Float64Array, candidates: readonly ManifestCandidate[]): void {
  for (let c = 0; c < values.length; c++) {
    if (Number.isFinite(values[c])) continue;
    throw new InvalidInputError(
      `The embedding must be finite numbers of ordinary size: what follows for ${candidates[c].name} is ` +
        `${values[c]}. Look at what the embedder gave.`,
    );
  }
}
