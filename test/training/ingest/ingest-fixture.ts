import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import type { IngestOptions } from '../../../training/ingest/options.ts';
import type { IngestReport } from '../../../training/ingest/report.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

/** Three rows of two prompts, with what makes CSV hard. */
export const rows = [
  {
    requestId: 'a',
    text: 'One, "two"',
    candidate: 'small',
    quality: 0.25,
    costUsd: 0.001,
    latencyMs: 120,
    task: 'x',
  },
  {
    requestId: 'a',
    text: 'One, "two"',
    candidate: 'large',
    quality: 1,
    costUsd: 0.02,
    latencyMs: 900,
    task: 'x',
  },
  {
    requestId: 'b',
    text: 'Three\nlines\nlong',
    candidate: 'small',
    quality: 1,
    costUsd: 0.0005,
    latencyMs: 80,
    task: 'y',
  },
];

export const lines = (values: readonly unknown[]): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join('');

/** Reason, count and example lines of each rejection. */
export const reasons = (report: IngestReport): [string, number, number[]][] =>
  report.rejected.map(({ reason, count, examples }) => [reason, count, examples.map(({ line }) => line)]);

/** A folder for one test file, removed after it; and an ingest into it. */
export function ingestFixture(): {
  out: string;
  path: (name: string) => string;
  write: (name: string, content: string | Uint8Array) => string;
  ingest: (files: string | string[], options?: Partial<IngestOptions>) => Promise<IngestReport>;
} {
  const { path, write } = temporaryFolder();
  const out = path('out.parquet');
  return {
    out,
    path,
    write,
    ingest: (files, options = {}) => ingestOutcomes({ files: [files].flat(), out, ...options }),
  };
}
