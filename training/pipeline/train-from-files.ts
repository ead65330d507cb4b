import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { type WrittenArtifact, writeArtifact } from '../artifact/index.ts';
import { keptEmbedders } from '../outcomes/kept-embedders.ts';
import { describeScale } from '../outcomes/score-scale.ts';
import { type PreparedTraffic, type PrepareOptions, prepareTraffic } from './prepare-traffic.ts';
import { openEmbedder } from './router-embedder.ts';
import { type TrainedRouter, trainRouter } from './train-router.ts';

export interface TrainFromFilesOptions extends PrepareOptions {
  /** The router's folder, such as `models/support`. */
  readonly out: string;
  /** Where the traffic came from, for the card. @default nothing is said */
  readonly source?: string;
}

export interface TrainedFromFiles {
  readonly traffic: PreparedTraffic;
  readonly trained: TrainedRouter;
  readonly written: WrittenArtifact;
}

/**
 * From logs to a router on disk. Embeddings are kept in the work folder as they come, so that a run that was
 * interrupted embeds nothing twice; the router appears whole or not at all.
 *
 * @throws PointsmanError saying what the files, the config or the embedder lack.
 * @example
 * const config = parseTrainConfig({ seed: 1 });
 * const { trained, written } = await trainFromFiles({
 *   files: ['traffic.jsonl'], out: 'models/support', name: 'support', config, workFolder: '.pointsman',
 * });
 */
export async function trainFromFiles(options: TrainFromFilesOptions): Promise<TrainedFromFiles> {
  const { config, name, out, workFolder, onProgress = () => {} } = options;
  // First, since a missing key or package should not be found out after a long reading.
  const embedder = await openEmbedder(config.embedder);
  const traffic = await prepareTraffic(options);
  await checkEmbedder(traffic.table, embedder.embedder.id);
  const trained = await trainRouter({
    name,
    matrix: traffic.matrix,
    splits: traffic.splits,
    groups: traffic.groups,
    dataFingerprint: traffic.ingest.fingerprint,
    scores: describeScale(traffic.ingest.scoreScale),
    config,
    embedder,
    cacheFolder: join(workFolder, 'embeddings'),
    onProgress,
    ...(options.source === undefined ? {} : { source: options.source }),
  });
  return { traffic, trained, written: await writeArtifact(out, trained.artifact) };
}

/** @throws InvalidInputError when the table keeps embeddings of another embedder. */
async function checkEmbedder(table: string, id: string): Promise<void> {
  const other = (await keptEmbedders(table)).find((each) => each !== id);
  if (other === undefined) return;
  throw new InvalidInputError(
    `The table keeps embeddings of "${other}" in the place of prompts, and the router is to have "${id}". Train with the same embedder: see --embedder.`,
  );
}
