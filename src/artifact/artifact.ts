import type { Manifest } from './manifest.ts';

/** A trained router as it was exported: read whole, every digest checked, nothing built from it yet. */
export interface Artifact {
  readonly manifest: Manifest;
  /**
   * The checked bytes of a file that the manifest lists. Not a copy: do not write to it.
   *
   * @throws ArtifactError when the manifest lists no such file.
   */
  file(path: string): Uint8Array;
}
