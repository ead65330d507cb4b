import type { AmountPart, Manifest, ManifestCandidate, ToldTask } from '../artifact/manifest.ts';
import { type Artifact, parseJson } from '../artifact/read-artifact.ts';
import { type Calibrator, type CalibratorParameters, readCalibrator } from '../calibrator.ts';
import { ArtifactError, InvalidInputError } from '../errors.ts';
import { extremeFeatures } from '../features/features.ts';
import { createHead, type HeadContext } from '../head/create-head.ts';
import type { Head, HeadSpec } from '../head/head.ts';
import { readLayersModel } from '../head/layers.ts';
import { argMax, sigmoid, softmaxInto } from '../math.ts';
import type { Predictions } from '../policy/plan.ts';
import type { Calibration } from '../policy/uncertainty.ts';
import type { TaskGuess } from '../signals/signals.ts';
import { tokenCost } from '../tokens.ts';

/** What heads and calibrators say of every candidate. */
type HeadPredictions = Required<Omit<Predictions, 'novelty' | 'tasks'>>;

/** Features to predictions: every head of an artifact, calibrated. */
export interface Predictor {
  /**
   * @param features standardised, `[features.length]`.
   * @param size of the request; where it is not known, amounts are those of a request of mean size.
   * @param task what kind of request it is, where the caller says; one that `isLearned` changes what is expected.
   * @returns arrays that the next call overwrites.
   * @throws InvalidInputError when the features hold a number that is not finite.
   */
  predict(features: Float32Array, size?: RequestSize, task?: string): HeadPredictions;
  /** What made the success probabilities that were predicted last. */
  readonly calibration: Calibration;
  /** Whether it makes a difference to be told this task; undefined where none does. */
  readonly isLearned: ((task: string) => boolean) | undefined;
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
      artifact.simd,
    ),
    file: (path) => artifact.file(path),
    knn: artifact.knn,
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
  const told = toldTasks(artifact.manifest, context);
  const amounts = expectedAmounts(artifact.manifest, build);

  const raw = new Float32Array(count);
  const scores = new Float32Array(count);
  const calibration: { scores: Float32Array; calibrators: readonly Calibrator[] } = { scores, calibrators };
  const named = Object.entries({ choice, success, ...amounts.heads });
  const predictions: HeadPredictions = {
    choice: new Float64Array(count),
    success: new Float64Array(count),
    costUsd: new Float64Array(count),
    latencyMs: new Float64Array(count),
    outputTokens: new Float64Array(count),
  };
  const predictor: Predictor = {
    calibration,
    classifyTask: taskClassifier(artifact.manifest, context),
    isLearned: told && ((task) => told.heads.has(task)),
    readsSize: amounts.readsSize,
    predict(input, size = UNKNOWN_SIZE, task) {
      turn.count++;
      const known = task === undefined ? undefined : told?.heads.get(task);
      calibration.calibrators = known === undefined ? calibrators : told!.calibrators;
      (known ?? success).predictInto(input, scores);
      for (let c = 0; c < count; c++)
        predictions.success[c] = calibration.calibrators[c].probability(scores[c]);
      checkFinite(predictions.success, candidates);
      // The choice head has guessed the task; what is expected, told it, has not.
      if (known === undefined) choice.predictInto(input, raw);
      else for (let c = 0; c < count; c++) raw[c] = sigmoid(scores[c]);
      softmaxInto(
        raw,
        predictions.choice,
        known === undefined ? heads.choice.temperature : told!.temperature,
      );
      checkFinite(predictions.choice, candidates);
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
    return { task: names[first], confidence: Math.min(1, Math.max(0, posterior[first])), posterior };
  };
}

/** What is expected of a request whose task the caller says. */
interface ToldTasks {
  /** Of each task, in the place of the success head. */
  readonly heads: ReadonlyMap<string, Head>;
  readonly calibrators: readonly Calibrator[];
  readonly temperature: number;
}

const calibratorOf = (parameters: CalibratorParameters) => readCalibrator('manifest.json', parameters);

/** As many light heads as there are tasks, over the one that all of them share. */
function toldTasks({ heads: { success }, task }: Manifest, context: HeadContext): ToldTasks | undefined {
  const { head } = success;
  if (task?.told === undefined || head.kind !== 'logit') return undefined;
  const { calibrators, temperature } = task.told;
  const heads = new Map(
    task.names.map((name, t) => [name, createHead(toldHead(head, task.told!, t), context)]),
  );
  return { heads, calibrators: calibrators.map(calibratorOf), temperature };
}

/** The success head where the caller says that the task is number `t`. */
export function toldHead(
  { head, prior }: Extract<HeadSpec, { kind: 'logit' }>,
  { offsets, scale }: Pick<ToldTask, 'offsets' | 'scale'>,
  t: number,
): HeadSpec {
  return {
    kind: 'logit',
    prior: prior.map((p, c) => p + offsets[t][c]),
    head: { kind: 'stack', members: [{ weight: scale, head }] },
  };
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

/** How long a request is. */
export interface RequestSize {
  /** What `countRequestTokens` makes of it, or the caller; NaN where only an embedding is given. */
  readonly tokens: number;
  /** Tokens at its beginning that each candidate's provider has in its cache, by name. */
  readonly cachedTokens?: Readonly<Record<string, number>> | undefined;
}

export const UNKNOWN_SIZE: RequestSize = { tokens: Number.NaN };

/** What answers cost and how long they take. */
interface ExpectedAmounts {
  /** Whether the size of a request changes anything. */
  readonly readsSize: boolean;
  readonly heads: Readonly<Record<string, Head>>;
  /** Writes `costUsd`, `latencyMs` and `outputTokens`. */
  writeInto(features: Float32Array, size: RequestSize, out: HeadPredictions): void;
}

/**
 * The cost of an answer is tokens times prices where a candidate's prices are known and so is how much it writes; else
 * what the cost heads say, or its mean; never less than its price of the input. Its latency likewise goes by tokens, or the
 * latency head says it.
 *
 * @param build a head of the manifest, by its name there.
 */
export function expectedAmounts(
  { candidates, heads }: Manifest,
  build: (name: string, spec: HeadSpec) => Head,
): ExpectedAmounts {
  const count = candidates.length;
  const raw = new Float32Array(count);
  const beside = new Float64Array(count);
  const made: Record<string, Head> = {};
  const partOf = (name: string, part: AmountPart | null | undefined) => {
    if (part == null) return undefined;
    made[name] = build(name, part.head);
    return { ...part, head: made[name] };
  };
  const outputTokens = partOf('outputTokens', heads.outputTokens);
  const cost = partOf('cost', heads.cost) ?? partOf('costBesideInput', heads.costBesideInput);
  const latency = partOf('latency', heads.latency);
  const perInputToken = heads.cost === null ? heads.costBesideInput?.perInputToken : undefined;
  const models = candidates.map((candidate, c) => modelOf(candidate, perInputToken?.[c] ?? 0));

  return {
    heads: made,
    readsSize: models.some(({ readsSize }) => readsSize),
    writeInto(features, { tokens, cachedTokens }, out) {
      scaledInto(outputTokens, features, raw, out.outputTokens);
      scaledInto(cost, features, raw, beside);
      scaledInto(latency, features, raw, out.latencyMs);
      for (let c = 0; c < count; c++) {
        const model = models[c];
        const output = model.output(out.outputTokens[c]);
        const input = model.input(tokens);
        const cached = cachedTokens?.[model.name] ?? 0;
        out.outputTokens[c] = output;
        out.costUsd[c] = model.cost(beside[c], input, output, cached);
        out.latencyMs[c] = model.latency(out.latencyMs[c], input, output);
      }
    },
  };
}

/** What one candidate's heads and the size of a request come to. NaN is unknown. */
interface AmountModel {
  readonly name: string;
  readonly readsSize: boolean;
  /** Tokens that it counts for a request of `tokens`. */
  input(tokens: number): number;
  output(predicted: number): number;
  cost(predicted: number, input: number, output: number, cached: number): number;
  latency(predicted: number, input: number, output: number): number;
}

function modelOf(candidate: ManifestCandidate, perInputToken: number): AmountModel {
  const { latencyByTokens, name, paidPrices, tokens: learned } = candidate;
  const prices = { ...paidPrices, ...candidate };
  const meanCost = candidate.meanCostUsd ?? Number.NaN;
  const meanLatency = candidate.meanLatencyMs ?? Number.NaN;
  const { inputFrame = 0, inputRatio = 1, meanInput = Number.NaN } = learned ?? {};
  const byTokens = learned !== undefined && !Number.isNaN(tokenCost(prices, 1, 1));
  // What no output can make cheaper.
  const floor = { ...candidate, outputPricePerMillionTokens: 0 };

  return {
    name,
    readsSize:
      byTokens ||
      perInputToken > 0 ||
      latencyByTokens !== undefined ||
      candidate.inputPricePerMillionTokens !== undefined,
    input: (tokens) => (Number.isNaN(tokens) ? meanInput : inputFrame + inputRatio * tokens),
    output(predicted) {
      if (learned === undefined) return Number.NaN;
      return finiteOr(learned.meanOutput, predicted);
    },
    cost(predicted, input, output, cached) {
      if (byTokens) return finiteOr(meanCost, tokenCost(prices, input, output, cached));
      if (Number.isNaN(meanCost)) return meanCost;
      const value = predicted + (perInputToken > 0 ? perInputToken * input : 0);
      const least = tokenCost(floor, input, 0, cached);
      return Math.max(finiteOr(meanCost, value), finiteOr(0, least));
    },
    latency(predicted, input, output) {
      if (latencyByTokens !== undefined) {
        const { fixedMs, perInputTokenMs, perOutputTokenMs } = latencyByTokens;
        return finiteOr(meanLatency, fixedMs + perInputTokenMs * input + perOutputTokenMs * output);
      }
      return Number.isNaN(meanLatency) ? meanLatency : finiteOr(meanLatency, predicted);
    },
  };
}

function finiteOr(otherwise: number, value: number): number {
  return Number.isFinite(value) ? value : otherwise;
}

/** scale * exp(output), within bounds; NaN without a head. */
function scaledInto(
  part: (Omit<AmountPart, 'head'> & { readonly head: Head }) | undefined,
  features: Float32Array,
  raw: Float32Array,
  out: Float64Array,
): void {
  if (part === undefined) {
    out.fill(Number.NaN);
    return;
  }
  const { bounds, head, scales } = part;
  head.predictInto(features, raw);
  for (let c = 0; c < out.length; c++) {
    const value = scales[c] * Math.exp(raw[c]);
    out[c] = bounds === undefined ? value : Math.max(bounds[c][0], Math.min(bounds[c][1], value));
  }
}
