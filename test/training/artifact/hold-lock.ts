import { withRetrainLock } from '../../../training/artifact/versions.ts';

// Holds the lock of a folder until it is killed, and says so.
await withRetrainLock(process.argv[2], async () => {
  process.send?.('held');
  await new Promise<void>((resolve) => {
    process.on('message', () => resolve());
  });
});
process.disconnect?.();
