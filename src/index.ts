export type { Calibrator, CalibratorParameters } from './calibrator/calibrator.ts';
export type { Candidate, Modality } from './candidate/candidate.ts';
export type { Embedder, SyncEmbedder } from './embedder/embedder.ts';
export { ArtifactError } from './errors/artifact-error.ts';
export { InvalidInputError } from './errors/invalid-input-error.ts';
export { MissingPackageError } from './errors/missing-package-error.ts';
export { PointsmanError } from './errors/pointsman-error.ts';
export type { Head } from './head/head.ts';
export type { ContentPart, Message, Request } from './request/request.ts';
