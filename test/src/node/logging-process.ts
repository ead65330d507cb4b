// Logs as fast as it can until it is killed. Says on file descriptor 3, a line each, how many decisions were told
// ("t 64"), that a batch is about to be written ("w 32"), and how many are acknowledged after it ("a 64").
import { writeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { createDecisionLog } from '../../../src/log/create-decision-log.ts';
import { createFileSink } from '../../../src/node/file-sink.ts';
import { aDecision } from '../log/a-decision.ts';
import { BATCH } from './process-settings.ts';

const [, , folder, run, size] = process.argv;
// What the operating system has taken outlives the process, on the disk or not.
const sink = createFileSink({ folder, maxBytes: 2 ** 20, fsync: 'never' });
let told = 0;
let acknowledged = 0;
const log = createDecisionLog({
  batch: BATCH,
  flushMs: 1,
  newId: () => `${run}-${told}`,
  sink: {
    async write(records) {
      writeSync(3, `w ${records.length}\n`);
      await sink.write(records);
      acknowledged += records.length;
      writeSync(3, `a ${acknowledged}\n`);
    },
    close: () => sink.close(),
  },
});
const prompt = { text: 'x'.repeat(Number(size)) };
for (;;) {
  // One batch on its way and one that is being filled: what is not acknowledged is at most that.
  while (log.stats().pending < 2 * BATCH) {
    log.decided(aDecision(), prompt);
    told++;
  }
  writeSync(3, `t ${told}\n`);
  await turn();
}
