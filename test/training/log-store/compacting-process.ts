import { compactLog } from '../../../training/log-store/compact.ts';

// Compacts a log, says how many files are done, and goes on until it is killed or nothing is left.
await compactLog({ folder: process.argv[2], onProgress: ({ filesDone }) => process.send?.(filesDone) });
process.disconnect?.();
