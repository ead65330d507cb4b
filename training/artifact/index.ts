export { type CardFigure, type CardInfo, describeChoiceModel, renderCard } from './card.ts';
export {
  type Amendment,
  type AmendmentNote,
  addReports,
  amendArtifact,
  amendmentsOf,
  EXAMPLES_FILE,
  type Example,
  type ManifestContents,
  SEEN_FILE,
  type SealedArtifact,
  sealArtifact,
  trainedConfig,
} from './seal-artifact.ts';
export {
  changeVersionPointer,
  checkRouterFolder,
  pointAtVersion,
  readVersionPointer,
  type VersionPointer,
  WRITING_PREFIX,
  type WriteOptions,
  type WrittenArtifact,
  writeArtifact,
  writeAtOnce,
} from './write-artifact.ts';
