import { InvalidInputError } from 'pointsman';
import { checkRouterFolder, type WrittenArtifact, writeArtifact } from '../artifact/write-artifact.ts';
import { describeScale } from '../ingest/score-scale.ts';
import { keptEmbedders } from '../outcomes/kept-embedders.ts';
import {
  type PreparedTraffic,
  scratchOf,
  type TrafficOptions,
  withTraffic,
} from '../train/prepare-traffic.ts';
import { checkPolicy, type TrainedRouter, trainRouter } from '../train/train-router.ts';
import { workPart } from '../work/private-folder.ts';
import type { ScratchOptions } from '../work/scratch-database.ts';
import { openEmbedder } from './router-embedder.ts';

export interface TrainFromFilesOptions extends Omit<TrafficOptions, 'router'> {
  /** The router's folder, such as `models/support`. */
  readonly out: string;
  /** Letters, digits, `.`, `_` and `-`: the router's name in its manifest. */
  readonly name: string;
  /** Where the traffic came from, for the card. @default nothing is said */
  readonly source?: string;
}

export interface TrainedFromFiles {
  /** Its table was the run's own, and is gone. */
  readonly traffic: Omit<PreparedTraffic, 'table'>;
  readonly trained: TrainedRouter;
  readonly written: WrittenArtifact;
}

/**
 * From logs to a router on disk. Embeddings are kept in the work folder as they come, so that a run that was
 * interrupted embeds nothing twice; the router appears whole or not at all. With `append` it learns from what the router's
 * store has too, and the store has the new rows once the router is written.
 *
 * @throws PointsmanError saying what the files, the config, the embedder or the folder lack.
 * @example
 * const config = parseTrainConfig({ seed: 1 });
 * const { trained, written } = await trainFromFiles({
 *   files: ['traffic.jsonl'], out: 'models/support', name: 'support', config, workFolder: '.pointsman',
 * });
 */
export async function trainFromFiles(options: TrainFromFilesOptions): Promise<TrainedFromFiles> {
  const { config, name, out, source, workFolder, onProgress = () => {} } = options;
  // First, since what is missing or in the way should not be found out after a long reading.
  await checkRouterFolder(out);
  const embedder = await openEmbedder(config.embedder);
  return withTraffic({ ...options, router: out }, async (traffic, keep) => {
    await checkEmbedder(traffic.table, embedder.embedder.id, options);
    const trained = await trainRouter({
      name,
      matrix: traffic.matrix,
      splits: traffic.splits,
      groups: traffic.groups,
      dataFingerprint: traffic.ingest.fingerprint,
      scores: describeScale(traffic.ingest.scoreScale),
      config,
      embedder,
      cacheFolder: await workPart(workFolder, 'embeddings'),
      onProgress,
      ...(source === undefined ? {} : { source }),
    });
    const written = await writeArtifact(out, trained.artifact);
    await keep();
    return { traffic, trained, written };
  });
}

/**
 * Does `use` with what `trainFromFiles` would train on, having checked all that it would check before it fits anything. Nothing is
 * written but embeddings of prompts whose words are not kept.
 */
export async function rehearseTraining<Result>(
  options: TrainFromFilesOptions,
  use: (traffic: PreparedTraffic) => Promise<Result>,
): Promise<Result> {
  const { config, out } = options;
  await checkRouterFolder(out);
  const { embedder } = await openEmbedder(config.embedder);
  return withTraffic({ ...options, router: out }, async (traffic) => {
    await checkEmbedder(traffic.table, embedder.id, options);
    checkPolicy(config.policy, traffic.matrix.candidates);
    return use(traffic);
  });
}

/** @throws InvalidInputError when the table keeps embeddings of another embedder. */
async function checkEmbedder(table: string, id: string, options: ScratchOptions): Promise<void> {
  const other = (await keptEmbedders(table, scratchOf(options))).find((each) => each !== id);
  if (other === undefined) return;
  throw new InvalidInputError(
    `The table keeps embeddings of "${other}" in the place of prompts, and the router is to have "${id}". Train with the same embedder: see --embedder.`,
  );
}
