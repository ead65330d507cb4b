import type { Manifest } from './manifest.ts';

/** A trained router as it was exported: all that decides, every digest checked, nothing built from it yet. */
export interface Artifact {
  readonly manifest: Manifest;
  /**
   * The checked bytes of a file that the manifest lists under `files`. Not a copy: do not write to it.
   *
   * @throws ArtifactError when the manifest lists no such file.
   */
  file(path: string): Uint8Array;
  /** Undefined unless they were asked for: no decision needs them. */
  readonly reports?: ArtifactReports;
}

/** What was written about a router, beside what it decides with. */
export interface ArtifactReports {
  /** Those that are as they were written, by path. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Why the others are not among `files`, by path: missing, or changed since. */
  readonly changed: ReadonlyMap<string, string>;
}
