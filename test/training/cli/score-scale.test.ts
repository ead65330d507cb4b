import { beforeAll, describe, expect, it } from 'vitest';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { main } from '../../../training/cli/main.ts';
import { plantedTraffic } from '../../fixtures/planted-traffic.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { trainedSealed } from '../candidates/fixture.ts';
import { capturedIo } from './captured-io.ts';
import { type PlantedRow, plantedRows, writeRows } from './planted-file.ts';

const { path, write } = temporaryFolder();
const router = path('models/planted');
const work = ['--work', path('work'), '--quiet'];
let stars: string;
let broken: string;

async function run(argv: readonly string[]) {
  const io = capturedIo();
  const code = await main(argv, io);
  return { code, ...io.said };
}

beforeAll(async () => {
  await writeArtifact(router, await trainedSealed(plantedTraffic({ prompts: 300, seed: 1 })));
  const rows = plantedRows({ prompts: 80, seed: 2 });
  const rated: PlantedRow[] = rows.map((row, i) => ({
    ...row,
    quality: row.quality === 1 ? 5 - (i % 2) : 1 + (i % 2),
  }));
  const withNew = rated.flatMap((row) =>
    row.candidate === 'poet' ? [row, { ...row, candidate: 'bard' }] : [row],
  );
  stars = await writeRows(path('stars.jsonl'), withNew);
  broken = await writeRows(
    path('broken.jsonl'),
    rows.map((row, i) => (i % 4 === 0 ? { ...row, costUsd: 'free' } : row)),
  );
}, 120_000);

/** Every command that reads traffic, and what it says when it could. */
const COMMANDS: readonly (readonly [string, (file: string) => string[]])[] = [
  ['train', (file) => ['train', file, '--out', path('models/none'), '--dry-run', ...work]],
  ['ingest', (file) => ['ingest', file, '--out', path('out.parquet')]],
  ['evaluate', (file) => ['evaluate', router, file, ...work]],
  ['tune', (file) => ['tune', router, file, '--strong-share', '0.3', '--candidates', 'poet,large', ...work]],
  ['tune for weights', (file) => ['tune', router, file, '--max-loss', '50', ...work]],
  ['candidates add', (file) => ['candidates', 'add', 'bard', '--probes', file, '--router', router, ...work]],
];

describe.each(COMMANDS)('pointsman %s', (_, argv) => {
  it('stops at ratings of 1 to 5 and names the option, and reads them with it or with auto', async () => {
    const { code, err, out } = await run(argv(stars));
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/scale of 1 to 5.*--score-range 1\.\.5/s);
    expect(await run([...argv(stars), '--score-range', '1..5'])).toMatchObject({ code: 0 });
    // Added is added: of that alone the second run may complain.
    expect((await run([...argv(stars), '--score-range', 'auto'])).err).not.toContain('scale');
  });

  it('stops where one reason rejects a quarter of the rows, unless it may', async () => {
    const { code, err } = await run(argv(broken));
    expect(code).toBe(1);
    expect(err).toMatch(
      /60 of 240 rows \(25 %\) were rejected for one reason.*`costUsd`.*--max-rejected 0\.26/s,
    );
    const allowed = await run([...argv(broken), '--max-rejected', '0.26']);
    expect(allowed.err).not.toContain('were rejected for one reason');
  });
});

it('the scale that was found is named by ingest', async () => {
  const { out } = await run(['ingest', stars, '--out', path('out.parquet'), '--score-range', 'auto']);
  expect(out).toContain('  scores read as 1 (worst) to 5 (best), as was found\n');
});

it.each(['5..5', '1-5', '1..', 'stars'])('--score-range %s is refused with what it may be', async (range) => {
  const { code, err } = await run([
    'ingest',
    write('x.jsonl', ''),
    '--out',
    path('o'),
    '--score-range',
    range,
  ]);
  expect(code).toBe(2);
  expect(err).toContain('Give the worst score and the best: 1..5, or 6..1 where 1 is the best; or auto.');
});
