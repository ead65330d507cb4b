import { join } from 'node:path';
import {
  type Candidate,
  createRouter,
  InvalidInputError,
  memoryFiles,
  type PolicySpec,
  readArtifact,
  readPrompt,
} from 'pointsman';
import { compileCel, createPolicy, createRandom, type ManifestAnswer } from 'pointsman/internal';
import { readArtifactFolder } from 'pointsman/node';
import type { BuiltArtifact } from '../artifact/build-artifact.ts';
import {
  checkRouterFolder,
  readVersionPointer,
  type WrittenArtifact,
  writeArtifact,
} from '../artifact/write-artifact.ts';
import type { TrainConfig } from '../config.ts';
import { embedPrompts } from '../embed/embed.ts';
import { openEmbedder } from '../embed/embedders.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { Evaluation } from '../evaluate/evaluation.ts';
import type { TestPredictions } from '../evaluate/evaluation-input.ts';
import { describeWhole, type WholeReport } from '../evaluate/test-sums.ts';
import { answersFor } from '../evaluate/ways.ts';
import { fitFeatures, fitFeaturesElsewhere } from '../features/fit-features.ts';
import type { Matrix } from '../fit/rows.ts';
import { keptEmbedders } from '../ingest/finish.ts';
import { describeScale } from '../ingest/score-scale.ts';
import { withTokenCosts } from '../outcomes/amounts.ts';
import { areHashed } from '../outcomes/matrix.ts';
import { withRunFolder, workPart } from '../work/run-folder.ts';
import type { ScratchOptions } from '../work/scratch-database.ts';
import type { AnswerReport } from './answer.ts';
import { predictTest, predictTold } from './evaluate-router.ts';
import { fitOnAll, type HeadsOnAll, measureWhole, wholeInput } from './fit-whole.ts';
import { type FittedHeads, finishHeads, learnHeads } from './heads.ts';
import type { LogReport } from './logged.ts';
import {
  type PreparedTraffic,
  scratchOf,
  type TrafficOptions,
  withoutRouters,
  withTraffic,
} from './prepare-traffic.ts';
import type { QualityReport } from './quality.ts';
import { addEvaluation, buildRouter } from './router-artifact.ts';
import { ShardedTraining, type ShardOptions } from './run-on-shards.ts';
import { type OnStep, startRun, type TrainInput, type TrainingRun } from './training-run.ts';

/** A router, sealed and measured, not yet on disk. */
export interface TrainedRouter {
  readonly artifact: BuiltArtifact;
  readonly evaluation: Evaluation;
  /** What the exported artifact said of each test prompt, and how long it took. */
  readonly predictions: TestPredictions;
  readonly quality: QualityReport;
  /** How the traffic was learned from where a policy chose what was seen; null where every candidate was. */
  readonly log: LogReport | null;
  /** What is said of its answers; null where it has none, or none are to be read. */
  readonly answers: AnswerReport | null;
}

/**
 * Features, heads, calibrators, artifact, evaluation: everything between an outcomes table and a folder in `models/`.
 * The test split is looked at once, through the exported artifact and the code that serves it.
 *
 * The same input gives the same artifact, byte for byte, reports included.
 */
export async function trainRouter(input: TrainInput): Promise<TrainedRouter> {
  const { config, embedder, groups, sharded, splits, onProgress = () => {} } = input;
  const matrix = withTokenCosts(input.matrix, config.candidates as Record<string, Partial<Candidate>>);
  // First, since a misspelt candidate should not be found out after the fitting.
  checkPolicy(config, matrix.candidates, input.thresholds);
  const onStep: OnStep = (what, folds) => onProgress({ kind: 'step', what, folds: folds ?? null });

  const embeddings = await embedPrompts(matrix, embedder.embedder, {
    cacheFolder: input.cacheFolder,
    elsewhere:
      sharded === undefined
        ? undefined
        : (texts) => sharded.embed(texts, config.embedder, embedder.embedder.dimensions),
    onProgress: (progress) => onProgress({ kind: 'embed', ...progress }),
  });

  onStep('fitting features');
  const prompts = matrix.prompts.map(({ request }) => readPrompt(request));
  const hashed = areHashed(matrix);
  const featureOptions = {
    embedder: embedder.embedder.id,
    dimensions: embedder.embedder.dimensions,
    ngrams: hashed || config.ngrams.dimensions === 0 ? null : { ...config.ngrams, seed: config.seed },
    numeric: !hashed,
  };
  const features =
    sharded === undefined
      ? fitFeatures(prompts, embeddings, splits.fit, featureOptions)
      : await fitFeaturesElsewhere(prompts, splits.fit, featureOptions, (blocks, ngrams) => {
          const requests = matrix.prompts.map(({ request }) => request);
          return sharded.featurise(requests, embeddings, blocks, ngrams);
        });

  const run = await startRun({ config, matrix, splits, groups, features, onStep });
  const learned = await learnHeads(run);
  /** @param onAll heads that were fitted on all prompts; null for those of the run's own */
  const routerOf = async (onAll: HeadsOnAll | null) => {
    const fitted = await finishHeads(run, onAll?.learned ?? learned, onAll?.found);
    const heads = withThresholds(fitted, input.thresholds ?? null);
    return { heads, built: await buildRouter(run, heads, input, onAll?.report), seen: onAll?.seen ?? null };
  };
  const ofOwn = await routerOf(null);
  const whole = wholeInput(input, run);
  const onAll = whole === null ? null : await fitOnAll(whole, learned, ofOwn.heads, ofOwn.built);
  const ofAll = onAll && (await routerOf(onAll));
  const [{ built, heads, seen }, other] = ofAll !== null && onAll?.isBetter ? [ofAll, ofOwn] : [ofOwn, ofAll];

  onStep('evaluating on the test split');
  const measured = await evaluateBuilt(built, run, heads.log, embeddings, input);
  const { predictions } = measured;
  const routers = [built, ...(other === null ? [] : [other.built])] as const;
  const evaluation = withWhole(
    measured.evaluation,
    whole === null ? null : await measureWhole(whole, routers, onAll),
  );
  return {
    artifact: await addEvaluation(built, evaluation, run, input, seen),
    evaluation,
    predictions,
    quality: heads.report,
    log: heads.log,
    answers: heads.answers ?? null,
  };
}

function withWhole(evaluation: Evaluation, whole: WholeReport | null): Evaluation {
  if (whole === null) return evaluation;
  const { verdict } = evaluation;
  const caveats = [...verdict.caveats, describeWhole(whole)];
  return { ...evaluation, whole, verdict: { ...verdict, caveats } };
}

/** @throws InvalidInputError where the policy is none, or names candidates that the traffic does not have */
function checkPolicy(
  { policy, uncertainty = false }: TrainConfig,
  names: readonly string[],
  thresholds: TunedThresholds | null = null,
): void {
  const candidates = names.map((name) => ({ name, meanCostUsd: null, meanLatencyMs: null }));
  const { routers } = withoutRouters(policy);
  createPolicy(policy, candidates, {
    ...{ compile: compileCel, routers, uncertainty },
    ...(thresholds === null ? {} : { answer: { thresholds } }),
  });
}

/** Prompts of the calibrate split that the dial is set on: more take their time, and hardly show more. */
const DIAL_ROWS = 20_000;

async function evaluateBuilt(
  { files, manifest }: BuiltArtifact,
  { config, groups, matrix, propensities, splits }: TrainingRun,
  log: LogReport | null,
  embeddings: Matrix,
  { embedder: { embedder }, scores = null }: TrainInput,
): Promise<Pick<TrainedRouter, 'evaluation' | 'predictions'>> {
  const router = createRouter(await readArtifact(memoryFiles(files)), {
    embedder,
    // Checked before; without the other routers that it may hand over to.
    policy: withoutRouters(config.policy).policy as PolicySpec,
    seed: config.seed,
  });
  // A table is fast enough for its time to be part of the decision's.
  const given = 'embedInto' in embedder && !areHashed(matrix) ? null : embeddings;
  const predictions = await predictTest(router, matrix, splits.test, given);
  const told = await predictTold(router, matrix, splits.test, given);
  const dialRows = createRandom(config.seed)
    .shuffle(splits.calibrate.rows.slice())
    .slice(0, DIAL_ROWS)
    .sort();
  const dialPredictions = await predictTest(router, matrix, { role: 'test', rows: dialRows }, given, {
    followsPlans: false,
  });
  const evaluation = evaluate(
    {
      matrix,
      splits,
      groups,
      propensities,
      // The router's own times differ from run to run, and the same traffic must give the same bytes.
      predictions: { ...predictions, decisionMicroseconds: null },
      told,
      artifactId: manifest.id,
      policy: config.policy.kind,
      embeddings,
      dial: {
        candidates: manifest.candidates,
        policy: config.policy,
        calibrate: { rows: dialRows, predictions: dialPredictions },
        answers: await answersFor(router.artifact, matrix),
      },
      config: { ...config, ...(log === null ? {} : { log }), ...(scores === null ? {} : { scores }) },
    },
    { seed: config.seed, resamples: config.resamples },
  );
  return { evaluation, predictions };
}

export interface TrainFromFilesOptions extends Omit<TrafficOptions, 'router' | 'sharded'> {
  /** The router's folder, such as `models/support`. */
  readonly out: string;
  /** Letters, digits, `.`, `_` and `-`: the router's name in its manifest. */
  readonly name: string;
  /** Where the traffic came from, for the card. @default nothing is said */
  readonly source?: string;
  /**
   * Reads, embeds and featurises shard by shard, on the machines of an engine. The artifact is the same, byte for byte.
   * @default in this process, as rows come
   */
  readonly shards?: ShardOptions | undefined;
}

export interface TrainedFromFiles {
  /** Its table was the run's own, and is gone. */
  readonly traffic: Omit<PreparedTraffic, 'table'>;
  readonly trained: TrainedRouter;
  readonly written: WrittenArtifact;
}

/**
 * From logs to a router on disk. Embeddings are kept in the work folder as they come, so that a run that was
 * interrupted embeds nothing twice; the router appears whole or not at all. With `append` it learns from what the router's
 * store has too, and the store has the new rows once the router is written.
 *
 * @throws PointsmanError saying what the files, the config, the embedder or the folder lack.
 * @example
 * const config = parseTrainConfig({ seed: 1 });
 * const { trained, written } = await trainFromFiles({
 *   files: ['traffic.jsonl'], out: 'models/support', name: 'support', config, workFolder: '.pointsman',
 * });
 */
export async function trainFromFiles(options: TrainFromFilesOptions): Promise<TrainedFromFiles> {
  const { config, name, out, source, workFolder, onProgress = () => {} } = options;
  // First, since what is missing or in the way should not be found out after a long reading.
  await checkRouterFolder(out);
  const embedder = await openEmbedder(config.embedder);
  return withShards(options, (sharded) =>
    withTraffic({ ...options, router: out, sharded }, async (traffic, keep) => {
      await checkEmbedder(traffic.table, embedder.embedder.id, options);
      const pointer = await readVersionPointer(out);
      const trained = await trainRouter({
        name,
        matrix: traffic.matrix,
        splits: traffic.splits,
        groups: traffic.groups,
        dataFingerprint: traffic.ingest.fingerprint,
        thresholds: await tunedBefore(config.policy, out, pointer?.version ?? null),
        scores: describeScale(traffic.ingest.scoreScale),
        config,
        embedder,
        cacheFolder: await workPart(workFolder, 'embeddings'),
        onProgress,
        sharded,
        whole: traffic.whole,
        ...(source === undefined ? {} : { source }),
      });
      const written = await writeArtifact(out, trained.artifact);
      await keep();
      return { traffic, trained, written };
    }),
  );
}

/** Does `use` with what runs on shards, and a folder for it; with none where nothing does. */
async function withShards<Result>(
  { onProgress = () => {}, shards, workFolder }: TrainFromFilesOptions,
  use: (sharded: ShardedTraining | undefined) => Promise<Result>,
): Promise<Result> {
  if (shards === undefined) return use(undefined);
  return withRunFolder(workFolder, 'shards', (folder) =>
    use(new ShardedTraining(shards, folder, (progress) => onProgress({ kind: 'shards', ...progress }))),
  );
}

/**
 * Does `use` with what `trainFromFiles` would train on, having checked all that it would check before it fits anything. Nothing is
 * written but embeddings of prompts whose words are not kept.
 */
export async function rehearseTraining<Result>(
  options: TrainFromFilesOptions,
  use: (traffic: PreparedTraffic) => Promise<Result>,
): Promise<Result> {
  const { config, out } = options;
  await checkRouterFolder(out);
  const { embedder } = await openEmbedder(config.embedder);
  return withTraffic({ ...options, router: out }, async (traffic) => {
    await checkEmbedder(traffic.table, embedder.id, options);
    const pointer = await readVersionPointer(out);
    const thresholds = await tunedBefore(config.policy, out, pointer?.version ?? null);
    checkPolicy(config, traffic.matrix.candidates, thresholds);
    return use(traffic);
  });
}

/** @throws InvalidInputError when the table keeps embeddings of another embedder. */
async function checkEmbedder(table: string, id: string, options: ScratchOptions): Promise<void> {
  const other = (await keptEmbedders(table, scratchOf(options))).find((each) => each !== id);
  if (other === undefined) return;
  throw new InvalidInputError(
    `The table keeps embeddings of "${other}" in the place of prompts, and the router is to have "${id}". Train with the same embedder: see --embedder.`,
  );
}

/** What `tuned` stands for in a router. */
export type TunedThresholds = NonNullable<ManifestAnswer['thresholds']>;

/**
 * What `tuned` of a policy stood for in a version of a router, so that one that is trained after it can be served. It was
 * found for that version's heads, and shows nothing of another's: whoever carries it over has to say so.
 *
 * @param folder of the router @param version null where there is none
 * @returns null where the policy does not say `tuned`, or that version has no numbers for the same candidates in the same order
 */
export async function tunedBefore(
  policy: unknown,
  folder: string,
  version: string | null,
): Promise<TunedThresholds | null> {
  const asked = tunedChains(policy);
  if (asked.length === 0 || version === null) return null;
  const { manifest } = await readArtifactFolder(join(folder, version));
  const known = tunedChains(manifest.policy);
  return asked.every((chain) => known.includes(chain)) ? (manifest.answer?.thresholds ?? null) : null;
}

/** Whom a policy, or one inside it, puts before thresholds that are `tuned`, in their order: each chain as a text. */
export function tunedChains(policy: unknown): string[] {
  if (policy === null || typeof policy !== 'object') return [];
  const { accept, fast, slow, steps } = policy as Readonly<Record<string, unknown>>;
  const own: string[] = [];
  if (fast !== undefined && saysTuned(accept)) own.push(JSON.stringify([fast, slow]));
  if (Array.isArray(steps) && steps.some((step) => saysTuned(step?.accept)))
    own.push(JSON.stringify(steps.map((step) => step?.use)));
  return [...own, ...Object.values(policy).flatMap(tunedChains)];
}

/** Whether a test, or one of several, is of the answer head and its number is to be looked up. */
function saysTuned(test: unknown): boolean {
  if (test === null || typeof test !== 'object') return false;
  const { kind, tests, threshold } = test as Readonly<Record<string, unknown>>;
  if (kind === 'all' && Array.isArray(tests)) return tests.some(saysTuned);
  return kind === 'answer' && threshold === 'tuned';
}

/** Heads of a policy that says `tuned`, with what that stands for; and the training says where it comes from. */
export function withThresholds(fitted: FittedHeads, thresholds: TunedThresholds | null): FittedHeads {
  const { answer, answers } = fitted;
  if (thresholds === null || answer === undefined || answers === undefined) return fitted;
  const numbers = 'shared' in thresholds ? [thresholds.shared] : thresholds.steps;
  const carriedOver =
    `\`tuned\` of the new version's policy stands for ${numbers.map((each) => Number(each.toPrecision(4))).join(', ')}, as in the version before: ` +
    'that was found for the heads of another training, and no loss is shown for these. Run pointsman tune to find it anew.';
  return { ...fitted, answer: { ...answer, thresholds }, answers: { ...answers, carriedOver } };
}
