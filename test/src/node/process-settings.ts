/** Records in a batch of `logging-process.ts`. */
export const BATCH = 32;
