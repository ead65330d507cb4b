import { describe, expect, it } from 'vitest';
import { main } from '../../../training/cli/main.ts';
import { plantedTraffic } from '../../fixtures/planted-traffic.ts';
import { useShortStatic } from '../../fixtures/short-static.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { capturedIo } from './captured-io.ts';

useShortStatic();
const { path, write } = temporaryFolder();

async function run(...argv: string[]) {
  const io = capturedIo({ input: '' });
  const code = await main(argv, io);
  return { code, ...io.said };
}

/** Votes on two of three answers, under the names of an arena, and one row that says nothing. */
function votes(): string {
  const { candidates, prompts, quality } = plantedTraffic({ prompts: 1200, seed: 1 });
  const rows: object[] = prompts.map(({ request }, row) => {
    const [a, b] = [row % 3, (row + 1 + (row % 2)) % 3];
    const gap = quality[3 * row + a] - quality[3 * row + b];
    const winner = gap === 0 ? 'tie (bothbad)' : gap > 0 ? 'model_a' : 'model_b';
    return { prompt: request.text, model_a: candidates[a], model_b: candidates[b], winner };
  });
  return [...rows, { prompt: 'Which one?', model_a: 'poet', model_b: 'large', winner: 'who knows' }]
    .map((row) => `${JSON.stringify(row)}\n`)
    .join('');
}

describe('votes on pairs of answers', () => {
  const file = write('votes.jsonl', votes());
  const router = path('arena');
  const work = ['--work', path('work')];

  it('are recognised by init, which asks for no scores', async () => {
    const { code, out } = await run('init', file, '--dry-run');
    expect(out).toContain('format: preferences');
    expect(out).not.toMatch(/has a score, and/);
    expect(code).toBe(0);
  });

  it('become a router that says what its figures are, and how well it foretells them', async () => {
    const quick = write(
      'quick.yaml',
      'resamples: 100\nfolds: 2\nheads: [linear]\nngrams: { dimensions: 8 }\n',
    );
    const trained = await run('train', file, '--config', quick, '--out', router, ...work);
    expect(trained.code).toBe(0);
    const said = trained.out.replace(/\s+/g, ' ');
    expect(said).toContain('Quality is here the share of comparisons won against the other candidates');
    expect(said).toMatch(/Of 240 comparisons in the test split, [\d.]+ % tie/);
    expect(said).toContain('In quality, this router is better than no router');
    const routed = await run(
      'route',
      router,
      'Write a short poem about ships and rivers in the style of letter 9, with rhymes',
    );
    expect(routed.out).toContain('poet');
  }, 120_000);

  it('are nothing to tune on, and the message says why', async () => {
    for (const flags of [
      ['--max-loss', '2'],
      ['--max-loss', '2', '--candidates', 'poet,large'],
    ]) {
      const { code, err } = await run('tune', router, file, ...flags, ...work);
      expect(code).not.toBe(0);
      expect(err.replace(/\s+/g, ' ')).toMatch(
        /Tuning needs scores of single answers.*Got 1,200 comparisons/,
      );
    }
  }, 60_000);

  it('are measured by evaluate on other votes, and the row without a winner is counted by ingest', async () => {
    const ingested = await run('ingest', file, '--format', 'preferences', '--out', path('table.parquet'));
    expect(ingested.out).toMatch(/1 rejected, the comparison does not say which of the two is better/);
    expect(ingested.out).not.toContain('without a quality');
    const evaluated = await run('evaluate', router, path('table.parquet'), ...work);
    expect(`${evaluated.out}${evaluated.err}`.replace(/\s+/g, ' ')).toMatch(/comparisons in the test split/);
  }, 60_000);

  it('are another quality than scores, and evaluate says so', async () => {
    const { candidates, prompts, quality } = plantedTraffic({ prompts: 60, seed: 8 });
    const rows = prompts.flatMap(({ request, requestId }, row) =>
      candidates.map((candidate, c) => ({
        requestId,
        text: request.text,
        candidate,
        quality: quality[3 * row + c],
      })),
    );
    const scored = write('scored.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const { err } = await run('evaluate', router, scored, ...work);
    expect(err).toMatch(/trained on preferences alone.*this traffic has scores/);
    const again = await run('evaluate', router, path('table.parquet'), ...work);
    expect(again.err).not.toMatch(/trained on preferences alone/);
  }, 60_000);

  it('that all tie are told to say nothing', async () => {
    const ties = votes().replace(/"winner":"[^"]*"/g, '"winner":"tie"');
    const quick = path('quick.yaml');
    const file = write('ties.jsonl', ties.split('\n').slice(0, 300).join('\n'));
    const { err } = await run('train', file, '--config', quick, '--out', path('ties'), ...work);
    expect(err.replace(/\s+/g, ' ')).toContain(
      'Every comparison ties: nothing tells a better answer from a worse one',
    );
  }, 60_000);
});
