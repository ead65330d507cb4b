import { join } from 'node:path';
import type { TrainedFromFiles } from '../pipeline/train-from-files.ts';

/** The result of `pointsman train --json`. */
export function summariseTraining({ traffic, trained, written }: TrainedFromFiles) {
  const { artifact, evaluation, log, quality } = trained;
  return {
    id: artifact.manifest.id,
    name: artifact.manifest.name,
    version: written.version,
    path: written.path,
    report: join(written.path, 'report.html'),
    verdict: evaluation.verdict,
    prompts: evaluation.prompts,
    contenders: evaluation.contenders,
    calibration: evaluation.calibration.success.map(({ candidate, rows, ece10, brier }) => ({
      candidate,
      rows,
      ece10,
      brier,
    })),
    metrics: artifact.manifest.metrics,
    chosen: quality,
    log,
    ingest: traffic.ingest,
    warnings: traffic.warnings,
  };
}
