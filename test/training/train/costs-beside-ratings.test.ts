import { writeFile } from 'node:fs/promises';
import { readArtifactFolder } from 'pointsman/node';
import { expect, it } from 'vitest';
import { main } from '../../../training/cli/main.ts';
import { useShortStatic } from '../../fixtures/short-static.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { capturedIo } from '../cli/captured-io.ts';
import { type PlantedRow, plantedRows, writeRows } from '../cli/planted-file.ts';

useShortStatic();
const { path } = temporaryFolder();

/** One answer a prompt, drawn in turn. Half of them are rated and have no cost; of the others it is the other way about. */
const log = plantedRows({ prompts: 600, seed: 8, signal: false })
  .filter((_, i) => i % 3 === Math.floor(i / 3) % 3)
  .map(({ costUsd, quality, ...row }, i): PlantedRow => {
    const isRated = Math.floor(i / 3) % 2 === 0;
    return { ...row, propensity: 1 / 3, ...(isRated ? { quality } : { costUsd }) };
  });
const PRICES = { large: 10, poet: 1, reckoner: 1 } as Readonly<Record<string, number>>;
const withTokens = log.map(({ costUsd, ...row }, i): PlantedRow => {
  const [inputTokens, outputTokens] = [100 + (i % 37), 50 + (i % 23) * 9];
  const price = PRICES[String(row.candidate)];
  const bill = (price * (inputTokens + 4 * outputTokens)) / 1e6;
  return { ...row, inputTokens, outputTokens, ...(costUsd === undefined ? {} : { costUsd: bill }) };
});

it.each([
  ['costs alone', log],
  ['tokens and bills', withTokens],
])('costs of calls that nobody rated weigh in the choice: %s', async (name, rows) => {
  const file = await writeRows(path(`${name}.jsonl`), rows);
  await writeFile(
    path('train.yaml'),
    'resamples: 100\nfolds: 2\nheads: [linear]\nngrams: { dimensions: 8 }\n',
  );
  const router = path(`models/${name.replaceAll(' ', '-')}`);
  const run = async (...argv: string[]) => {
    const io = capturedIo();
    return { ...io, code: await main(argv, io) };
  };
  const trained = await run(
    'train',
    file,
    '--out',
    router,
    '--config',
    path('train.yaml'),
    '--work',
    path('work'),
    '-q',
  );
  expect(trained.code, trained.said.err).toBe(0);
  const { candidates } = (await readArtifactFolder(router)).manifest;
  const costs = Object.fromEntries(candidates.map(({ meanCostUsd, name: own }) => [own, meanCostUsd]));
  expect(costs.large! / costs.poet!).toBeGreaterThan(8);
  expect(costs.large! / costs.poet!).toBeLessThan(12);
  const { said } = await run(
    'route',
    router,
    'What is 17 + 4 when ships number 3 are counted twice?',
    '--weights',
    'cheapest',
    '--json',
  );
  const { candidate, predictions, reasons } = JSON.parse(said.out);
  expect(candidate).not.toBe('large');
  const ofLarge = predictions.find((one: { candidate: string }) => one.candidate === 'large');
  expect(ofLarge.expectedCostUsd / predictions[0].expectedCostUsd).toBeGreaterThan(4);
  expect(reasons.join(' ')).not.toMatch(/ties on utility|counted nothing/);
});
