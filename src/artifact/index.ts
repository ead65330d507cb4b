export type { Artifact, ArtifactReports } from './artifact.ts';
export type { ArtifactFiles } from './artifact-files.ts';
export { canonicalJson } from './canonical-json.ts';
export {
  type AmountPart,
  type FeatureBlock,
  type FileEntry,
  type LatencyByTokens,
  type LearnedTokens,
  MANIFEST_SCHEMA_VERSION,
  type Manifest,
  type ManifestCandidate,
  type ManifestHeads,
} from './manifest.ts';
export { ID_DIGITS, manifestDigest, manifestId } from './manifest-digest.ts';
export { memoryFiles } from './memory-files.ts';
export { type ReadArtifactOptions, readArtifact } from './read-artifact.ts';
export { isSafePath } from './safe-path.ts';
export { type Sha256, webSha256 } from './sha256.ts';
