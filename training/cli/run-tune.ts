import { writeFile } from 'node:fs/promises';
import type { Manifest } from 'pointsman';
import { stringify } from 'yaml';
import { parseTrainConfig } from '../config/train-config.ts';
import { prepareTraffic } from '../pipeline/prepare-traffic.ts';
import { predictSuccess, tunePolicy } from '../policy/index.ts';
import type { CommandIo } from './command-io.ts';
import { describeTuning } from './describe-tuning.ts';
import { openRouter } from './open-router.ts';
import { createProgress } from './progress.ts';
import { showTraining } from './show-training.ts';
import type { TuneFlags } from './tune-command.ts';

export async function runTune(
  folder: string,
  files: readonly string[],
  flags: TuneFlags,
  io: CommandIo,
): Promise<void> {
  const router = await openRouter(folder);
  const { manifest } = router;
  const progress = createProgress(io, flags.quiet === true);
  try {
    const { chosen: _, ...config } = manifest.provenance.config as Record<string, unknown>;
    const { matrix, splits, ingest } = await prepareTraffic({
      files,
      config: parseTrainConfig(config),
      name: `tune-${manifest.name}`,
      workFolder: flags.work,
      map: flags.map,
      onProgress: showTraining(progress),
    });
    const isOwn = ingest.fingerprint === manifest.provenance.dataFingerprint;
    progress.update('predicting');
    const everyRow = Int32Array.from(matrix.prompts.keys());
    const tuned = tunePolicy({
      matrix,
      tune: await predictSuccess(router, matrix, isOwn ? splits.calibrate.rows : everyRow),
      test: isOwn ? await predictSuccess(router, matrix, splits.test.rows) : null,
      candidates: flags.candidates ?? cheapestAndBest(manifest),
      ...(flags.cascade ? { kind: 'cascade' } : {}),
      goal: goalOf(flags),
      seed: manifest.provenance.seed,
    });
    progress.stop();
    if (flags.out !== undefined) await writeFile(flags.out, stringify(tuned.policy));
    io.stdout(
      flags.json
        ? `${JSON.stringify(tuned, null, 2)}\n`
        : describeTuning(tuned, { isOwn, io, goal: goalOf(flags), out: flags.out ?? null }),
    );
  } finally {
    progress.stop();
  }
}

function goalOf({ strongShare, maxQualityLoss, confidence }: TuneFlags) {
  return maxQualityLoss === undefined
    ? ({ kind: 'strong-share', share: strongShare ?? 0 } as const)
    : ({ kind: 'max-quality-loss', loss: maxQualityLoss, delta: 1 - confidence } as const);
}

/** The cheapest candidate and the best; where the best is the cheapest too, the next best and it. */
function cheapestAndBest({ candidates }: Manifest): string[] {
  const best = candidates.reduce((a, b) => (b.meanQuality > a.meanQuality ? b : a));
  const others = candidates.filter((candidate) => candidate !== best);
  const known = others.filter(({ meanCostUsd }) => meanCostUsd !== null);
  const cheapest =
    known.length > 0
      ? known.reduce((a, b) => ((b.meanCostUsd ?? 0) < (a.meanCostUsd ?? 0) ? b : a))
      : others.reduce((a, b) => (b.meanQuality < a.meanQuality ? b : a), others[0]);
  return cheapest === undefined ? [best.name] : [cheapest.name, best.name];
}
