import { copyFile, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RetrainConfig } from '../config/retrain-config.ts';
import { ingestOutcomes } from '../outcomes/ingest.ts';
import type { IngestProgress, Prices } from '../outcomes/ingest-options.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { readOutcomeMatrix } from '../outcomes/read-outcome-matrix.ts';

export interface StoredTraffic {
  readonly matrix: OutcomeMatrix;
  readonly rowsInStore: number;
  readonly rowsAdded: number;
  readonly fingerprint: string;
}

/** Takes the logs into the outcomes table, which grows, and reads it. A dry run grows a copy. */
export async function readStore(
  { logs, store, train, work }: RetrainConfig,
  name: string,
  dryRun: boolean,
  onProgress: (progress: IngestProgress) => void,
): Promise<StoredTraffic> {
  const kept = store ?? join(work, `${name}.parquet`);
  const out = dryRun ? `${kept}.dry-run` : kept;
  await mkdir(dirname(kept), { recursive: true });
  try {
    if (dryRun) await copyFile(kept, out).catch(ignoreMissing);
    const { prices, ...reading } = logs;
    const report = await ingestOutcomes({
      ...reading,
      out,
      append: true,
      prices: { ...prices, ...configuredPrices(train.candidates) },
      onProgress,
    });
    return {
      matrix: await readOutcomeMatrix(out),
      rowsInStore: report.rowsInTable,
      rowsAdded: report.rowsAccepted,
      fingerprint: report.fingerprint,
    };
  } finally {
    if (dryRun) await rm(out, { force: true });
  }
}

function configuredPrices(candidates: RetrainConfig['train']['candidates']): Prices {
  const prices: Prices = {};
  for (const [name, { inputPricePerMillionTokens, outputPricePerMillionTokens }] of Object.entries(
    candidates,
  )) {
    if (inputPricePerMillionTokens === undefined || outputPricePerMillionTokens === undefined) continue;
    prices[name] = { inputPricePerMillionTokens, outputPricePerMillionTokens };
  }
  return prices;
}

function ignoreMissing(cause: NodeJS.ErrnoException): void {
  if (cause.code !== 'ENOENT') throw cause;
}
