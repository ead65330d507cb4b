export {
  type Amendment,
  type AmendmentNote,
  amendArtifact,
  amendmentsOf,
  trainedConfig,
} from './amend-artifact.ts';
export { type CardFigure, type CardInfo, renderCard } from './card.ts';
export { describeChoiceModel } from './choice-model.ts';
export { EXAMPLES_FILE, type Example, SEEN_FILE } from './examples.ts';
export { addReports, type ManifestContents, type SealedArtifact, sealArtifact } from './seal-artifact.ts';
export {
  changeVersionPointer,
  pointAtVersion,
  readVersionPointer,
  type VersionPointer,
} from './version-pointer.ts';
export {
  checkRouterFolder,
  type WriteOptions,
  type WrittenArtifact,
  writeArtifact,
} from './write-artifact.ts';
export { WRITING_PREFIX, writeAtOnce } from './write-at-once.ts';
