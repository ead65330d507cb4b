import { type Candidate, readPrompt } from 'pointsman';
import { createRandom, type ManifestCandidate, quantileSorted } from 'pointsman/internal';
import {
  addReports,
  type BuiltArtifact,
  buildArtifact,
  type CardFigure,
  EXAMPLES_FILE,
  type Example,
  renderCard,
  SEEN_FILE,
} from '../artifact/build-artifact.ts';
import type { Evaluation } from '../evaluate/evaluation.ts';
import { columnMeans, trainMeans, trainRows } from '../evaluate/evaluation-input.ts';
import { headlineMetrics } from '../evaluate/verdict.ts';
import { fitNovelty } from '../features/fit-features.ts';
import { meanTokensCost } from '../outcomes/amounts.ts';
import { renderReport } from '../report/report.ts';
import { encodeSeenPrompts } from '../split/split.ts';
import type { Interval } from '../words.ts';
import { TOOL_VERSION } from '../work/run-folder.ts';
import type { FittedHeads } from './heads.ts';
import type { TrainInput, TrainingRun } from './training-run.ts';

/**
 * A router as it will be served, and how it was made.
 * @param onAll what its heads were fitted and calibrated on, where the run has but a sample of it. @default the run's own prompts
 */
export async function buildRouter(
  run: TrainingRun,
  fitted: FittedHeads,
  { dataFingerprint, embedder: { embedder, kind, options, table }, name }: TrainInput,
  onAll?: { readonly fit: number; readonly calibrate: number },
): Promise<BuiltArtifact> {
  const { config, features, splits } = run;
  const { answer, answers, heads, learned, log, model, preferences, report, task, uncertainty } = fitted;
  const files = new Map([...features.files, ...fitted.files]);
  const novelty = fitNovelty(features.matrix, splits.fit, splits.calibrate, config.seed);
  if (novelty !== null) files.set(novelty.spec.file, novelty.bytes);
  if (table !== null) files.set('static.bin', table);
  return buildArtifact(
    {
      name,
      candidates: manifestCandidates(run).map((candidate, c) => {
        const known = { ...candidate, ...learned[c] };
        return { ...known, meanCostUsd: known.meanCostUsd ?? meanTokensCost(known) };
      }),
      embedder: {
        id: embedder.id,
        kind,
        dimensions: embedder.dimensions,
        options,
        ...(table === null ? {} : { table: 'static.bin' }),
      },
      features: {
        blocks: features.blocks,
        length: features.matrix.columns,
        standardisation: features.standardisation,
      },
      model,
      heads,
      ...(task === undefined ? {} : { task }),
      ...(novelty === null ? {} : { novelty: novelty.spec }),
      ...(answer === undefined ? {} : { answer }),
      ...(uncertainty === null ? {} : { uncertainty: uncertainty.spec }),
      policy: config.policy,
      provenance: {
        toolVersion: TOOL_VERSION,
        seed: config.seed,
        dataFingerprint,
        prompts: {
          fit: onAll?.fit ?? splits.fit.rows.length,
          calibrate: onAll?.calibrate ?? splits.calibrate.rows.length,
          test: splits.test.rows.length,
        },
        config: {
          ...config,
          chosen: {
            ...report,
            log,
            ...(answers === undefined ? {} : { answers }),
            ...(preferences === null ? {} : { preferences }),
            ...(uncertainty === null ? {} : { uncertainty: uncertainty.scales }),
          },
        },
      },
    },
    files,
  );
}

/**
 * Adds what was measured, its report and card, and which prompts the router has seen.
 * @param seen record of these, where they are not the run's own; null where they are
 */
export async function addEvaluation(
  built: BuiltArtifact,
  evaluation: Evaluation,
  run: TrainingRun,
  { dataFingerprint, name, source }: TrainInput,
  seen: Uint8Array | null,
): Promise<BuiltArtifact> {
  const encode = (text: string) => new TextEncoder().encode(text);
  const promptsOf = ({ rows }: { readonly rows: Int32Array }) =>
    Array.from(rows, (row) => run.matrix.prompts[row]);
  const { calibrate, fit } = run.splits;
  const files = new Map([
    ['metrics.json', encode(`${JSON.stringify(evaluation, null, 2)}\n`)],
    ['report.html', encode(renderReport(evaluation, { title: `${name}: is it better than no router?` }))],
    [
      'CARD.md',
      encode(
        renderCard(built.manifest, {
          verdict: evaluation.verdict.sentence,
          caveats: evaluation.verdict.caveats,
          figures: cardFigures(evaluation),
          tasks: run.tasks,
          ...(source === undefined ? {} : { source }),
        }),
      ),
    ],
    [
      SEEN_FILE,
      seen ?? encodeSeenPrompts({ fit: promptsOf(fit), calibrate: promptsOf(calibrate) }, dataFingerprint),
    ],
  ]);
  if (run.config.examples > 0) files.set(EXAMPLES_FILE, encode(JSON.stringify(chooseExamples(run))));
  return addReports(built, headlineMetrics(evaluation), files);
}

/**
 * Every candidate of the traffic with its means over the fit and calibrate splits, where outcomes count by inverse propensity,
 * and what the config says of it.
 */
function manifestCandidates({ config, matrix, propensities, splits }: TrainingRun): ManifestCandidate[] {
  const configured = config.candidates as Readonly<Record<string, Partial<Candidate>>>;
  const rows = trainRows(splits);
  const { quality, costUsd } = trainMeans(matrix, rows, propensities);
  // Costs of calls that nobody rated, which no propensity weighs: all there are in a log whose ratings have none.
  const anyCostUsd = columnMeans(matrix.costUsd, matrix.candidates.length, rows, matrix.importance);
  const latencyMs = columnMeans(matrix.latencyMs, matrix.candidates.length, rows, matrix.importance);
  return matrix.candidates.map((name, c) => {
    const p95LatencyMs = observedQuantile(matrix.latencyMs, rows, matrix.candidates.length, c, 0.95);
    return {
      ...configured[name],
      name,
      meanQuality: orNull(quality[c]),
      meanCostUsd: orNull(costUsd[c]) ?? orNull(anyCostUsd[c]),
      meanLatencyMs: orNull(latencyMs[c]),
      ...(p95LatencyMs === null ? {} : { p95LatencyMs }),
    };
  });
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}

/** Null where fewer than twenty were observed: a tail needs as many. */
function observedQuantile(
  values: Float32Array,
  rows: Int32Array,
  columns: number,
  c: number,
  q: number,
): number | null {
  const seen = Float64Array.from(rows, (row) => values[row * columns + c]).filter((x) => !Number.isNaN(x));
  return seen.length < 20 ? null : quantileSorted(seen.sort(), q);
}

/** The figures that belong on the card: quality of the router and of every baseline, APGR, calibration. */
function cardFigures(evaluation: Evaluation): CardFigure[] {
  const figures: CardFigure[] = evaluation.strategies.map(({ id, name, quality }) =>
    figure(
      id === 'router' ? 'routed quality' : `quality of ${name}`,
      quality,
      evaluation.offPolicy ? 'estimated off-policy, doubly robust' : 'mean quality of what was chosen',
    ),
  );
  const pair = evaluation.strongWeak;
  if (pair !== null)
    figures.push(figure('APGR', pair.router.apgr, `${pair.strong} against ${pair.weak}; random is 0.5`));
  for (const { candidate, ece10 } of evaluation.calibration.success)
    if (ece10 !== null)
      figures.push({
        name: `ECE of ${candidate}`,
        value: ece10,
        meaning: 'calibration error, ten bins of equal mass',
      });
  return figures;
}

function figure(name: string, { estimate, low, high }: Interval, meaning: string): CardFigure {
  const bounds = low === null || high === null ? {} : { low, high };
  return { name, value: estimate ?? Number.NaN, ...bounds, meaning };
}

/** Longer prompts are cut to this many characters. */
const LONGEST = 500;

/** Seeded choice of prompts of the fit split with what every candidate made of them. */
function chooseExamples({ config, matrix, splits }: TrainingRun): Example[] {
  const { candidates, prompts, quality } = matrix;
  // Prompts whose words are not kept have nothing to show.
  const worded = splits.fit.rows.filter((row) => prompts[row].promptHash === undefined);
  const rows = createRandom(config.seed).shuffle(worded).slice(0, config.examples).sort();
  return Array.from(rows, (row) => ({
    text: readPrompt(prompts[row].request).text.slice(0, LONGEST),
    task: prompts[row].task,
    quality: Object.fromEntries(
      candidates
        .map((name, c) => [name, quality[row * candidates.length + c]] as const)
        .filter(([, value]) => !Number.isNaN(value)),
    ),
  }));
}
