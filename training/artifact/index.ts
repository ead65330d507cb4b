export { EXAMPLES_FILE, type Example } from './examples.ts';
export { type CardFigure, type CardInfo, renderCard } from './render-card.ts';
export { addReports, type ManifestContents, type SealedArtifact, sealArtifact } from './seal-artifact.ts';
export { type WrittenArtifact, writeArtifact } from './write-artifact.ts';
