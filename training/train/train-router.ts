import {
  type Candidate,
  createRouter,
  InvalidInputError,
  memoryFiles,
  type PolicySpec,
  readArtifact,
  readPrompt,
} from 'pointsman';
import { compileCel, createPolicy, createRandom } from 'pointsman/internal';
import {
  addReports,
  type BuiltArtifact,
  buildArtifact,
  EXAMPLES_FILE,
  SEEN_FILE,
} from '../artifact/build-artifact.ts';
import { renderCard } from '../artifact/card.ts';
import { checkRouterFolder, type WrittenArtifact, writeArtifact } from '../artifact/write-artifact.ts';
import type { TrainConfig } from '../config.ts';
import type { EmbedProgress } from '../embed/embed.ts';
import { openEmbedder, type RouterEmbedder } from '../embed/embedders.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import { type Evaluation, headlineMetrics } from '../evaluate/evaluation.ts';
import type { TestPredictions } from '../evaluate/evaluation-input.ts';
import { type FittedFeatures, fitFeatures, fitNovelty } from '../features/fit-features.ts';
import { keptEmbedders } from '../ingest/finish.ts';
import { describeScale } from '../ingest/score-scale.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
import { meanTokensCost, withTokenCosts } from '../outcomes/amounts.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import { renderReport } from '../report/report.ts';
import { encodeSeenPrompts } from '../split/seen-prompts.ts';
import type { Splits } from '../split/split.ts';
import { TOOL_VERSION } from '../version.ts';
import { workPart } from '../work/run-folder.ts';
import type { ScratchOptions } from '../work/scratch-database.ts';
import { cardFigures, chooseExamples, manifestCandidates } from './artifact-contents.ts';
import { type OnStep, type TrainProgress, taskKinds } from './data.ts';
import { areHashed, embedPrompts } from './embed-prompts.ts';
import { predictTest } from './evaluate-router.ts';
import { type FittedHeads, fitHeads } from './heads.ts';
import { type LogReport, trafficPropensities } from './logged.ts';
import {
  type PreparedTraffic,
  scratchOf,
  type TrafficOptions,
  withoutRouters,
  withTraffic,
} from './prepare-traffic.ts';
import type { QualityReport } from './quality.ts';

export interface TrainInput {
  /** Letters, digits, `.`, `_` and `-`: the router's name in its manifest. */
  readonly name: string;
  readonly matrix: OutcomeMatrix;
  readonly splits: Splits;
  /** Near-duplicate group of each prompt. */
  readonly groups: Int32Array;
  readonly dataFingerprint: string;
  readonly config: TrainConfig;
  readonly embedder: RouterEmbedder;
  /** Where embeddings are kept from run to run. @default none are kept */
  readonly cacheFolder?: string;
  /** How its scores were read, for the report; null where they were qualities. @default null */
  readonly scores?: string | null;
  /** Where the traffic came from, for the card. */
  readonly source?: string;
  readonly onProgress?: (progress: TrainProgress) => void;
}

/** A router, sealed and measured, not yet on disk. */
export interface TrainedRouter {
  readonly artifact: BuiltArtifact;
  readonly evaluation: Evaluation;
  /** What the exported artifact said of each test prompt, and how long it took. */
  readonly predictions: TestPredictions;
  readonly quality: QualityReport;
  /** How the traffic was learned from where a policy chose what was seen; null where every candidate was. */
  readonly log: LogReport | null;
}

/** Prompts of the calibrate split that the dial is set on: more take their time, and hardly show more. */
const DIAL_ROWS = 20_000;

/**
 * Features, heads, calibrators, artifact, evaluation: everything between an outcomes table and a folder in `models/`.
 * The test split is looked at once, through the exported artifact and the code that serves it.
 *
 * The same input gives the same artifact, byte for byte, reports included.
 */
export async function trainRouter(input: TrainInput): Promise<TrainedRouter> {
  const { splits, config, embedder, onProgress = () => {} } = input;
  const matrix = withTokenCosts(input.matrix, config.candidates as Record<string, Partial<Candidate>>);
  // First, since a misspelt candidate should not be found out after the fitting.
  checkPolicy(config.policy, matrix.candidates);
  const onStep: OnStep = (what, folds) => onProgress({ kind: 'step', what, folds: folds ?? null });
  const prompts = matrix.prompts.map(({ request }) => readPrompt(request));
  const embeddings = await embedPrompts(matrix, embedder.embedder, {
    ...(input.cacheFolder === undefined ? {} : { cacheFolder: input.cacheFolder }),
    onProgress: (progress: EmbedProgress) => onProgress({ kind: 'embed', ...progress }),
  });
  const hashed = areHashed(matrix);
  onStep('fitting features');
  const fitted = fitFeatures(prompts, embeddings, splits.fit, {
    embedder: embedder.embedder.id,
    dimensions: embedder.embedder.dimensions,
    ngrams: hashed || config.ngrams.dimensions === 0 ? null : { ...config.ngrams, seed: config.seed },
    numeric: !hashed,
  });
  const propensities = await trafficPropensities(matrix, {
    features: fitted.features,
    groups: input.groups,
    folds: config.folds,
    seed: config.seed,
    use: config.offPolicy.propensities,
    onStep,
  });
  const heads = await fitHeads({
    matrix,
    splits,
    groups: input.groups,
    fitted,
    members: config.heads,
    folds: config.folds,
    seed: config.seed,
    propensities,
    offPolicy: config.offPolicy,
    candidates: config.candidates as Record<string, Partial<Candidate>>,
    onStep,
  });
  const sealed = await build({ ...input, matrix }, fitted, heads, propensities);

  onStep('evaluating on the test split');
  const router = createRouter(await readArtifact(memoryFiles(sealed.files)), {
    embedder: embedder.embedder,
    // Checked above; without the other routers that it may hand over to.
    policy: withoutRouters(config.policy).policy as PolicySpec,
    seed: config.seed,
  });
  const given = 'embedInto' in embedder.embedder && !hashed ? null : embeddings;
  const predictions = await predictTest(router, matrix, splits.test, given);
  const dialRows = createRandom(config.seed)
    .shuffle(splits.calibrate.rows.slice())
    .slice(0, DIAL_ROWS)
    .sort();
  const dialPredictions = await predictTest(router, matrix, { role: 'test', rows: dialRows }, given);
  const evaluation = evaluate(
    {
      matrix,
      splits,
      // The router's own times differ from run to run, and the same traffic must give the same bytes.
      predictions: { ...predictions, decisionMicroseconds: null },
      artifactId: sealed.manifest.id,
      policy: config.policy.kind,
      embeddings: { dimensions: embeddings.columns, vectors: embeddings.values },
      propensities,
      groups: input.groups,
      dial: {
        candidates: sealed.manifest.candidates,
        policy: config.policy,
        calibrate: { rows: dialRows, predictions: dialPredictions },
      },
      config: {
        ...config,
        ...(heads.log === null ? {} : { log: heads.log }),
        ...(input.scores == null ? {} : { scores: input.scores }),
      },
    },
    { seed: config.seed, resamples: config.resamples },
  );
  return {
    artifact: await report(input, sealed, evaluation),
    evaluation,
    predictions,
    quality: heads.report,
    log: heads.log,
  };
}

/** @throws InvalidInputError where the policy is none, or names candidates that the traffic does not have */
function checkPolicy(policy: unknown, names: readonly string[]): void {
  const candidates = names.map((name) => ({ name, meanCostUsd: null, meanLatencyMs: null }));
  createPolicy(policy, candidates, { compile: compileCel, routers: withoutRouters(policy).routers });
}

async function build(
  input: TrainInput,
  fitted: FittedFeatures,
  heads: FittedHeads,
  propensities: LoggingPropensities | null,
): Promise<BuiltArtifact> {
  const { config, embedder, matrix, splits } = input;
  const files = new Map([...fitted.files, ...heads.files]);
  const novelty = fitNovelty(fitted.features, splits.fit, splits.calibrate, config.seed);
  if (novelty !== null) files.set(novelty.spec.file, novelty.bytes);
  if (embedder.table !== null) files.set('static.bin', embedder.table);
  return buildArtifact(
    {
      name: input.name,
      candidates: manifestCandidates(
        matrix,
        splits,
        config.candidates as Record<string, Partial<Candidate>>,
        propensities,
      ).map((candidate, c) => {
        const learned = { ...candidate, ...heads.learned[c] };
        return { ...learned, meanCostUsd: learned.meanCostUsd ?? meanTokensCost(learned) };
      }),
      embedder: {
        id: embedder.embedder.id,
        kind: embedder.kind,
        dimensions: embedder.embedder.dimensions,
        options: embedder.options,
        ...(embedder.table === null ? {} : { table: 'static.bin' }),
      },
      features: {
        blocks: fitted.blocks,
        length: fitted.features.columns,
        standardisation: fitted.standardisation,
      },
      model: heads.model,
      heads: heads.heads,
      ...(heads.task === undefined ? {} : { task: heads.task }),
      ...(novelty === null ? {} : { novelty: novelty.spec }),
      policy: config.policy,
      provenance: {
        toolVersion: TOOL_VERSION,
        seed: config.seed,
        dataFingerprint: input.dataFingerprint,
        prompts: {
          fit: splits.fit.rows.length,
          calibrate: splits.calibrate.rows.length,
          test: splits.test.rows.length,
        },
        config: { ...config, chosen: { ...heads.report, log: heads.log } },
      },
    },
    files,
  );
}

async function report(
  input: TrainInput,
  sealed: BuiltArtifact,
  evaluation: Evaluation,
): Promise<BuiltArtifact> {
  const encode = (text: string) => new TextEncoder().encode(text);
  const card = renderCard(sealed.manifest, {
    verdict: evaluation.verdict.sentence,
    caveats: evaluation.verdict.caveats,
    figures: cardFigures(evaluation),
    tasks: taskKinds(input.matrix, input.splits.fit.rows, input.groups).names,
    ...(input.source === undefined ? {} : { source: input.source }),
  });
  const { examples: count, seed } = input.config;
  const promptsOf = ({ rows }: { readonly rows: Int32Array }) =>
    Array.from(rows, (row) => input.matrix.prompts[row]);
  const { calibrate, fit } = input.splits;
  const seen = { fit: promptsOf(fit), calibrate: promptsOf(calibrate) };
  const examples = chooseExamples(input.matrix, input.splits.fit, count, seed);
  return addReports(
    sealed,
    headlineMetrics(evaluation),
    new Map([
      ['metrics.json', encode(`${JSON.stringify(evaluation, null, 2)}\n`)],
      [
        'report.html',
        encode(renderReport(evaluation, { title: `${input.name}: is it better than no router?` })),
      ],
      ['CARD.md', encode(card)],
      [SEEN_FILE, encodeSeenPrompts(seen, input.dataFingerprint)],
      ...(count > 0 ? ([[EXAMPLES_FILE, encode(JSON.stringify(examples))]] as const) : []),
    ]),
  );
}

export interface TrainFromFilesOptions extends Omit<TrafficOptions, 'router'> {
  /** The router's folder, such as `models/support`. */
  readonly out: string;
  /** Letters, digits, `.`, `_` and `-`: the router's name in its manifest. */
  readonly name: string;
  /** Where the traffic came from, for the card. @default nothing is said */
  readonly source?: string;
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
  return withTraffic({ ...options, router: out }, async (traffic, keep) => {
    await checkEmbedder(traffic.table, embedder.embedder.id, options);
    const trained = await trainRouter({
      name,
      matrix: traffic.matrix,
      splits: traffic.splits,
      groups: traffic.groups,
      dataFingerprint: traffic.ingest.fingerprint,
      scores: describeScale(traffic.ingest.scoreScale),
      config,
      embedder,
      cacheFolder: await workPart(workFolder, 'embeddings'),
      onProgress,
      ...(source === undefined ? {} : { source }),
    });
    const written = await writeArtifact(out, trained.artifact);
    await keep();
    return { traffic, trained, written };
  });
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
    checkPolicy(config.policy, traffic.matrix.candidates);
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
