import { collectLogs } from '../../../training/log-store/collect.ts';

// Takes logs into a store in small batches, again and again, and merges them, until it is killed. It says when it begins. Of a bucket
// the lease is short, so that who comes after it need not wait.
const [out, ...sources] = process.argv.slice(2);
process.send?.('begun');
const merging = { mostParts: 1, graceMs: 0, leaseMs: 600 };
for (;;) await collectLogs({ sources, out, batchBytes: 8_000, memoryLimitMb: 256, ...merging });
