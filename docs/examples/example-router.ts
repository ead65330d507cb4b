import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTrainConfig, trainFromFiles } from '@pointsman/training';
import type { Router, RouterOptions } from 'pointsman';
import { loadRouter } from 'pointsman/node';
import { exampleTraffic } from './example-traffic.ts';

/**
 * The router of the examples, with the policy of one of them. It is trained when it is not there yet, which takes some
 * seconds; yours comes from `npx pointsman train traffic.jsonl --out models/support`.
 */
export async function exampleRouter(options: RouterOptions, folder = '.pointsman/examples'): Promise<Router> {
  const out = join(folder, 'router');
  if (!existsSync(join(out, 'current.json'))) {
    await mkdir(folder, { recursive: true });
    const file = join(folder, 'traffic.jsonl');
    await writeFile(
      file,
      exampleTraffic()
        .map((row) => `${JSON.stringify(row)}\n`)
        .join(''),
    );
    const config = parseTrainConfig({
      folds: 3,
      heads: ['linear'],
      resamples: 200,
      uncertainty: true,
      ngrams: { dimensions: 16 },
      candidates: {
        mini: { inputPricePerMillionTokens: 0.1, outputPricePerMillionTokens: 0.4 },
        coder: { inputPricePerMillionTokens: 1, outputPricePerMillionTokens: 5 },
        vision: {
          inputPricePerMillionTokens: 2,
          outputPricePerMillionTokens: 8,
          modalities: ['text', 'image'],
        },
        pro: { inputPricePerMillionTokens: 3, outputPricePerMillionTokens: 15 },
      },
    });
    await trainFromFiles({ files: [file], out, name: 'examples', config, workFolder: folder });
  }
  return loadRouter(out, options);
}
