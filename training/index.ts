export {
  addReports,
  type CardFigure,
  type CardInfo,
  type ManifestContents,
  renderCard,
  type SealedArtifact,
  sealArtifact,
  type WrittenArtifact,
  writeArtifact,
} from './artifact/index.ts';
export type { OutcomeMatrix, PromptRecord } from './outcomes/outcome-matrix.ts';
export type { OutcomeRow } from './outcomes/outcome-row.ts';
export type { Split, SplitRole, Splits } from './split/split.ts';
