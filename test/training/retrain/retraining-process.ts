import { setTimeout as sleep } from 'node:timers/promises';
import { checkFence, takeFence, withRetrainLock } from '../../../training/artifact/versions.ts';
import { pointAtVersion } from '../../../training/artifact/write-artifact.ts';
import { startRetrainWorker } from '../../../training/retrain/queued.ts';

// A worker whose retrainings only take their time, and then promote a version that is called after it.
const [url, who] = process.argv.slice(2);
await startRetrainWorker({
  url,
  leaseMs: 1000,
  againMs: 200,
  run: ({ router }) =>
    withRetrainLock(
      router,
      async () => {
        const fence = await takeFence(router, true);
        process.send?.('begun');
        await sleep(2000);
        try {
          await pointAtVersion(router, `v-${who}`, () => checkFence(router, fence));
        } catch (error) {
          process.send?.(`refused ${(error as Error).message}`);
          throw error;
        }
        process.send?.('promoted');
        return 'promoted';
      },
      true,
    ),
});
process.send?.('ready');
