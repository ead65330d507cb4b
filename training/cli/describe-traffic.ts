import type { PreparedTraffic } from '../train/prepare-traffic.ts';
import { readLines } from './terminal/describe.ts';
import { textTable } from './terminal/text.ts';

/** What a router would be trained on: the splits, and what the traffic holds of each candidate. */
export function describeTraffic({ ingest, matrix, splits }: PreparedTraffic, columns: number): string {
  const { candidates, quality, costUsd, latencyMs } = matrix;
  const { fit, calibrate, test } = splits;
  const rows = candidates.map((name, c) => {
    const scores = observed(quality, candidates.length, c);
    const costs = observed(costUsd, candidates.length, c);
    const latencies = observed(latencyMs, candidates.length, c);
    return [
      name,
      scores.count.toLocaleString('en-US'),
      scores.mean?.toFixed(3) ?? '–',
      costs.mean === null ? '–' : `$${(1000 * costs.mean).toPrecision(3)}`,
      latencies.mean === null ? '–' : `${latencies.mean.toPrecision(3)} ms`,
    ];
  });
  return (
    `\n${readLines(ingest.formats, columns)}${fit.rows.length} prompts to fit, ${calibrate.rows.length} to calibrate, ${test.rows.length} to test.\n\n` +
    textTable(
      [
        { title: 'candidate', shrinks: 'names' },
        { title: 'scores', align: 'right' },
        { title: 'mean quality', align: 'right' },
        { title: 'cost of 1,000', align: 'right' },
        { title: 'mean latency', align: 'right' },
      ],
      rows,
      columns,
    )
  );
}

function observed(
  cells: Float32Array,
  columns: number,
  c: number,
): { readonly count: number; readonly mean: number | null } {
  let [sum, count] = [0, 0];
  for (let i = c; i < cells.length; i += columns) {
    if (Number.isNaN(cells[i])) continue;
    sum += cells[i];
    count++;
  }
  return { count, mean: count === 0 ? null : sum / count };
}
