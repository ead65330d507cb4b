export {
  canonicalJson,
  ID_DIGITS,
  manifestDigest,
  manifestId,
  type Sha256,
  webSha256,
} from './check-manifest.ts';
export {
  type AmountPart,
  type FeatureBlock,
  type FileEntry,
  isSafePath,
  type LatencyByTokens,
  type LearnedTokens,
  MANIFEST_SCHEMA_VERSION,
  type Manifest,
  type ManifestCandidate,
  type ManifestHeads,
} from './manifest.ts';
export {
  type Artifact,
  type ArtifactFiles,
  type ArtifactReports,
  memoryFiles,
  type ReadArtifactOptions,
  readArtifact,
} from './read-artifact.ts';
