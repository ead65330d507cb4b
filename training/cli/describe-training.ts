import { join } from 'node:path';
import { quantile } from 'pointsman/math';
import type { LogReport } from '../pipeline/log-report.ts';
import type { TrainedFromFiles } from '../pipeline/train-from-files.ts';
import { formatDuration } from '../words/format-number.ts';
import { describeEvaluation } from './describe-evaluation.ts';
import { quoted } from './printable.ts';
import { readLines } from './terminal/describe.ts';
import { wrapText } from './wrap-text.ts';

/** What came of a training, for a person: the verdict first. */
export function describeTraining(
  { traffic, trained, written }: TrainedFromFiles,
  out: string,
  columns: number,
): string {
  const { artifact, evaluation } = trained;
  const bytes = [...artifact.files.values()].reduce((sum, file) => sum + file.length, 0);
  return (
    `\n${describeEvaluation(evaluation, out, columns)}\n` +
    readLines(traffic.ingest.formats, columns) +
    logLine(trained.log, columns) +
    decisionLine(trained.predictions.decisionMicroseconds) +
    `Router   ${written.path} (${(bytes / 1e6).toFixed(1)} MB)\n` +
    `Report   ${join(written.path, 'report.html')}\n` +
    `Route    npx pointsman route ${quoted(out)} "your prompt"\n`
  );
}

function logLine(log: LogReport | null, columns: number): string {
  if (log === null) return '';
  return `Learned  ${wrapText(`from ${log.summary} ${log.reason}`, columns, '         ')}\n`;
}

function decisionLine(microseconds: ArrayLike<number> | null): string {
  if (microseconds === null || microseconds.length === 0) return '';
  const [median, high] = [0.5, 0.99].map((share) => formatDuration(quantile(microseconds, share)));
  return `Decides  in ${median} (median), ${high} (99th percentile), embedding not counted\n`;
}
