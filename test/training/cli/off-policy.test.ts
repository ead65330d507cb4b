import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createRandom } from 'pointsman/internal';
import { beforeAll, expect, it } from 'vitest';
import { main } from '../../../training/cli/main.ts';
import type { Evaluation } from '../../../training/evaluate/evaluation.ts';
import { useShortStatic } from '../../fixtures/short-static.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { type CapturedIo, capturedIo } from './captured-io.ts';
import { type PlantedRow, plantedRows, writeRows } from './planted-file.ts';

useShortStatic();
const { path } = temporaryFolder();
let router: string;
let trained: CapturedIo;

async function run(argv: readonly string[]): Promise<CapturedIo & { code: number }> {
  const io = capturedIo({ input: '' });
  return { ...io, code: await main(argv, io) };
}

/** One candidate a prompt, drawn with the given probabilities in the order of the rows. */
function logged(prompts: number, seed: number, shares: readonly number[], propensity = true): PlantedRow[] {
  // Not the stream that the traffic is made of.
  const random = createRandom(seed + 1000);
  const rows = plantedRows({ prompts, seed });
  return Array.from({ length: prompts }, (_, prompt) => {
    let at = random.next();
    const drawn = shares.findIndex((share) => {
      at -= share;
      return at < 0;
    });
    const row = rows[prompt * 3 + drawn];
    return propensity ? { ...row, propensity: shares[drawn] } : row;
  });
}

const train = (file: string, out: string) =>
  run([
    ...['train', file, '--out', out, '--config', path('train.yaml'), '--weights', 'best'],
    ...['--work', path('work')],
  ]);

beforeAll(async () => {
  router = join(path('models'), 'logged');
  const file = await writeRows(path('traffic.jsonl'), logged(1500, 1, [0.4, 0.3, 0.3]));
  await writeFile(
    path('train.yaml'),
    'resamples: 100\nfolds: 2\nheads: [linear]\nngrams: { dimensions: 8 }\n',
  );
  trained = await train(file, router);
}, 120_000);

it('training on one candidate per prompt says whether the router is better, and how it knows', async () => {
  const { out } = trained.said;
  const said = out.replaceAll('\n', ' ').trim();
  expect(said).toMatch(
    /^This router is better than no router: on 300 test prompts, by doubly robust estimation/,
  );
  expect(said).toContain('This rests on logged propensities.');
  const report = await readFile(/^Report +(.*report\.html)$/m.exec(out)![1], 'utf8');
  expect(report).toContain('How much of this the log can tell');
  expect(report).not.toMatch(/NaN|undefined|Infinity/);
  const inspected = await run(['inspect', router]);
  expect(inspected.said.out).toMatch(/^routed quality +[789]\d\.\d points$/m);
  // One number for one thing: the effective sample size.
  const [, says] = /effective sample size of the router's choices is ([\d,]+) prompt/.exec(said)!;
  expect(out).toMatch(new RegExp(`^this router +[\\d,]+ +${says} `, 'm'));
  expect(inspected.said.out).toMatch(new RegExp(`^effective sample size +${says}$`, 'm'));
  const { metrics } = JSON.parse((await run(['inspect', router, '--json'])).said.out);
  expect(metrics.gainOverBestSingleLow).toBeGreaterThan(0);
});

it('gives the same bytes for the same log, propensities fitted to it or not', async () => {
  const file = await writeRows(path('unknown.jsonl'), logged(120, 5, [0.4, 0.3, 0.3], false));
  const written = [];
  for (const parent of ['once', 'again']) {
    const { said } = await train(file, join(path(parent), 'logged'));
    const report = /^Report +(.*report\.html)$/m.exec(said.out)![1];
    const files = ['report.html', 'metrics.json', 'manifest.json', 'CARD.md'];
    written.push(await Promise.all(files.map((name) => readFile(join(dirname(report), name), 'utf8'))));
  }
  expect(written[1]).toEqual(written[0]);
  expect(written[0][0]).toContain('Propensities: fitted.');
}, 180_000);

it('evaluate --off-policy prints every estimator and the overlap, and all of it as JSON', async () => {
  const file = await writeRows(path('later.jsonl'), logged(500, 2, [0.4, 0.3, 0.3], false));
  const argv = ['evaluate', router, file, '--work', path('work'), '-q'];
  const { code, said } = await run([...argv, '--off-policy']);
  expect(code).toBe(0);
  for (const name of ['IPS', 'SNIPS', 'DR', 'switch-DR'])
    expect(said.out).toMatch(new RegExp(`^${name} +\\d+\\.\\d \\(.* \\+\\d+\\.\\d \\(`, 'm'));
  expect(said.out).toMatch(/^this router +1[3-9]\d +1\d\d +(0\.9|1\.)\d+/m);
  expect(said.out.replaceAll('\n', ' ')).toContain('no unobserved confounding given the prompt');
  // Without being asked, as nothing else could be said of such traffic.
  const json = await run([...argv, '--json']);
  const evaluation: Evaluation = JSON.parse(json.said.out);
  expect(evaluation.offPolicy!.propensities).toBe('fitted');
  expect(evaluation.verdict.outcome).toBe('better');
});

it('prompts that a candidate answered which the router does not know still count', async () => {
  const rows = logged(600, 3, [0.4, 0.3, 0.3]).map((row) =>
    row.candidate === 'large' ? { ...row, candidate: 'new-model' } : row,
  );
  const file = await writeRows(path('other.jsonl'), rows);
  const { said } = await run(['evaluate', router, file, '--work', path('work'), '-q', '--json']);
  const { offPolicy, coverage }: Evaluation = JSON.parse(said.out);
  // Two verses are those of the training.
  expect(offPolicy!.rows).toBe(598);
  expect(Math.abs(offPolicy!.overlap.candidates[1].meanWeight.estimate! - 1)).toBeLessThan(0.2);
  expect(coverage.notCompared).toEqual(['large']);
});

it('a log that cannot answer gives the reason and exit code 1', async () => {
  const file = await writeRows(
    path('certain.jsonl'),
    plantedRows({ prompts: 100, seed: 4 })
      .filter(({ candidate, task }) => candidate === (task === 'sum' ? 'reckoner' : 'large'))
      .map((row) => ({ ...row, propensity: 1 })),
  );
  const argv = ['evaluate', router, file, '--work', path('work'), '-q'];
  const { code, said } = await run([...argv, '--off-policy']);
  expect(code).toBe(1);
  expect(said.out.replaceAll('\n', ' ')).toContain('gave each prompt to its candidate with certainty');
  expect(said.err).toMatch(/^The log cannot say what this router is worth/);
  // One document, with the figures and the error.
  const json = await run([...argv, '--off-policy', '--json']);
  expect([json.code, json.said.err]).toEqual([1, '']);
  const { error, verdict } = JSON.parse(json.said.out);
  expect(error).toEqual({
    code: 'INVALID_INPUT',
    message: 'The log cannot say what this router is worth; the reason is given in the verdict.',
  });
  expect(verdict.sentence).toContain('gave each prompt to its candidate with certainty');
  expect((await run(argv)).code).toBe(0);
});

it('estimates from its own log by what was held back alone', async () => {
  const { code, said } = await run(['evaluate', router, path('traffic.jsonl'), '--work', path('work'), '-q']);
  expect(code).toBe(0);
  expect(said.err).toMatch(
    /^Note: 1,200 of 1,500 prompts were left out: the router was fitted or calibrated/,
  );
  const verdict = /^This router is[^.]*/.exec(trained.said.out.replaceAll('\n', ' ').trim())![0];
  expect(said.out.replaceAll('\n', ' ')).toContain(verdict);
});
