import { largest } from 'pointsman/internal';
import type { SampleRow } from './sample-traffic.ts';

export interface SolverSummary {
  readonly candidate: string;
  /** Mean quality per family, 0 to 1. */
  readonly byFamily: ReadonlyMap<string, number>;
  readonly quality: number;
  readonly costUsdPerThousand: number;
  /** Median, in milliseconds. */
  readonly latencyMs: number;
}

export interface QualityTable {
  readonly families: readonly string[];
  readonly solvers: readonly SolverSummary[];
  readonly bestSingle: number;
  /** Mean over prompts of the best quality any solver reached. */
  readonly oracle: number;
}

/** Sums up sample traffic: who is how good at what, at which price and speed. */
export function qualityTable(rows: readonly SampleRow[]): QualityTable {
  const families = [...new Set(rows.map((row) => row.task))].sort();
  const best = new Map<string, number>();
  for (const row of rows) best.set(row.requestId, Math.max(best.get(row.requestId) ?? 0, row.quality));
  const solvers = [...new Set(rows.map((row) => row.candidate))].map((candidate) => {
    const own = rows.filter((row) => row.candidate === candidate);
    const quality = (some: readonly SampleRow[]): number => mean(some.map((row) => row.quality));
    return {
      candidate,
      byFamily: new Map(
        families.map((family) => [family, quality(own.filter((row) => row.task === family))]),
      ),
      quality: quality(own),
      costUsdPerThousand: 1000 * mean(own.map((row) => row.costUsd)),
      latencyMs: own.map((row) => row.latencyMs).sort((a, b) => a - b)[own.length >> 1]!,
    };
  });
  return {
    families,
    solvers,
    bestSingle: largest(solvers.map((s) => s.quality)),
    oracle: mean([...best.values()]),
  };
}

/** The table in Markdown: a row a family, a column a solver, then means, prices and latencies. */
export function qualityMarkdown(table: QualityTable): string {
  const line = (name: string, cells: readonly string[]): string => `| ${[name, ...cells].join(' | ')} |`;
  const { families, solvers } = table;
  return [
    line(
      'family',
      solvers.map((s) => s.candidate),
    ),
    line(
      '---',
      solvers.map(() => '---:'),
    ),
    ...families.map((family) =>
      line(
        family,
        solvers.map((s) => s.byFamily.get(family)!.toFixed(2)),
      ),
    ),
    line(
      '**all**',
      solvers.map((s) => `**${s.quality.toFixed(3)}**`),
    ),
    line(
      'USD per 1,000 prompts',
      solvers.map((s) => s.costUsdPerThousand.toFixed(4)),
    ),
    line(
      'median latency, ms',
      solvers.map((s) => s.latencyMs.toFixed(3)),
    ),
    '',
    `Best single solver ${table.bestSingle.toFixed(3)}, oracle ${table.oracle.toFixed(3)}.`,
  ].join('\n');
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
