export { batchesOf, type ScreenOptions, screenBatches } from './screen-batches.ts';
export type { BatchScreening, Suspicion } from './screening.ts';
export { sourceOfBatch } from './screening-units.ts';
