/** Where an artifact's files come from: a folder, a bundle, a bucket, a map in memory. */
export interface ArtifactFiles {
  /**
   * @param path inside the artifact, with forward slashes; already checked not to lead out of it.
   * @param maxBytes a file that is larger must be refused before it is read.
   * @throws when there is no such file, or it is larger.
   */
  read(path: string, maxBytes: number): Promise<Uint8Array>;
}
