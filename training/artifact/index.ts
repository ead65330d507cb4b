export {
  addReports,
  type BuiltArtifact,
  buildArtifact,
  type Edit,
  type EditNote,
  EXAMPLES_FILE,
  type Example,
  editArtifact,
  editsOf,
  type ManifestContents,
  SEEN_FILE,
  trainedConfig,
} from './build-artifact.ts';
export { type CardFigure, type CardInfo, describeChoiceModel, renderCard } from './card.ts';
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
