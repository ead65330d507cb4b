import { join } from 'node:path';
import { argMax } from 'pointsman/internal';
import { loadRouter } from 'pointsman/node';
import { parseTrainConfig } from '../training/config.ts';
import { trainFromFiles } from '../training/train/train-router.ts';
import { LARGE_CANDIDATES, largePrompts } from './large-traffic.ts';

/** Prompts that nobody learned of. */
const FRESH = 5000;

/**
 * One training from a file of `writeLargeTraffic`, in a process of its own; prints its seconds, the peak of resident memory, and the
 * success that the router's choices have on fresh prompts, beside that of the best single candidate and of the best choice.
 */
const [folder, file] = process.argv.slice(2);
const started = performance.now();
const steps: [string, number][] = [];
const out = join(folder, 'router');
const { traffic } = await trainFromFiles({
  files: [file],
  out,
  name: 'large',
  workFolder: join(folder, 'work'),
  // As light as a user may have it.
  config: parseTrainConfig({
    heads: ['linear'],
    folds: 2,
    resamples: 100,
    ngrams: { dimensions: 0 },
    offPolicy: { weights: 'none' },
  }),
  onProgress: (progress) => {
    if (progress.kind === 'step') steps.push([progress.what, (performance.now() - started) / 1000]);
  },
});
const seconds = (performance.now() - started) / 1000;
const peakMb = process.resourceUsage().maxRSS / 1024;
if (process.env.LARGE_STEPS) console.error(JSON.stringify(steps), traffic.ingest.rowsAccepted);

const router = await loadRouter(out);
const next = largePrompts(3);
const singles = new Float64Array(LARGE_CANDIDATES.length);
let [routed, best] = [0, 0];
for (let i = 0; i < FRESH; i++) {
  const { success, text } = next();
  const { candidate } = await router.route({ text });
  routed += success[LARGE_CANDIDATES.indexOf(candidate)] / FRESH;
  best += success[argMax(success)] / FRESH;
  for (const [c, each] of success.entries()) singles[c] += each / FRESH;
}
process.stdout.write(
  JSON.stringify({
    prompts: traffic.matrix.prompts.length,
    rows: traffic.ingest.rowsAccepted,
    seconds,
    peakMb,
    routed,
    single: singles[argMax(singles)],
    best,
  }),
);
