import { copyFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { ingestOutcomes } from '../ingest/ingest.ts';
import type { IngestProgress } from '../ingest/options.ts';
import { OutcomeStore } from '../ingest/outcome-store.ts';
import type { Prices } from '../outcomes/amounts.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { readOutcomeMatrix } from '../outcomes/read-outcome-matrix.ts';
import { routerPart } from '../work/router-store-folder.ts';
import { withRunFolder } from '../work/run-folder.ts';
import type { ScratchOptions } from '../work/scratch-database.ts';
import type { RetrainConfig } from './config.ts';

export function nameOf(router: string, name: string | undefined): string {
  return name ?? basename(resolve(router));
}

export interface StoredTraffic {
  readonly matrix: OutcomeMatrix;
  readonly rowsInStore: number;
  readonly rowsAdded: number;
  readonly fingerprint: string;
}

interface Reading extends Pick<RetrainConfig, 'logs' | 'router' | 'store' | 'train' | 'work'> {
  readonly scratch?: ScratchOptions;
}

/**
 * Takes the logs into a copy of what the router has gathered, and does `use` with it. What is new goes into the store when
 * `use` has ended well: a run that fails, or is killed, leaves the store as it was, and reads the logs again the next time.
 *
 * @param keep whether anything is to go there; not after a dry run
 */
export async function withStore<Result>(
  { logs, router, scratch = {}, store, train, work }: Reading,
  keep: boolean,
  onProgress: (progress: IngestProgress) => void,
  use: (stored: StoredTraffic) => Promise<Result>,
): Promise<Result> {
  return withRunFolder(work, 'retrain', async (folder) => {
    const kept = new OutcomeStore(store ?? (await routerPart(work, router, 'outcomes')), scratch);
    const [base, table] = [join(folder, 'base.parquet'), join(folder, 'outcomes.parquet')];
    const hasBase = await kept.copyTo(base);
    if (hasBase) await copyFile(base, table);
    const { prices, ...reading } = logs;
    const report = await ingestOutcomes({
      ...reading,
      ...scratch,
      out: table,
      append: true,
      prices: { ...prices, ...configuredPrices(train.candidates) },
      onProgress,
    });
    const result = await use({
      matrix: await readOutcomeMatrix(table, scratch),
      rowsInStore: report.rowsInTable,
      rowsAdded: report.rowsAccepted,
      fingerprint: report.fingerprint,
    });
    if (keep) {
      await kept.add(table, hasBase ? base : null);
      await kept.compact();
    }
    return result;
  });
}

/** Takes an outcomes table into the store, as it is. @returns rows that the store has then */
export async function importTable(
  config: RetrainConfig,
  file: string,
  scratch: ScratchOptions = {},
): Promise<number> {
  const logs = {
    files: [file],
    format: 'table',
    map: {},
    prices: {},
    failures: 'null',
    maxRejected: 1,
  } as const;
  const reading = { ...config, scratch, logs: { ...logs, files: [file] } };
  return withStore(
    reading,
    true,
    () => {},
    async ({ rowsInStore }) => rowsInStore,
  );
}

/**
 * The table that earlier versions kept under the router's name, where the store is empty. Any training of that name wrote over it, so
 * whether it is this router's history only a person can tell.
 */
export async function tableOfEarlierVersion(config: RetrainConfig): Promise<string | null> {
  const file = join(config.work, `${nameOf(config.router, config.name)}.parquet`);
  const found = await stat(file).catch(() => null);
  if (found === null) return null;
  const store = new OutcomeStore(config.store ?? (await routerPart(config.work, config.router, 'outcomes')));
  return (await store.isEmpty()) ? file : null;
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
