import { join } from 'node:path';
import type { TrainedFromFiles } from '../pipeline/train-from-files.ts';
import { describeEvaluation } from './describe-evaluation.ts';

/** What came of a training, for a person: the verdict first. */
export function describeTraining(
  { trained, written }: TrainedFromFiles,
  out: string,
  columns: number,
): string {
  const { artifact, evaluation } = trained;
  const bytes = [...artifact.files.values()].reduce((sum, file) => sum + file.length, 0);
  return (
    `\n${describeEvaluation(evaluation, columns)}\n` +
    `Router   ${written.path} (${(bytes / 1e6).toFixed(1)} MB)\n` +
    `Report   ${join(written.path, 'report.html')}\n` +
    `Route    pointsman route ${out} "your prompt"\n`
  );
}
