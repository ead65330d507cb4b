import { join } from 'node:path';
import { readArtifactFolder } from 'pointsman/node';
import type { TrainConfig } from '../config.ts';

/**
 * The config of a training in which candidates that the champion has retired stay so: traffic of theirs is still
 * there to learn from, and nobody should have to say it twice.
 *
 * @param folder of the router @param champion its version in use; null where there is none
 */
export async function stillRetired(
  config: TrainConfig,
  folder: string,
  champion: string | null,
): Promise<TrainConfig> {
  if (champion === null) return config;
  const { manifest } = await readArtifactFolder(join(folder, champion));
  const candidates = { ...config.candidates };
  for (const { name, retired } of manifest.candidates) {
    // What the config says of it counts.
    if (retired === true) candidates[name] = { retired, ...candidates[name] };
  }
  return { ...config, candidates };
}
