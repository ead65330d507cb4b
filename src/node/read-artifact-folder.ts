import { createHash } from 'node:crypto';
import type { Artifact } from '../artifact/artifact.ts';
import { type ReadArtifactOptions, readArtifact } from '../artifact/read-artifact.ts';
import { folderFiles } from './artifact-folder.ts';
import { resolveVersion } from './resolve-version.ts';

/**
 * Reads and checks the artifact in a folder: of one version, or of a router whose `current.json` names one.
 *
 * @throws ArtifactError
 */
export async function readArtifactFolder(
  folder: string,
  options: ReadArtifactOptions = {},
): Promise<Artifact> {
  return readArtifact(folderFiles(await resolveVersion(folder)), { sha256: nodeSha256, ...options });
}

/** Faster than Web Crypto for files of this size, and quicker to load. */
function nodeSha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
