// Embeds 40 texts into the cache folder argv[2], prints each text it embeds, and hangs at text number argv[3].
import { writeSync } from 'node:fs';
import { embedAll } from '../../../training/embed/embed.ts';

const [folder, stopAt] = process.argv.slice(2);
const texts = Array.from({ length: 40 }, (_, i) => `text ${i}`);
let seen = 0;

await embedAll(
  {
    id: 'slow',
    dimensions: 2,
    async embed(batch) {
      for (const text of batch) {
        writeSync(1, `${text}\n`);
        if (++seen === Number(stopAt)) {
          writeSync(1, 'hanging\n');
          await new Promise((resolve) => setTimeout(resolve, 600_000));
        }
      }
      return batch.map((text) => Float32Array.of(text.length, 1));
    },
  },
  texts,
  { cacheFolder: folder, batchSize: 4 },
);
