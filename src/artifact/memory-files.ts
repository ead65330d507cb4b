import { ArtifactError } from '../errors/artifact-error.ts';
import type { ArtifactFiles } from './artifact-files.ts';

/**
 * Files that are in memory already: fetched, bundled, or just made.
 *
 * @example
 * const artifact = await readArtifact(memoryFiles({ 'manifest.json': bytes, ... }));
 */
export function memoryFiles(
  contents: Readonly<Record<string, Uint8Array>> | ReadonlyMap<string, Uint8Array>,
): ArtifactFiles {
  const files = contents instanceof Map ? contents : new Map(Object.entries(contents));
  return {
    async read(path, maxBytes) {
      const bytes: unknown = files.get(path);
      if (!(bytes instanceof Uint8Array)) throw new ArtifactError(`There is no file "${path}" in memory.`);
      if (bytes.length > maxBytes) throw new ArtifactError(`"${path}" is larger than ${maxBytes} bytes.`);
      return bytes;
    },
  };
}
