import { argMax } from 'pointsman/internal';
import type { BuiltArtifact } from '../artifact/build-artifact.ts';
import { CalibrationSketch } from '../calibrate/choose-calibrator.ts';
import { TEMPERATURE_SUMS, temperatureOf } from '../calibrate/fit-calibrators.ts';
import { bytesOf, type Job, type Json } from '../engine/engine.ts';
import { TestSums, type WholeReport } from '../evaluate/test-sums.ts';
import { RidgeSums } from '../fit/curvature.ts';
import { packHeads } from '../fit/fold-head.ts';
import { preconditioner } from '../fit/linear.ts';
import { type Evaluated, minimiseTogether, slopesLength } from '../fit/linear-objective.ts';
import { type DenseChain, type DenseLayer, joined } from '../fit/rows.ts';
import { classifierPenalty, TASK_TOLERANCE } from '../learners/domain.ts';
import { fitSharedSums, fitSums, fitSumsHeldOut } from '../learners/linear.ts';
import { areHashed } from '../outcomes/matrix.ts';
import { joinSeenPrompts } from '../split/split.ts';
import { type FittedHeads, type FoundCalibration, foldLearned, type LearnedHeads } from './heads.ts';
import { withoutRouters } from './prepare-traffic.ts';
import { choiceLayer, loggedChoiceLayer, TARGET_TEMPERATURE } from './quality.ts';
import type { ShardedTraining, WholeTraffic } from './run-on-shards.ts';
import type {
  GradientParameters,
  MeasureParameters,
  RidgeParameters,
  SketchParameters,
} from './shard-steps.ts';
import type { TrainInput, TrainingRun } from './training-run.ts';
import { howMeasured, type OutcomesSeen } from './whole-traffic.ts';

/** Passes over the prompts to fit on that heads which are learned by descent may take, from what the sample taught. */
const MOST_PASSES = 12;
/** As `fitLinear` ends. */
const CHOICE_TOLERANCE = 1e-5;
/** Traffic of which a sample was fitted on, and who works on all of it. */
interface WholeInput {
  readonly sharded: ShardedTraining;
  readonly whole: WholeTraffic;
  readonly input: TrainInput;
  readonly run: TrainingRun;
}

/** @returns null where all prompts were fitted on */
export function wholeInput(input: TrainInput, run: TrainingRun): WholeInput | null {
  const { sharded, whole = null } = input;
  return whole === null || sharded === undefined ? null : { sharded, whole, input, run };
}

/** Heads as the sample has them, but fitted and calibrated on all prompts. */
export interface HeadsOnAll {
  readonly learned: LearnedHeads;
  readonly found: FoundCalibration;
  /** Whether they have less loss than those of the sample on all prompts to calibrate on. */
  readonly isBetter: boolean;
  /** Record of the prompts that they were fitted and calibrated on. */
  readonly seen: Uint8Array;
  /** Embeddings of test prompts, of each shard. */
  readonly embeddings: readonly string[];
  readonly linear: WholeReport['linear'];
  readonly report: Omit<NonNullable<WholeReport['heads']>, 'other'>;
}

/** Sums of each candidate's outcomes may take so many bytes, of a shard. */
const MOST_SUMS = 256e6;

/**
 * Of which outcomes heads can be fitted on all prompts; null where they cannot. Words of prompts must be there, outcomes count alike, and heads
 * be layers, of which one is linear. What says how unsure heads are goes with the heads that it was fitted beside.
 */
function outcomesOf(
  { run: { config, features, matrix }, whole }: WholeInput,
  { data, log, quality }: LearnedHeads,
  { preferences, report }: FittedHeads,
): OutcomesSeen | null {
  if (areHashed(matrix) || preferences !== null || config.uncertainty === true) return null;
  if (quality.files.size > 0 || !report.members.some(({ name }) => name === 'linear')) return null;
  if (log === null) return howMeasured(whole.sums) === 'read' ? 'all' : null;
  const bytes = 16 * whole.settings.candidates.length * features.matrix.columns ** 2;
  return data.logged && log.method === 'none' && bytes <= MOST_SUMS ? 'some' : null;
}

/**
 * Fits the heads on all prompts, shard by shard: linear layers from sums, layers that are learned by descent in a few passes, and
 * calibrators from sketches. How learners add up is the sample's.
 *
 * @param built the sample's router @returns null where the traffic has not what that takes
 */
export async function fitOnAll(
  given: WholeInput,
  learned: LearnedHeads,
  fitted: FittedHeads,
  built: BuiltArtifact,
): Promise<HeadsOnAll | null> {
  const outcomes = outcomesOf(given, learned, fitted);
  if (outcomes === null) return null;
  const { input, run, sharded, whole } = given;
  const { settings } = whole;
  const parameters: RidgeParameters = {
    ...{ settings, embedder: run.config.embedder, policy: withoutRouters(run.config.policy).policy },
    ...{ names: [[...built.files.keys()]], tasks: run.tasks, salt: input.dataFingerprint, outcomes },
    descends: learned.choice.descent !== null || learned.classifier !== null,
    measures: howMeasured(whole.sums) !== null,
  };
  const artifact = await putAll(sharded, built);
  const ridged = await sharded.run(
    whole.shards.map(({ keys, shard }) =>
      jobOf('ridge', [shard, keys, whole.groups, ...artifact], parameters),
    ),
  );
  const linear = fitLinearOnAll(given, fitted, outcomes, await sharded.sum(ridged.map(([sums]) => sums)));
  if (linear === null) return null;
  const { fit, means, moments } = linear;
  const layers = new Map<DenseLayer, DenseLayer>();
  const [own] = learned.quality.chains.quality_linear ?? [];
  if (own !== undefined) layers.set(own, asLayer(own, fit.kernel, fit.bias));
  const descended = await descendOnAll(
    given,
    learned,
    fitted,
    moments,
    ridged.map(([, rows]) => rows),
  );
  if (learned.classifier !== null) layers.set(learned.classifier, descended.classifier ?? learned.classifier);
  const rated = whole.sums.candidates.map(({ quality, rated: count }) => quality / count);
  const prior = outcomes === 'all' ? rated : means;
  const { choice } = descended;
  const refitted: LearnedHeads = {
    ...learned,
    quality: { ...learned.quality, chains: replaced(learned.quality.chains, layers) },
    prior,
    classifier: descended.classifier,
    choice: outcomes === 'all' ? choice : { ...choice, layer: loggedChoiceLayer(choice.layer.inputs, means) },
  };
  const sketched = await calibrateOnAll(
    given,
    [learned, refitted],
    outcomes,
    ridged.map(([, , held]) => held),
  );
  const [ofSample, ofAll] = sketched.map(({ loss }) => loss);
  const isBetter = ofAll.success < ofSample.success;
  return {
    ...{ learned: refitted, found: sketched[1].found, isBetter, linear: linear.report },
    seen: joinSeenPrompts(
      await readAll(
        sharded,
        ridged.map((outputs) => outputs[4]),
      ),
    ),
    embeddings: ridged.map((outputs) => outputs[3]),
    report: {
      ...{ served: isBetter ? 'all' : 'sample', ...linear.prompts, passes: descended.passes },
      ...{ lossOfSample: ofSample, lossOfAll: ofAll },
    },
  };
}

/** The linear learner on all prompts. @param sums of `ridge`, of all shards @returns null where one of the sets has no rows */
function fitLinearOnAll(
  { run, whole }: WholeInput,
  { report }: FittedHeads,
  outcomes: OutcomesSeen,
  sums: Float64Array,
) {
  const inputs = run.features.matrix.columns;
  const candidates = whole.settings.candidates.length;
  const { deviationPenalty, levelPenalty } = report.members.find(({ name }) => name === 'linear')!.settings;
  const penalties = {
    shares: [levelPenalty, deviationPenalty] as const,
    variance: run.features.variance,
  };
  const prompts = { fit: sums[0], calibrate: sums[1] };
  const sets = RidgeSums.cut(sums.subarray(2), inputs, outcomes === 'all' ? candidates : 1);
  if (prompts.fit === 0 || prompts.calibrate === 0) return null;
  if (outcomes === 'some') {
    const [own, held] = [sets.slice(0, candidates), sets.slice(candidates)];
    const { means, ...fit } = fitSharedSums(own, held, penalties);
    return { fit, means, moments: RidgeSums.together(own), prompts, report: null };
  }
  const [drawn, others, held, tested] = sets;
  if (drawn.rows === 0 || tested.rows === 0) return null;
  const all = RidgeSums.together([drawn, others]);
  const { bias, kernel } = fitSumsHeldOut(all, held, penalties);
  const means = Array.from(all.means());
  const errors = {
    ...{ errorOfAll: tested.error({ bias, kernel }), errorOfSample: tested.error(fitSums(drawn, penalties)) },
  };
  return {
    fit: { kernel, bias: bias.map((x, c) => x - means[c]) },
    ...{ means, moments: all, prompts, report: { rows: all.rows, sampled: drawn.rows, ...errors } },
  };
}

function jobOf(step: string, inputs: readonly string[], parameters: object | null): Job {
  return { step, inputs, parameters: parameters as Json };
}

function asLayer(like: DenseLayer, kernel: Float64Array, bias: Float64Array): DenseLayer {
  return { ...like, kernel: Float32Array.from(kernel), bias: Float32Array.from(bias) };
}

/** Chains share layers, and go on sharing those that take their place. */
function replaced(
  chains: Readonly<Record<string, DenseChain>>,
  layers: ReadonlyMap<DenseLayer, DenseLayer>,
): Record<string, DenseChain> {
  return Object.fromEntries(
    Object.entries(chains).map(([name, chain]) => [name, chain.map((layer) => layers.get(layer) ?? layer)]),
  );
}

async function putAll(sharded: ShardedTraining, { files }: BuiltArtifact): Promise<string[]> {
  const digests: string[] = [];
  for (const content of files.values()) digests.push(await sharded.store.put(content));
  return digests;
}

async function readAll({ store }: ShardedTraining, digests: readonly string[]): Promise<Uint8Array[]> {
  const contents: Uint8Array[] = [];
  for (const digest of digests) contents.push(await store.read(digest));
  return contents;
}

/** A softmax layer that is learned by descent. */
interface Descent {
  readonly head: GradientParameters['heads'][number];
  readonly start: DenseLayer;
  readonly l2: number;
  readonly tolerance: number;
  /** How often each output is right, about. */
  readonly rates: Float64Array;
}

/** L-BFGS from what the sample taught, with the second moments of all prompts: each pass serves all heads that have not ended. */
async function descendOnAll(
  { run, sharded, whole }: WholeInput,
  { choice, classifier, data }: LearnedHeads,
  { report }: FittedHeads,
  all: RidgeSums,
  files: readonly string[],
) {
  const { descent } = choice;
  const inputs = run.features.matrix.columns;
  const shape = { inputs, candidates: whole.settings.candidates.length };
  const descents: Descent[] = [];
  if (descent !== null)
    descents.push({
      ...{ head: { temperature: TARGET_TEMPERATURE }, start: descent.layer, l2: descent.l2 },
      ...{ tolerance: CHOICE_TOLERANCE, rates: Float64Array.from(descent.base, Math.exp) },
    });
  if (classifier !== null) {
    const rates = new Float64Array(run.tasks.length);
    for (const task of data.tasks ?? []) if (task >= 0) rates[task] += 1 / data.residuals.rows;
    descents.push({
      ...{ head: { tasks: run.tasks.length }, start: classifier, rates },
      ...{ l2: classifierPenalty(report.members) * run.features.variance, tolerance: TASK_TOLERANCE },
    });
  }
  const curvature = all.curvature();
  let passes = 0;
  const found = await minimiseTogether(
    descents.map(({ l2, rates, start, tolerance }) => ({
      start: Float64Array.from([...start.kernel, ...start.bias]),
      options: {
        ...{ maxSteps: MOST_PASSES, maxEvaluations: MOST_PASSES, tolerance },
        precondition: preconditioner(
          curvature,
          all.rows,
          rates.map((rate) => Math.max(0.01, rate * (1 - rate))),
          new Float64Array(inputs).fill(l2),
          0,
          start.outputs,
        ),
      },
    })),
    async (points) => {
      run.onStep(`fitting heads on all prompts, pass ${++passes}`);
      const asked = descents.flatMap(({ head }, d) => (points[d] === null ? [] : [head]));
      const at = await sharded.store.put(bytesOf(joined(points.filter((point) => point !== null))));
      const parameters: GradientParameters = { ...shape, heads: asked };
      const sums = await sharded.sumOver('gradient', at, files, parameters);
      let from = 0;
      return points.map((point, d) => {
        if (point === null) return null;
        const { l2, start } = descents[d];
        const length = slopesLength(inputs, start.outputs);
        const own = sums.subarray(from, from + length);
        from += length;
        return penalised(own, point, l2, inputs * start.outputs);
      });
    },
  );
  const layers = found.map(({ point }, d) => {
    const { start } = descents[d];
    const weights = inputs * start.outputs;
    return asLayer(start, point.subarray(0, weights), point.subarray(weights));
  });
  const ofChoice = descent === null ? null : { ...descent, layer: layers[0] };
  return {
    passes,
    choice: ofChoice === null ? choice : { ...choice, layer: choiceLayer(ofChoice), descent: ofChoice },
    classifier: classifier === null ? null : layers[layers.length - 1],
  };
}

/** @param sums of `addSlopes` @param weights how many numbers of the point are held back */
function penalised(sums: Float64Array, point: Float64Array, l2: number, weights: number): Evaluated {
  let value = sums[0];
  const slope = sums.slice(2);
  for (let i = 0; i < weights; i++) {
    value += 0.5 * l2 * point[i] * point[i];
    slope[i] += l2 * point[i];
  }
  return { value, slope };
}

/** Calibrators and temperatures of heads, and their losses, by all prompts to calibrate on. */
async function calibrateOnAll(
  { run, sharded, whole }: WholeInput,
  each: readonly LearnedHeads[],
  outcomes: OutcomesSeen,
  files: readonly string[],
) {
  const candidates = whole.settings.candidates.length;
  const packed = await sharded.store.put(packHeads(each.map(foldLearned)));
  const shape = { inputs: run.features.matrix.columns, candidates };
  const compares = outcomes === 'all';
  const parameters: SketchParameters = { ...shape, temperature: compares ? TARGET_TEMPERATURE : null };
  const sums = await sharded.sumOver('sketch', packed, files, parameters);
  const length = CalibrationSketch.lengthOf(candidates);
  return each.map((_, i) => {
    const from = i * (length + TEMPERATURE_SUMS);
    const sketch = new CalibrationSketch(candidates, sums.subarray(from, from + length));
    const losses = sums.subarray(from + length, from + length + TEMPERATURE_SUMS);
    const { calibrators, loss } = sketch.choose(run.config.seed);
    const choice = compares ? temperatureOf(losses) : { temperature: 1, loss: null };
    return {
      found: { calibrators, temperature: choice.temperature },
      loss: { success: loss, choice: choice.loss },
    };
  });
}

/** Routers on all test prompts. @param routers the one that is served, and another that could be */
export async function measureWhole(
  { run: { config }, sharded, whole }: WholeInput,
  routers: readonly [served: BuiltArtifact, ...others: BuiltArtifact[]],
  onAll: HeadsOnAll | null,
): Promise<WholeReport> {
  const { settings, sums } = whole;
  const { prompts } = sums;
  const { candidates, seed } = settings;
  const how = howMeasured(sums);
  const single = argMax(sums.candidates.map(({ weight, weighted }) => (weight > 0 ? weighted / weight : 0)));
  const counts = { fit: prompts.fit, calibrate: prompts.calibrate, test: prompts.test };
  const shared = { prompts: counts, sampled: prompts.sampled };
  const none = { test: null, calibration: [] };
  const headsBeside = (other: NonNullable<WholeReport['heads']>['other']) =>
    onAll && { ...onAll.report, other };
  if (how === null) return { ...shared, ...none, linear: null, heads: headsBeside(none) };
  const parameters: MeasureParameters = {
    ...{ settings, how, single, embedder: config.embedder, policy: withoutRouters(config.policy).policy },
    names: routers.map(({ files }) => [...files.keys()]),
  };
  const artifacts: string[][] = [];
  for (const router of routers) artifacts.push(await putAll(sharded, router));
  const measured = await sharded.run(
    whole.shards.map(({ keys, shard }, i) => {
      const known = onAll === null ? [] : [onAll.embeddings[i]];
      return jobOf('measure', [shard, keys, whole.groups, ...artifacts.flat(), ...known], parameters);
    }),
  );
  const total = await sharded.sum(measured.map(([sum]) => sum));
  const length = total.length / routers.length;
  const [served, ...others] = routers.map((_, i) =>
    new TestSums(candidates.length, seed, total.subarray(i * length, (i + 1) * length)).report(
      candidates,
      single,
      how,
    ),
  );
  return { ...shared, ...served, linear: onAll?.linear ?? null, heads: headsBeside(others[0]) };
}
