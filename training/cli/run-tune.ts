import { writeFile } from 'node:fs/promises';
import { InvalidInputError, type Manifest, type Router } from 'pointsman';
import { readArtifactFolder } from 'pointsman/node';
import { stringify } from 'yaml';
import { amendArtifact, trainedConfig } from '../artifact/amend-artifact.ts';
import { writeArtifact } from '../artifact/write-artifact.ts';
import { parseTrainConfig } from '../config.ts';
import { readScoreColumn } from '../outcomes/read-score-column.ts';
import { acceptScores, type TunableTest } from '../policy/accept-scores.ts';
import { predictSuccess } from '../policy/predict-success.ts';
import { type PreparedTraffic, withTraffic } from '../train/prepare-traffic.ts';
import {
  candidatesSeen,
  sayingMissing,
  type TuningParts,
  tunedOn,
  tuningParts,
} from '../train/tuning-traffic.ts';
import { type PredictedRows, type TunedPolicy, tunePolicy } from '../tune/tune-policy.ts';
import { withRetrainLock } from '../versions/retrain-lock.ts';
import type { CommandIo } from './command-io.ts';
import type { TuneFlags } from './commands/tune-weights.ts';
import { describeTuning, lastOf, sayMeasuredOn, saySetting } from './describe-tuning.ts';
import { dialReports } from './dial-reports.ts';
import { openRouter } from './open-router.ts';
import { readPrices } from './read-settings.ts';
import { routerFolder } from './router-folder.ts';
import { showTraining } from './show-training.ts';
import { createProgress } from './terminal/io.ts';
import { readingOptions } from './terminal/options.ts';

export async function runTune(
  folder: string,
  files: readonly string[],
  flags: TuneFlags,
  io: CommandIo,
): Promise<void> {
  // First, since a folder that a version cannot be added to should not be found out after the tuning.
  const applyTo = flags.apply ? await routerFolder(folder) : null;
  const router = await openRouter(folder);
  const { manifest } = router;
  const artifact = await readArtifactFolder(folder, { reports: true });
  const prices = flags.prices === undefined ? {} : { prices: await readPrices(flags.prices) };
  const progress = createProgress(io, flags.quiet === true);
  try {
    const reading = {
      files,
      config: parseTrainConfig(trainedConfig(manifest)),
      workFolder: flags.work,
      map: flags.map,
      ...readingOptions(flags),
      ...prices,
      onProgress: showTraining(progress),
    };
    const { parts, tuned } = await withTraffic(reading, async (traffic) => {
      const { accept, acceptScore } = flags;
      const named = manifest.candidates.filter(({ name }) => flags.candidates?.includes(name));
      const parts =
        accept === undefined ? tuningParts(artifact, traffic) : judgedParts(artifact.manifest, traffic);
      progress.update('predicting');
      const tuned = await sayingMissing(named, traffic.matrix, parts, async () =>
        tunePolicy({
          matrix: traffic.matrix,
          ...(accept === undefined
            ? await predictedRows(router, traffic, parts)
            : { accept, ...(await scoredRows(accept, acceptScore, traffic, parts)) }),
          candidates: flags.candidates ?? cheapestAndBest(manifest, candidatesSeen(traffic.matrix)),
          ...(flags.cascade ? { kind: 'cascade' } : {}),
          perStep: flags.perStep === true,
          groups: traffic.groups,
          goal: goalOf(flags),
          seed: manifest.provenance.seed,
        }),
      );
      return { parts, tuned };
    });
    progress.stop();
    if (flags.out !== undefined) await writeFile(flags.out, stringify(tuned.policy));
    const version =
      applyTo === null ? null : await withRetrainLock(applyTo, () => apply(applyTo, tuned, parts));
    const isJudged = flags.accept !== undefined;
    io.stdout(
      flags.json
        ? `${JSON.stringify({ ...tuned, ...tunedOn(parts), ...(version === null ? {} : { version }) }, null, 2)}\n`
        : describeTuning(tuned, {
            parts,
            isJudged,
            io,
            goal: goalOf(flags),
            out: flags.out ?? null,
            version,
          }),
    );
  } finally {
    progress.stop();
  }
}

type Rows = { readonly tune: PredictedRows; readonly test: PredictedRows | null };

async function predictedRows(
  router: Router,
  { matrix }: PreparedTraffic,
  { test, tune }: TuningParts,
): Promise<Rows> {
  return {
    tune: await predictSuccess(router, matrix, tune),
    test: test === null ? null : await predictSuccess(router, matrix, test),
  };
}

/** Nothing was fitted on the scores of answers, so every prompt serves, but for a test split held back. */
function judgedParts(
  { provenance }: Manifest,
  { ingest, matrix, splits: { calibrate, fit, test } }: PreparedTraffic,
): TuningParts {
  const none = { seen: null, note: null };
  if (ingest.fingerprint !== provenance.dataFingerprint)
    return { kind: 'unseen', tune: Int32Array.from(matrix.prompts.keys()), test: null, ...none };
  return {
    kind: 'own',
    tune: Int32Array.from([...fit.rows, ...calibrate.rows]).sort(),
    test: test.rows,
    ...none,
  };
}

async function scoredRows(
  test: TunableTest,
  field: string | undefined,
  { matrix, table }: PreparedTraffic,
  parts: TuningParts,
): Promise<Rows> {
  const name = test.kind === 'verifier' ? test.verifier : test.kind;
  const scores = acceptScores(test, await readScoreColumn(table, matrix, field ?? `metadata.${name}`));
  const columns = matrix.candidates.length;
  const take = (rows: Int32Array): PredictedRows => {
    const success = new Float32Array(rows.length * columns);
    rows.forEach((row, i) => {
      success.set(scores.subarray(row * columns, (row + 1) * columns), i * columns);
    });
    return { rows, success };
  };
  return { tune: take(parts.tune), test: parts.test && take(parts.test) };
}

/** @returns the name of the new version */
async function apply(
  folder: string,
  { policy, tuned, test }: TunedPolicy,
  parts: TuningParts,
): Promise<string> {
  const artifact = await readArtifactFolder(folder, { reports: true });
  const { provenance } = artifact.manifest;
  const config = { ...(provenance.config as Readonly<Record<string, unknown>>), policy };
  const { rows, quality, loss, strongShare, costSaved } = test ?? tuned;
  const what = `The policy was tuned to a ${policy.kind} of ${policy.kind === 'cascade' ? policy.steps.length : 2} candidates.`;
  const sealed = await amendArtifact(artifact, {
    what,
    contents: { policy, provenance: { ...provenance, config } },
    metrics: { tunedRows: rows, quality, qualityLoss: loss, strongShare, costSaved },
    reports: dialReports(
      artifact,
      policy,
      `${what} ${sayMeasuredOn(test, parts)}: ${saySetting(test ?? tuned, lastOf(policy))}`,
    ),
  });
  return (await writeArtifact(folder, sealed)).version;
}

function goalOf({ strongShare, maxLoss, maxQualityLoss, confidence }: TuneFlags) {
  return strongShare === undefined
    ? ({ kind: 'max-quality-loss', loss: maxQualityLoss ?? maxLoss! / 100, delta: 1 - confidence } as const)
    : ({ kind: 'strong-share', share: strongShare } as const);
}

/**
 * The cheapest candidate in use and the best; where the best is the cheapest too, the next best and it.
 * @param seen candidates that the traffic has outcomes of
 * @throws InvalidInputError where those are fewer than two
 */
function cheapestAndBest(manifest: Manifest, seen: ReadonlySet<string>): string[] {
  const inUse = manifest.candidates.filter(({ retired }) => retired !== true);
  const candidates = inUse.filter(({ name }) => seen.has(name));
  if (candidates.length < 2) {
    throw new InvalidInputError(
      `The traffic must have outcomes of two candidates at least of those in use: ${inUse.map(({ name }) => name).join(', ')}.`,
    );
  }
  const best = candidates.reduce((a, b) => (b.meanQuality > a.meanQuality ? b : a));
  const others = candidates.filter((candidate) => candidate !== best);
  const known = others.filter(({ meanCostUsd }) => meanCostUsd !== null);
  const cheapest =
    known.length > 0
      ? known.reduce((a, b) => ((b.meanCostUsd ?? 0) < (a.meanCostUsd ?? 0) ? b : a))
      : others.reduce((a, b) => (b.meanQuality < a.meanQuality ? b : a), others[0]);
  return cheapest === undefined ? [best.name] : [cheapest.name, best.name];
}
