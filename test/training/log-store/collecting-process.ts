import { collectLogs } from '../../../training/log-store/collect.ts';

// Takes logs into a store in small batches, again and again, until it is killed. It says when it begins.
const [out, ...sources] = process.argv.slice(2);
process.send?.('begun');
for (;;) await collectLogs({ sources, out, batchBytes: 20_000, memoryLimitMb: 256 });
